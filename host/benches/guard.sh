#!/usr/bin/env bash
# Compares the speed of two builds of onepath in turns. See --help. Needs git, cargo and Python 3.8 (its standard library only).
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD guard=$PWD/target/guard
export ONEPATH_CACHE=$guard/cache

usage() {
    cat <<'HELP'
Compares the processor time of two builds of onepath, in turns on the same machine.

usage: bash host/benches/guard.sh [OPTIONS] OLD NEW

OLD and NEW are each a git commit (a hash, branch or tag) or the path of an onepath executable. A commit is built once, under
target/guard/HASH; delete target/guard to free the space. A side that is a commit runs the churn example, SDK and transform of
that commit; an executable runs those of the working tree.

workloads (--only):
  M          a backfill: 1 million events, 200 thousand spine rows, Parquet
  L          a backfill: 10 million events, 1 million spine rows, Parquet
  csv        M from CSV files
  questions  8,000 questions of 1 or 100 entities to `onepath serve`
  pushes     600 pushes of 1 or 100 events to `onepath serve`

options:
  --only LIST              workloads, with commas between [default: all]
  --rounds N               rounds of each workload; fewer than 5 decide nothing [default: 15]
  --max-ratio R            how much slower NEW may be [default: 1.03]
  --threads N              threads of backfills [default: one per core]
  --component-old FILE     the churn component (.wasm) that OLD runs
  --component-new FILE     the churn component (.wasm) that NEW runs
  --allow-different        the two sides may give different values
  --format text|json       how the result is printed [default: text]

The table has the median of both sides and the median, smallest and largest ratio of the rounds. The verdict is `slower` if the median
ratio is above --max-ratio and the rounds show with 95% confidence that NEW is slower at all (a sign test); `unclear` if only
the first holds. Processor time is that of the whole process for backfills, and from the first request to the end of the process
for a server. Instructions in user space are compared too where the machine counts them.

exit codes: 0 no slower; 1 slower, or different values; 2 misuse, or a side that cannot be measured.

examples:
  bash host/benches/guard.sh main HEAD
  bash host/benches/guard.sh HEAD target/release/onepath              # what is not committed yet
  bash host/benches/guard.sh --only M,csv --rounds 31 main HEAD
  bash host/benches/guard.sh --component-old a.wasm --component-new b.wasm target/release/onepath target/release/onepath
HELP
}
misuse() { printf 'guard: %s; see --help\n' "$1" >&2; exit 2; }
say() { printf 'guard: %s\n' "$1" >&2; }

only=M,L,csv,questions,pushes rounds=15 ratio_max=1.03 threads=0 different=false format=text component_old="" component_new="" sides=()
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage; exit 0 ;;
    --allow-different) different=true; shift; continue ;;
    --only | --rounds | --max-ratio | --threads | --component-old | --component-new | --format)
        [ $# -gt 1 ] || misuse "$1 needs a value" ;;
    -*) misuse "unknown option $1" ;;
    *) sides+=("$1"); shift; continue ;;
    esac
    case $1 in
    --only) only=$2 ;;
    --rounds) rounds=$2 ;;
    --max-ratio) ratio_max=$2 ;;
    --threads) threads=$2 ;;
    --component-old) component_old=$2 ;;
    --component-new) component_new=$2 ;;
    --format) format=$2 ;;
    esac
    shift 2
done
[ ${#sides[@]} = 2 ] || misuse "give two builds, OLD and NEW"
[[ $rounds =~ ^[1-9][0-9]*$ ]] || misuse "--rounds $rounds is no positive number"
[[ $threads =~ ^[0-9]+$ ]] || misuse "--threads $threads is no number"
[[ $ratio_max =~ ^[1-9][0-9]*(\.[0-9]+)?$ ]] || misuse "--max-ratio $ratio_max is no ratio of at least 1"
[[ $format =~ ^(text|json)$ ]] || misuse "--format $format is neither text nor json"
IFS=, read -ra workloads <<<"$only"
for workload in "${workloads[@]}"; do
    [[ $workload =~ ^(M|L|csv|questions|pushes)$ ]] || misuse "unknown workload $workload"
done

# Builds a commit, unless that was done before. All commits share a target folder, so that dependencies are compiled once.
build() {
    local folder=$guard/$1
    [ ! -x "$folder/onepath" ] || return 0
    say "building ${1:0:12}; the first build of a commit takes some minutes"
    rm -rf "$folder"
    mkdir -p "$folder/tree"
    git archive "$1" | tar -x -m -C "$folder/tree"
    (cd "$folder/tree" && CARGO_TARGET_DIR=$guard/build cargo build --release --locked -p onepath --bin onepath) >&2
    cp "$guard/build/release/onepath" "$folder/onepath.partial"
    mv "$folder/onepath.partial" "$folder/onepath"
}

# Prints one side as JSON, of texts that are quoted by Python.
side() {
    local given=$1 component=$2 name tree onepath
    if [ -f "$given" ] && [ -x "$given" ]; then
        name=$given tree=$root onepath=$(realpath "$given")
    else
        local hash
        hash=$(git rev-parse --verify --quiet "$given^{commit}") || misuse "$given is neither an executable nor a commit"
        build "$hash"
        name="$given ($(git log -1 --format='%h %s' "$hash"))" tree=$guard/$hash/tree onepath=$guard/$hash/onepath
    fi
    local transform=$tree/transforms/churn
    [ -z "$component" ] || transform=$(realpath -e "$component")
    python3 -c 'import json, sys; print(json.dumps(dict(zip(("name", "onepath", "transform", "project"), sys.argv[1:]))))' \
        "$name" "$onepath" "$transform" "$tree/examples/churn/onepath.toml"
}

mkdir -p "$guard"
old=$(side "${sides[0]}" "$component_old")
new=$(side "${sides[1]}" "$component_new")

# Data of another generator are other data.
data=$guard/data/$(cat host/benches/data/src/*.rs | git hash-object --stdin | cut -c1-12)
for set in M L; do
    [[ $only =~ $set || ($set = M && $only =~ csv) ]] || continue
    [ -d "$data/$set" ] || { say "generating data set $set" && cargo run --release --quiet --locked -p bench-data -- "$data" $set; }
done

quoted=$(printf '"%s",' "${workloads[@]}")
exec python3 host/benches/guard/compare.py "{\"old\": $old, \"new\": $new, \"only\": [${quoted%,}], \"rounds\": $rounds,
    \"threads\": $threads, \"ratio_max\": $ratio_max, \"allow_different\": $different, \"format\": \"$format\",
    \"data\": \"$data\", \"scratch\": \"$guard\"}"
