#!/usr/bin/env bash
# The wheel: built, checked and installed into a fresh environment, with its tests. Tools and environments lie in target/python;
# the first run installs them, about a minute. Arguments go to pytest. ONEPATH_PYTHON names another interpreter (3.10 or newer).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
python=${ONEPATH_PYTHON:-python3}
tools=$target/python/tools
wheels=$target/python/wheels
fresh=$target/python/fresh

if [ ! -e "$tools/ready" ]; then
    rm -rf "$tools"
    "$python" -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check maturin==1.16.0 mypy==2.4.1 abi3audit==0.0.26
    touch "$tools/ready"
fi

# The profile and the target directory of all else, so that nothing is compiled twice.
rm -rf "$wheels"
"$tools/bin/maturin" build --release --locked --quiet --out "$wheels" --target-dir "$target"
"$tools/bin/abi3audit" --strict "$wheels"/*.whl
"$tools/bin/mypy" --config-file pyproject.toml

rm -rf "$fresh"
"$python" -m venv "$fresh"
"$fresh/bin/pip" install --quiet --disable-pip-version-check --no-index "$wheels"/*.whl
# Here the package lies as source, which is not what is tested.
cd tests
# With nothing else installed: what needs no other library. No cargo is on the path.
env -i HOME="$HOME" PATH=/usr/bin:/bin "$fresh/bin/python" alone.py "$fresh"
"$fresh/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
"$fresh/bin/python" -m pytest -p no:cacheprovider "$@"
