#!/usr/bin/env bash
# Executes the notebooks beside this file, with the wheel that host/python/test.sh has built, and compares what they show with what
# they store. UPDATE_EXPECT=1 stores it anew. Arguments are the notebooks to execute: all of them where there is none.
# Needs Python 3.11 or newer with venv, and, the first time, the Python package index: the environment lies in target/notebooks.
# from_feast.ipynb runs with the Feast of tests/feast.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../../tests/feast/environment.sh
environment=$target/notebooks/venv
feast=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

shopt -s nullglob
wheels=("$target"/python/wheels/*.whl)
if [ "${#wheels[@]}" != 1 ]; then
    echo "there is no wheel in $target/python/wheels: build it with host/python/test.sh" >&2
    exit 1
fi
if ! cmp -s requirements.txt "$environment/requirements.txt"; then
    started=$SECONDS
    rm -rf "$environment"
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
    cp requirements.txt "$environment"
    echo "installed the notebooks' environment in $((SECONDS - started)) s"
fi
"$environment/bin/pip" install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall "${wheels[0]}"

# No cargo is on the path, and nothing of the user's is read or written.
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
env -i HOME="$home" PATH="$environment/bin:$venv/bin:/usr/bin:/bin" LANG=C.UTF-8 FEAST="$feast" UPDATE_EXPECT="${UPDATE_EXPECT:-}" \
    "$environment/bin/python" run.py "$@"
