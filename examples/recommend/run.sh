#!/usr/bin/env bash
# The recommend example from history to proof.
# Works from any directory, any number of times.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../begin.sh
begin

heading "Compile the transforms to WebAssembly components"
shown onepath build

heading "A training set: users and items, as of the moment when the item was shown"
shown onepath backfill --service recommend_v1 --spine data/labels.csv --as-of-column asked_at --full-feature-names \
    --out out/training.csv --head 5
shown cmp out/training.csv expected/training.csv

heading "The same features declared, without Rust: the same bytes"
shown onepath build --project declared --locked
shown onepath backfill --project declared --service recommend_v1 --spine data/labels.csv --as-of-column asked_at \
    --full-feature-names --out out/declared.csv
shown cmp out/declared.csv expected/training.csv

heading "Serve: one push of a rating moves the features of its user and of its item"
shown onepath materialize --up-to 2024-06-29T23:59:59Z
shown onepath get --service recommend_v1 --entity user_id=u1 --entity item_id=i2 --as-of 2024-06-30T08:00:00Z
shown onepath ingest --source ratings data/today.ndjson --arrived-at event-time
shown onepath get --service recommend_v1 --entity user_id=u1 --entity item_id=i2 --as-of 2024-06-30T20:00:00Z
echo "an item of which no embedding was published:"
shown onepath get --service recommend_v1 --entity user_id=u1 --entity item_id=i8 --as-of 2024-06-30T20:00:00Z

heading "Proof: every vector served above, replayed by the path that makes training sets"
shown onepath verify
