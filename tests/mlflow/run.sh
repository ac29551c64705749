#!/usr/bin/env bash
# MLflow on SQLite, with the wheel that host/python/test.sh has built: the tests of host/python/tests/test_mlflow.py, and a model
# from its training to its serving. Needs Python 3.10 or newer with venv, and, the first time, the Python package index: MLflow is
# installed into target/mlflow (a minute or two), and kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
venv=$target/mlflow/venv

source ../../host/python/environment.sh
wheel_environment "$venv" requirements.txt

# No cargo is on the path, and MLflow keeps nothing outside.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work PATH=$venv/bin:/usr/bin:/bin MLFLOW_DISABLE_TELEMETRY=true
(cd ../../host/python/tests && ONEPATH_MLFLOW=sqlite python -m pytest -p no:cacheprovider test_mlflow.py)
python train_and_serve.py "$work"
