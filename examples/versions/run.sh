#!/usr/bin/env bash
# The versions example from history to proof.
# Needs cargo and a C compiler; works from any directory, any number of times. Writes to out/ and .onepath/ of this folder,
# and to cargo's target folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

heading() { printf '\n== %s\n' "$1"; }
shown() { printf '$ %s\n' "$*"; "$@"; }

heading "Build onepath and the components; forget what an earlier run pushed and served"
cargo build --release -p onepath
metadata=$(cargo metadata --format-version 1 --no-deps)
PATH="$(sed 's/.*"target_directory":"\([^"]*\)".*/\1/' <<<"$metadata")/release:$PATH"
rm -rf out .onepath/log.sqlite* .onepath/online.sqlite*
mkdir out
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
