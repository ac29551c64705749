#!/usr/bin/env bash
# The versions example from history to proof.
# Works from any directory, any number of times.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../begin.sh
begin

heading "Compile the transforms to WebAssembly components"
shown onepath build

heading "One training set of both versions"
shown onepath backfill --service both --spine data/labels.csv --as-of-column label_date --full-feature-names \
    --out out/training.csv --head 6
shown cmp out/training.csv expected/training.csv

heading "Serve: each model reads its version, from one push"
shown onepath materialize --up-to 2024-06-14T23:59:59Z
shown onepath ingest --source purchases data/today.ndjson --arrived-at event-time
shown onepath get --service model_v1 --entity customer_id=c1 --as-of 2024-06-15T12:00:00Z
shown onepath get --service model_v2 --entity customer_id=c1 --as-of 2024-06-15T12:00:00Z
shown onepath get --service both --entity customer_id=c1 --as-of 2024-06-15T12:00:00Z

heading "Proof: every vector served above, replayed by the path that makes training sets"
shown onepath verify
