#!/usr/bin/env bash
# The churn example from history to proof. Needs curl too; works from any directory, any number of times. The first build takes
# some minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../begin.sh
begin churn-tools

heading "Compile the transform to a WebAssembly component"
shown onepath build

heading "A training set: each customer's features as of the label date"
shown onepath backfill --service churn_v1 --spine data/labels.csv --as-of-column label_date \
    --out out/training.csv --head 5
shown cmp out/training.csv expected/training.csv || {
    echo "the training set is not the expected one: a feature's meaning or the data has changed" >&2
    exit 1
}
echo "the same bytes as expected/training.csv"
shown churn-tools check data out/training.csv label_date

heading "The same features declared, without Rust: the same bytes"
shown onepath build --project declared --locked
shown onepath backfill --project declared --service churn_v1 --spine data/labels.csv --as-of-column label_date \
    --out out/declared.csv
shown cmp out/declared.csv expected/training.csv

heading "The online store: fold two years of history into states, then push the day after"
shown onepath materialize --up-to 2024-12-31
shown onepath ingest --source events data/today.ndjson --arrived-at event-time

heading "Serve: c207 bought something today; nothing arrives afterwards, and the features still move on"
shown onepath get --service churn_v1 --entity customer_id=c207 --as-of 2024-12-31T12:00:00Z
shown onepath get --service churn_v1 --entity customer_id=c207 --as-of 2025-01-31T12:00:00Z
echo "before today's purchase, answered by replay:"
shown onepath get --service churn_v1 --entity customer_id=c207 --as-of 2024-12-30T12:00:00Z
echo "another customer, and one that is unknown, as of now:"
shown onepath get --service churn_v1 --entity customer_id=c211
shown onepath get --service churn_v1 --entity customer_id=nobody

heading "Serve over HTTP, in the JSON of Feast's feature server; then end gracefully"
mkfifo out/listening
onepath serve --listen 127.0.0.1:0 > out/listening 2> out/serve.log &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
exec 3< out/listening
read -r line <&3
echo "$line"
shown curl --silent --show-error --fail "${line##* }/get-online-features" \
    -d '{"feature_service": "churn_v1", "entities": {"customer_id": ["c207", "nobody"]}}'
echo
kill -TERM "$server"
wait "$server"
trap - EXIT

heading "Proof: every vector served above, replayed by the path that makes training sets"
shown onepath verify

heading "The leak: the same model, trained on features that saw 90 days of the future"
shown onepath backfill --service churn_v1 --spine data/labels_leaky.csv --as-of-column seen_until --out out/leaky.csv
shown churn-tools leak out/training.csv out/leaky.csv
