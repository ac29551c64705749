"""What the README shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest

from conftest import EXAMPLES

ROOT = EXAMPLES.parent


@pytest.mark.parametrize("page", ["README.md"])
def test_the_page_runs(page: str, project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = next(block for block in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S) if "FeatureStore" in block)
    project("churn")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(text.replace("examples/churn", "churn"), names)
    assert isinstance(names["train"], pandas.DataFrame)
    assert "sha256" in repr(names["job"]) and "<table" in names["job"]._repr_html_()
    names["store"].close()
