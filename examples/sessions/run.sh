#!/usr/bin/env bash
# The sessions example from history to proof.
# Works from any directory, any number of times.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../begin.sh
begin

heading "Compile the transforms to WebAssembly components"
shown onepath build

heading "The history of the features: at each click, as they were known then"
shown onepath backfill --service offer_v1 --at events --out out/history.csv --head 13
shown cmp out/history.csv expected/history.csv

heading "The same features declared, without Rust: the same bytes"
shown onepath build --project declared --locked
shown onepath backfill --project declared --service offer_v1 --at events --out out/declared.csv
shown cmp out/declared.csv expected/history.csv

heading "Serve: the features move with each push, and are there when it returns"
shown onepath materialize --up-to 2024-06-30T23:59:59Z
shown onepath ingest --source clicks data/push_1.ndjson --arrived-at event-time
shown onepath get --service offer_v1 --entity visitor_id=v1 --as-of 2024-07-01T09:00:00Z
shown onepath ingest --source clicks data/push_2.ndjson --arrived-at event-time
shown onepath get --service offer_v1 --entity visitor_id=v1 --as-of 2024-07-01T09:10:00Z
echo "31 minutes after the start: another visit begins"
shown onepath ingest --source clicks data/push_3.ndjson --arrived-at event-time
shown onepath get --service offer_v1 --entity visitor_id=v1 --as-of 2024-07-01T09:31:00Z

heading "Proof: every vector served above, replayed by the path that makes training sets"
shown onepath verify
