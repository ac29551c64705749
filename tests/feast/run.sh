#!/usr/bin/env bash
# Feast's own client against onepath: reads features and writes events through its `remote` online store, unchanged.
# Needs cargo, Python 3.10 or newer with venv, and, the first time, the Python package index: Feast is installed into
# target/feast (about a minute), and kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
version=0.67.0
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
venv="$target/feast/venv"

if [ "$("$venv/bin/pip" show feast 2>/dev/null | sed -n 's/^Version: //p')" != "$version" ]; then
    started=$SECONDS
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "feast==$version"
    echo "installed feast $version in $((SECONDS - started)) s"
fi
cargo build --release --quiet -p onepath
onepath="$target/release/onepath"
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
