#!/usr/bin/env bash
# The fraud example from history to proof.
# Works from any directory, any number of times.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../begin.sh
begin

heading "Compile the transforms to WebAssembly components"
shown onepath build

heading "A training set: each payment that was asked for, two seconds before it was booked"
shown onepath backfill --service fraud_v1 --spine data/labels.csv --as-of-column asked_at --out out/training.csv --head 5
shown cmp out/training.csv expected/training.csv

heading "The same features declared, without Rust: the same bytes"
shown onepath build --project declared --locked
shown onepath backfill --project declared --service fraud_v1 --spine data/labels.csv --as-of-column asked_at \
    --out out/declared.csv
shown cmp out/declared.csv expected/training.csv

heading "Serve: card k4 on the last day, as its payments are pushed"
shown onepath materialize --up-to 2024-06-29T23:59:59Z
shown onepath ingest --source payments data/today.ndjson --arrived-at event-time
shown onepath get --service fraud_v1 --entity card_id=k4 --request amount=610.00 --as-of 2024-06-30T18:33:30Z
echo "a day later nothing has arrived, and the windows are empty:"
shown onepath get --service fraud_v1 --entity card_id=k4 --request amount=610.00 --as-of 2024-07-02T18:00:00Z
echo "a card that never paid:"
shown onepath get --service fraud_v1 --entity card_id=k999 --request amount=12.50

heading "Proof: every vector served above, replayed by the path that makes training sets"
shown onepath verify
