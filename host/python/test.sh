#!/usr/bin/env bash
# The wheel: built, checked and installed into fresh environments, with its tests. Arguments go to pytest. Tools and environments lie in
# target/python; the first run installs them, about a minute.
#
#   ONEPATH_PYTHON   the interpreter to test with [default: python3]; several with spaces between; `all` for each CPython from 3.10 on that
#                    is found on the path or among pyenv's
#   ONEPATH_WHEEL    a wheel that is there already, which is tested instead of building one
#   ONEPATH_PARITY_SEEDS   how many generated projects go through the wheel as one more door of tests/parity [default: 8]; 0 for none
#
# The wheel is one for all interpreters: it is built once. On each it is tested with the newest packages that there are for it, and what is
# of tables once more with pandas 2.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../.. && pwd)
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
tools=$target/python/tools
pip=(-m pip --quiet --disable-pip-version-check)

# The version of a CPython that can be used, such as 3.12; nothing of another.
version_of() {
    "$1" -c 'import sys; v = sys.version_info[:2]; v >= (3, 10) and sys.implementation.name == "cpython" and print("%d.%d" % v)' 2>/dev/null || true
}

pythons=()
for named in ${ONEPATH_PYTHON:-python3}; do
    if [ "$named" != all ]; then
        [ -n "$(version_of "$named")" ] || { echo "$named is no CPython of 3.10 or newer" >&2; exit 2; }
        pythons+=("$named")
        continue
    fi
    declare -A seen=()
    for found in python3 python3.{10..19} "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python; do
        version=$(version_of "$found")
        [ -n "$version" ] && [ -z "${seen[$version]:-}" ] || continue
        seen[$version]=$found
        pythons+=("$found")
    done
    echo "Pythons that are found: ${!seen[*]}"
done

if [ ! -e "$tools/ready" ]; then
    rm -rf "$tools"
    "${pythons[0]}" -m venv "$tools"
    "$tools/bin/python" "${pip[@]}" install maturin==1.16.0 mypy==2.4.1 abi3audit==0.0.26 twine==7.0.0
    touch "$tools/ready"
fi

wheel=${ONEPATH_WHEEL:-}
if [ -z "$wheel" ]; then
    # The profile and the target directory of all else, so that nothing is compiled twice.
    rm -rf "$target/python/wheels"
    (cd "$root" && "$tools/bin/maturin" build --release --locked --quiet --out "$target/python/wheels" --target-dir "$target")
    wheel=$(echo "$target"/python/wheels/*.whl)
fi
[ -f "$wheel" ] || { echo "there is no wheel $wheel" >&2; exit 2; }
wheel=$(realpath "$wheel")
"$tools/bin/abi3audit" --strict "$wheel"
"$tools/bin/twine" check --strict "$wheel"
"$tools/bin/mypy" --config-file "$root/pyproject.toml"

# Here the package lies as source, which is not what is tested.
cd tests
for python in "${pythons[@]}"; do
    version=$(version_of "$python")
    fresh=$target/python/fresh-$version
    printf '\nPython %s (%s)\n' "$version" "$python"
    rm -rf "$fresh"
    "$python" -m venv "$fresh"
    "$fresh/bin/python" "${pip[@]}" install --no-index "$wheel"
    # With nothing else installed: what needs no other library. No cargo is on the path.
    env -i HOME="$HOME" PATH=/usr/bin:/bin "$fresh/bin/python" alone.py "$fresh"
    "$fresh/bin/python" "${pip[@]}" install -r requirements.txt
    "$fresh/bin/python" -c 'import pandas, polars, pyarrow, duckdb
print("pandas", pandas.__version__, "polars", polars.__version__, "pyarrow", pyarrow.__version__, "duckdb", duckdb.__version__)'
    "$fresh/bin/python" -m pytest -p no:cacheprovider "$@"
    if "$fresh/bin/python" -c 'import pandas, sys; sys.exit(pandas.__version__ < "3")'; then
        "$fresh/bin/python" "${pip[@]}" install 'pandas>=2,<3'
        "$fresh/bin/python" -c 'import pandas; print("pandas", pandas.__version__)'
        "$fresh/bin/python" -m pytest -p no:cacheprovider test_training.py test_history.py test_online.py test_testing.py "$@"
    fi
done

# The wheel of the last one as a door: pushes, questions and training sets of generated projects, against the reference.
if [ "${ONEPATH_PARITY_SEEDS:-8}" != 0 ]; then
    cd "$root"
    ONEPATH_WHEEL_PYTHON=$fresh/bin/python ONEPATH_PARITY_SEEDS=${ONEPATH_PARITY_SEEDS:-8} \
        cargo test --release --locked --test integration -- parity::doors
fi
