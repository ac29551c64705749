"""The notebook of the examples, cell by cell; what the README shows; and what is logged to MLflow."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas
import pytest

import onepath
from conftest import EXAMPLES

ROOT = EXAMPLES.parent


def test_the_notebook_runs(project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project("churn").parent / "notebooks"
    folder.mkdir()
    monkeypatch.chdir(folder)
    cells = json.loads((EXAMPLES / "notebooks/quickstart.ipynb").read_text())["cells"]
    names: dict[str, Any] = {}
    shown = 0
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        *before, last = cell["source"].splitlines()
        try:
            value = compile(last, "cell", "eval")
        except SyntaxError:
            exec(cell["source"], names)
            continue
        exec("\n".join(before), names)
        made = eval(value, names)
        if hasattr(made, "_repr_html_"):
            shown += "<table" in made._repr_html_()
    assert shown >= 5 and names["report"].vectors == 3 and len(names["train"]) == 500


@pytest.mark.parametrize("page", ["README.md"])
def test_the_page_runs(page: str, project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = next(block for block in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S) if "FeatureStore" in block)
    project("churn")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(text.replace("examples/churn", "churn"), names)
    assert isinstance(names["train"], pandas.DataFrame)
    names["store"].close()


def test_what_is_logged_to_mlflow(churn: onepath.FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: dict[str, Any] = {}
    mlflow = ModuleType("mlflow")
    mlflow.__dict__.update(
        log_params=logged.update,
        log_dict=lambda what, path: logged.update({path: what}),
        log_input=lambda what, context: logged.update({context: what}),
        data=ModuleType("data"),
    )
    mlflow.data.from_pandas = lambda frame, name, digest: (len(frame), digest)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    job = churn.get_historical_features(EXAMPLES / "churn/data/labels.csv", "churn_v1", as_of="label_date")
    job.log_to_mlflow()
    assert logged["onepath.sha256"] == job.report["sha256"] and logged["onepath.features"] == "churn_v1"
    assert logged["onepath/training.manifest.json"] == job.manifest
    assert logged["training"] == (500, job.report["sha256"][:12])
