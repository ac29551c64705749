"""Training sets in MLflow: what is logged of them, and what `pin` finds there. ONEPATH_MLFLOW=sqlite keeps it in a database."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import pytest

import onepath
from conftest import COMMAND, EXAMPLES
from onepath._mlflow import fetch

LABELS = EXAMPLES / "churn/data/labels.csv"
CUSTOMER = [{"customer_id": "c207"}]


@pytest.fixture(autouse=True)
def tracking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An MLflow of this test alone."""
    is_database = os.environ.get("ONEPATH_MLFLOW") == "sqlite"
    uri = f"sqlite:///{tmp_path}/mlflow.db" if is_database else (tmp_path / "mlruns").as_uri()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    # For the processes that are started.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("churn")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The declared churn example, materialized."""
    copy = tmp_path / "churn"
    for part in ("declared", "data"):
        shutil.copytree(EXAMPLES / "churn" / part, copy / part, ignore=shutil.ignore_patterns(".onepath"))
    with onepath.FeatureStore(copy / "declared") as store:
        store.materialize(up_to="2024-12-31")
    return copy / "declared"


def trained(folder: Path, **options: Any) -> tuple[str, onepath.RetrievalJob]:
    """A run that logged a training set, and the training set."""
    with onepath.FeatureStore(folder) as store, mlflow.start_run() as run:
        job = store.get_historical_features(LABELS, "churn_v1", as_of="label_date")
        job.log_to_mlflow(**options)
        return run.info.run_id, job


def change(folder: Path) -> None:
    """Makes another component of the project, and serves it from now on."""
    project = folder / "onepath.toml"
    project.write_text(project.read_text().replace('window = "30d"', 'window = "31d"'))
    with onepath.FeatureStore(folder) as store:
        store.build()
        store.materialize(up_to="2024-12-31")


def serve(folder: Path, *arguments: str, **environment: str) -> tuple[int | None, str, str]:
    """Runs `onepath serve` until it listens or is refused: its exit code before it was stopped, its first line, its errors."""
    command = [COMMAND, "--project", folder, "serve", "--listen", "127.0.0.1:0", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        if not line:
            return process.wait(), line, process.stderr.read()
        process.terminate()
        errors = process.stderr.read()
        assert process.wait() == 0, errors
        return None, line, errors


def test_what_is_logged(folder: Path) -> None:
    run, job = trained(folder)
    logged = mlflow.get_run(run)
    (view,) = job.manifest["views"]
    assert logged.data.params == {
        "onepath.features": "churn_v1",
        "onepath.rows": "500",
        "onepath.sha256": job.report["sha256"],
        "onepath.component.activity.v1": view["component"],
    }
    (read,) = logged.inputs.dataset_inputs
    assert (read.dataset.name, read.dataset.digest) == ("churn_v1", job.report["sha256"][:12])
    assert json.loads(read.dataset.profile)["num_rows"] == 500
    assert mlflow.artifacts.load_dict(f"runs:/{run}/onepath/training.manifest.json") == job.manifest


def test_two_training_sets_of_one_run(folder: Path) -> None:
    with onepath.FeatureStore(folder) as store, mlflow.start_run() as run:
        for name, features in (("train", "churn_v1"), ("eval", ["activity:purchase_count_30d"])):
            job = store.get_historical_features(LABELS, features, as_of="label_date")
            job.log_to_mlflow(artifact_path=name, dataset=False)
    logged = mlflow.get_run(run.info.run_id)
    assert logged.data.params["train.features"] == "churn_v1"
    assert logged.data.params["eval.features"] == "activity:purchase_count_30d"
    assert logged.inputs.dataset_inputs == []
    with onepath.FeatureStore(folder, pin=f"runs:/{run.info.run_id}/eval") as store:
        store.get_online_features("churn_v1", CUSTOMER)


def test_a_store_is_pinned_to_a_run(folder: Path) -> None:
    run, _ = trained(folder, dataset=False)
    for pin in (f"runs:/{run}", f"runs:/{run}/onepath", f"runs:/{run}/onepath/training.manifest.json"):
        with onepath.FeatureStore(folder, pin=pin) as store:
            assert store.get_online_features("churn_v1", CUSTOMER).statuses["purchase_count_30d"] == ["PRESENT"]
    change(folder)
    with onepath.FeatureStore(folder, pin=f"runs:/{run}") as store:
        with pytest.raises(onepath.ComponentError, match=rf"runs:/{run}(.|\n)*view activity@v1, component: trained with"):
            store.get_online_features("churn_v1", CUSTOMER)


def test_the_command_is_pinned_to_a_run(folder: Path) -> None:
    run, _ = trained(folder, dataset=False)
    code, line, errors = serve(folder, "--pin", f"runs:/{run}/onepath/training.manifest.json")
    assert code is None and "listening on http://" in line, errors
    change(folder)
    code, line, errors = serve(folder, f"--pin=runs:/{run}")
    assert code == 2 and line == "" and f"runs:/{run}" in errors
    assert "view activity@v1, component: trained with 06f36ae1ba7e" in errors
    assert "put back what made it, or train again" in errors


def test_a_model_is_served_with_what_it_was_trained_with(folder: Path) -> None:
    run, _ = trained(folder, dataset=False)
    client = mlflow.MlflowClient()
    client.create_registered_model("churn")
    version = client.create_model_version("churn", source=f"runs:/{run}/model", run_id=run).version
    client.set_registered_model_alias("churn", "champion", version)
    for pin in (f"models:/churn/{version}", "models:/churn@champion"):
        with onepath.FeatureStore(folder, pin=pin) as store:
            store.get_online_features("churn_v1", CUSTOMER)
    change(folder)
    code, _, errors = serve(folder, "--pin", "models:/churn@champion")
    assert code == 2 and "models:/churn@champion" in errors and "component: trained with" in errors


def test_what_is_not_there(folder: Path, tmp_path: Path) -> None:
    with mlflow.start_run() as run:
        pass
    out = str(tmp_path / "manifest.json")
    wrong = {
        "runs:/": "names no run",
        "runs:/00000000000000000000000000000000": "MLFLOW_TRACKING_URI",
        f"runs:/{run.info.run_id}": "log_to_mlflow",
        "models:/churn": "names no version",
        "models:/churn/1": "churn",
        "models:/churn@champion/1": "names no version",
    }
    for reference, message in wrong.items():
        with pytest.raises(onepath.RequestError, match=message):
            fetch(reference, out)
        with pytest.raises(onepath.RequestError, match=message):
            onepath.FeatureStore(folder, pin=reference).get_online_features("churn_v1", CUSTOMER)
    code, line, errors = serve(folder, "--pin", f"runs:/{run.info.run_id}")
    assert code == 2 and line == "" and errors.startswith("error: cannot read the manifest of runs:/") and "Traceback" not in errors


def test_without_mlflow(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(onepath.MissingPackageError, match=r"onepath\[mlflow\]"):
        onepath.FeatureStore(folder, pin="runs:/0").get_online_features("churn_v1", CUSTOMER)
    # A package that cannot be imported stands in its way.
    (tmp_path / "path/mlflow").mkdir(parents=True)
    (tmp_path / "path/mlflow/__init__.py").write_text("raise ImportError('not installed')\n")
    code, line, errors = serve(folder, "--pin", "runs:/0", PYTHONPATH=str(tmp_path / "path"))
    assert code == 2 and line == "" and "pip install 'onepath[mlflow]'" in errors
