#!/usr/bin/env bash
# Feast repositories as onepath projects: imported, built, checked and compared with Feast itself, on the same entity rows.
# Three repositories lie in repositories/, three are templates of `feast init` that need no service. What is printed is held to
# expected/NAME.txt; UPDATE_EXPECT=1 writes these files anew. Needs what run.sh needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./install.sh
here=$PWD
python="$venv/bin/python"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export COLUMNS=160 FEAST_USAGE=False
failed=0

# Runs a command and tells what it printed, as one would see it, and its exit code.
told() {
    local code=0
    printf '$ onepath %s\n' "$*"
    "$onepath" "$@" --python "$python" > out 2> err || code=$?
    cat out
    grep -E '^(error|warning):' err || true
    printf 'exit %s\n\n' "$code"
}

# What was told must be what is expected.
expect() {
    local expected="$here/expected/$1.txt"
    sed -i "s#$work#WORK#g" "$work/told"
    if [ -n "${UPDATE_EXPECT:-}" ]; then
        cp "$work/told" "$expected"
    elif ! diff -u "$expected" "$work/told"; then
        failed=1
    fi
}

# A project that was imported is built, as it is.
build() {
    "$onepath" --project "$1" build > out 2> err || { cat out err; exit 1; }
}

# Compares, where chance decides values in Feast: every difference has a reason, and these are the reasons.
compare() {
    local project=$1 repository=$2 spine=$3 reasons=$4
    "$onepath" compare-feast "$project" "$repository" --spine "$spine" --python "$python" --format json > out 2> err || {
        cat out err
        exit 1
    }
    python3 "$here/reasons.py" "$project" "$reasons" < out
}

for name in trips ties kinds; do
    cp -r "$here/repositories/$name" "$name"
    "$python" "$here/repositories/data.py" "$name" "$name"
    before=$(find "$name" -type f -not -path '*/__pycache__/*' | sort)
    told import-feast "$name" --out "features_$name" > told
    { printf '$ cat features_%s/onepath.toml\n' "$name"; cat "features_$name/onepath.toml"; echo; } >> told
    build "features_$name"
    # And it keeps every law.
    "$onepath" --project "features_$name" check --cases 20 > out 2> err || { cat out err; exit 1; }
    case $name in
        trips)
            told compare-feast features_trips trips --spine trips/spine.parquet >> told
            told compare-feast features_trips trips --spine trips/spine.parquet --service route >> told
            compare features_trips trips trips/crossed.parquet duplicate,merged_early
            # Nothing is written over, and what is not there is told.
            told import-feast trips --out features_trips >> told
            told import-feast trips/data --out other >> told
            told compare-feast features_trips trips --spine trips/spine.parquet --service nothing >> told
            ;;
        ties) compare features_ties ties ties/spine.csv duplicate,tie,tie_break ;;
        kinds)
            told compare-feast features_kinds kinds --spine kinds/spine.parquet >> told
            told import-feast kinds --out arrived --arrival > arrived.told
            build arrived
            told compare-feast arrived kinds --spine kinds/spine.parquet --service lately >> told
            ;;
    esac
    # Feast works elsewhere.
    if [ "$before" != "$(find "$name" -type f -not -path '*/__pycache__/*' | sort)" ]; then
        echo "the repository $name was written to"
        exit 1
    fi
    expect "$name"
done

# A view whose values onepath has otherwise than its source says is not explained away.
sed -i 's/^tie_break = .*//; s/^ttl = .*/ttl = "1h"/' features_ties/onepath.toml
"$onepath" --project features_ties build > out 2>&1
code=0
"$onepath" compare-feast features_ties ties --spine ties/spine.csv --python "$python" --format json > out 2> err || code=$?
if [ "$code" != 1 ] || ! grep -q '"reason": "unexplained"' out; then
    cat out err
    echo "a ttl of another length was explained, with exit code $code"
    exit 1
fi

# The registry alone is enough, where the definitions are gone.
cp -r trips applied
(cd applied && "$venv/bin/feast" apply > ../out 2> ../err) || { cat out err; exit 1; }
rm applied/definitions.py
told import-feast applied --out features_applied > told
expect applied
build features_applied

# Templates of `feast init` that need no service.
for name in local pytorch_nlp rag; do
    "$venv/bin/feast" init "$name" -t "$name" > out 2> err || { cat out err; exit 1; }
    # It reads a model of torch; Feast itself loads the repository without it no more than onepath does.
    echo test_workflow.py > "$name/feature_repo/.feastignore"
    told import-feast "$name" --out "features_$name" > told
    { printf '$ cat features_%s/onepath.toml\n' "$name"; cat "features_$name/onepath.toml"; echo; } >> told
    expect "$name"
    build "features_$name"
    "$python" "$here/repositories/data.py" spine "$name/feature_repo/data" > "$name.csv"
    compare "features_$name" "$name" "$name.csv" "?dropped,?duplicate,?merged_early,?tie,?tie_break,?nan"
done
[ "$failed" = 0 ] && echo "ok: six repositories of Feast, imported and compared"
exit "$failed"
