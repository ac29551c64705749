#!/usr/bin/env bash
# Feast's own client against onepath: reads features and writes events through its `remote` online store, unchanged.
# Needs cargo, Python 3.10 or newer with venv, and, the first time, the Python package index: Feast is installed into
# target/feast (about a minute), and kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./install.sh
"$onepath" build --format json > /dev/null

# A server and a Feast repository of this run alone.
"$onepath" reset --yes > /dev/null
repository=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$repository"' EXIT
cp feature_store.yaml client.py "$repository"
mkfifo "$repository/listening"
"$onepath" serve --listen 127.0.0.1:0 > "$repository/listening" &
server=$!
exec 3< "$repository/listening"
read -r line <&3
export ONEPATH_URL="${line##* }"
(cd "$repository" && "$venv/bin/python" -W ignore client.py)

# The end is graceful, and what Feast's client was served is what a backfill gives.
kill -TERM "$server"
wait "$server"
server=""
"$onepath" verify
