#!/usr/bin/env bash
# MLflow on SQLite, with the wheel that host/python/test.sh has built: the tests of host/python/tests/test_mlflow.py, and a model
# from its training to its serving. Needs Python 3.10 or newer with venv, and, the first time, the Python package index: MLflow is
# installed into target/mlflow (a minute or two), and kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
venv=$target/mlflow/venv

shopt -s nullglob
wheels=("$target"/python/wheels/*.whl)
if [ "${#wheels[@]}" != 1 ]; then
    echo "there is no wheel in $target/python/wheels: build it with host/python/test.sh" >&2
    exit 1
fi
if ! cmp -s requirements.txt "$venv/requirements.txt"; then
    started=$SECONDS
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
    cp requirements.txt "$venv"
    echo "installed mlflow in $((SECONDS - started)) s"
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall "${wheels[0]}"

# No cargo is on the path, and MLflow keeps nothing outside.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work PATH=$venv/bin:/usr/bin:/bin MLFLOW_DISABLE_TELEMETRY=true
(cd ../../host/python/tests && ONEPATH_MLFLOW=sqlite python -m pytest -p no:cacheprovider test_mlflow.py)
python train_and_serve.py "$work"
