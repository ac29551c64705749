#!/usr/bin/env bash
# onepath and Feast's feature server over HTTP, one after the other on this machine, asked by one load generator with the same
# bytes: churn features of 50,000 customers. Needs what tests/feast/run.sh needs.
#
#   bash host/benches/http/run.sh [SECONDS]        # seconds per measurement, 5 where none are given
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
here=$PWD seconds=${1:-5} version=0.67.0 customers=50000 each=20
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
venv="$target/feast/venv"
if [ "$("$venv/bin/pip" show feast 2>/dev/null | sed -n 's/^Version: //p')" != "$version" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "feast==$version"
fi
cargo build --release --quiet -p onepath
onepath="$target/release/onepath"
load=$(cargo bench --quiet --no-run -p onepath --bench http --message-format json | sed -n 's/.*"executable":"\([^"]*\/deps\/http-[^"/]*\)".*/\1/p')

work=$(mktemp -d) server=""
# Feast's server has workers below it: the whole group is ended.
trap 'exit 1' INT TERM
trap '[ -z "$server" ] || kill -TERM -- "-$server" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/onepath" "$work/feast"
cat > "$work/onepath/onepath.toml" <<TOML
[project]
name = "bench"
[entities.customer]
keys = { customer_id = "text" }
[sources.events]
entity = "customer"
files = ["events.csv"]
event_time = "event_timestamp"
[views.activity]
sources = ["events"]
transform = "$here/../../../transforms/churn"
[services.churn_v1]
features = ["activity:*"]
TOML
echo "== $customers customers, $each events each: history, states, and the same features for Feast"
cd "$work/onepath"
"$load" events $customers $each > events.csv
"$onepath" build --format json > /dev/null
"$onepath" materialize
as_of=$(date -u +%Y-%m-%dT%H:%M:%SZ)
{ echo customer_id,as_of; for ((n = 0; n < customers; n++)); do echo "c$n,$as_of"; done; } > spine.csv
"$onepath" backfill --service churn_v1 --spine spine.csv --as-of-column as_of --out features.parquet
cp "$here/feature_store.yaml" "$here/features.py" features.parquet "$work/feast"
cd "$work/feast"
"$venv/bin/feast" apply > apply.log 2>&1
"$venv/bin/feast" materialize 2000-01-01T00:00:00 2100-01-01T00:00:00 > materialize.log 2>&1

# Resident memory of the server and the processes that it started, in MB. The server leads a session of its own.
resident() { ps -o rss= -s "$1" | awk '{ kilobytes += $1 } END { printf "%d", kilobytes / 1024 }'; }
# Processor time of the same, in hundredths of a second.
used() {
    local pid
    for pid in $(ps -o pid= -s "$1"); do sed 's/.*) //' "/proc/$pid/stat"; done |
        awk '{ ticks += $12 + $13 + $14 + $15 } END { printf "%d", ticks }'
}
# Runs the load generator; beside its line, the server's own processor time a request, which other work on the machine hardly
# changes.
measured() {
    local before line
    before=$(used "$server")
    line=$("$load" "$@")
    echo "$name $line, $(awk -v ticks=$(($(used "$server") - before)) '{ printf "%d", ticks * 10000 / $(NF - 1) }' <<<"$line") us of CPU each"
}
start() {
    setsid "$@" > "$work/server.log" 2>&1 &
    server=$!
    until curl --silent --fail --output /dev/null "http://$address/health"; do kill -0 "$server"; done
}
stop() {
    kill -TERM -- "-$server"
    wait "$server" || true
    server=""
}
for name in onepath feast onepath feast; do
    cd "$work/$name"
    case $name in
    onepath) address=127.0.0.1:16567; start "$onepath" serve --listen $address ;;
    feast) address=127.0.0.1:16566; start "$venv/bin/feast" serve --host 127.0.0.1 --port 16566 ;;
    esac
    echo "== $name: $(resident $server) MB resident before the load"
    for rows in 1 100; do
        for connections in 1 8; do
            measured ask $address $connections $rows "$seconds"
        done
    done
    if [ $name = onepath ]; then
        measured push $address 8 100 "$seconds"
        curl --silent "http://$address/metrics" | grep -E '^onepath_served_(logged|dropped)_total'
    fi
    echo "== $name: $(resident $server) MB resident after it"
    stop
done
cd "$work/onepath"
echo "== proof"
"$onepath" verify
