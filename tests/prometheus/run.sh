#!/usr/bin/env bash
# A real Prometheus (Debian's package) scrapes a server, evaluates the rules of `onepath monitor rules` and finds the promise that the
# project breaks; promtool tries each alert on made-up series. Needs root and a network the first time, to install the package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if ! command -v promtool >/dev/null || ! command -v prometheus >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >/dev/null
fi
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
cargo build --release --locked --quiet -p onepath
onepath=$target/release/onepath
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

"$onepath" monitor rules >"$work/onepath.rules.yml"
cp tests/prometheus/rules_test.yml "$work"
(cd "$work" && promtool check rules onepath.rules.yml && promtool test rules rules_test.yml)

mkdir "$work/project"
cat >"$work/project/onepath.toml" <<'PROJECT'
[project]
name = "watched"
[entities.customer]
keys = { customer_id = "text" }
[sources.events]
entity = "customer"
files = ["events.csv"]
event_time = "at"
materialize_every = "1d"
fields = { amount = { type = "float64", nullable = true } }
[views.spent]
sources = ["events"]
freshness = "1h"
[views.spent.features]
spent = { sum = "amount" }
[services.all]
features = ["spent:*"]
PROJECT
printf 'customer_id,at,amount\nc1,2024-01-01,5\n' >"$work/project/events.csv"
cd "$work/project"
"$onepath" materialize --up-to 2024-01-02
"$onepath" serve --listen 127.0.0.1:0 >"$work/serve.log" 2>&1 &
pids+=($!)

# Waits until a command succeeds, a minute at most.
wait_for() {
    local end=$((SECONDS + 60))
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$end" ]; then
            echo "waited in vain for: $*" >&2
            cat "$work"/*.log >&2
            exit 1
        fi
        sleep 0.2
    done
}
address() { grep -oE 'http://127\.0\.0\.1:[0-9]+' "$work/serve.log" | head -1; }
wait_for address
url=$(address)
wait_for curl -fsS "$url/health"

cat >"$work/prometheus.yml" <<CONFIG
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ["$work/onepath.rules.yml"]
scrape_configs:
  - job_name: onepath
    static_configs: [{ targets: ["${url#http://}"] }]
CONFIG
# It takes no port 0: a free one is asked for.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" --web.listen-address="127.0.0.1:$port" \
    >"$work/prometheus.log" 2>&1 &
pids+=($!)
api="http://127.0.0.1:$port/api/v1"

# Whether every rule was evaluated without an error, and exactly what this project breaks is told.
as_it_should() {
    curl -fsS "$api/rules" | python3 -c '
import json, sys
rules = [rule for group in json.load(sys.stdin)["data"]["groups"] for rule in group["rules"]]
unwell = [rule["name"] for rule in rules if rule["health"] != "ok"]
told = sorted(rule["name"] for rule in rules if rule["state"] != "inactive")
print(f"{len(rules)} rules; not well: {unwell}; told: {told}")
sys.exit(not (len(rules) == 12 and not unwell and told == ["OnepathMaterializationLate", "OnepathViewStale"]))'
}
wait_for as_it_should
as_it_should
