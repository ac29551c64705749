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

source ../../host/python/environment.sh
wheel_environment "$environment" requirements.txt

# No cargo is on the path, and nothing of the user's is read or written.
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
env -i HOME="$home" PATH="$environment/bin:$venv/bin:/usr/bin:/bin" LANG=C.UTF-8 FEAST="$feast" UPDATE_EXPECT="${UPDATE_EXPECT:-}" \
    "$environment/bin/python" run.py "$@"
