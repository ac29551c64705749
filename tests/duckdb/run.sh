#!/usr/bin/env bash
# Asks DuckDB again what expressions are held to, and compares with what is kept; with --update, keeps it.
# Needs cargo, Python 3.10 or newer with venv, and, the first time, the Python package index: DuckDB is installed into
# target/duckdb, and kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
venv="$target/duckdb"
version=$(sed -n 's/^duckdb==//p' requirements.txt)

if [ "$("$venv/bin/pip" show duckdb 2>/dev/null | sed -n 's/^Version: //p')" != "$version" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
    echo "installed duckdb $version"
fi
case "${1:-}" in
    --update) exec "$venv/bin/python" answers.py answers.jsonl ;;
    "") ;;
    *)
        echo "usage: tests/duckdb/run.sh [--update]" >&2
        exit 2
        ;;
esac
answers=$(mktemp)
trap 'rm -f "$answers"' EXIT
"$venv/bin/python" answers.py "$answers"
"$venv/bin/python" answers.py --compare answers.jsonl "$answers"
