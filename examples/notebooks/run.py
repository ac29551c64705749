"""Executes notebooks in a copy of the examples, and holds what they show to what they store. run.sh says how."""

from __future__ import annotations

import copy
import difflib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

HERE = Path(__file__).resolve().parent
#: Seconds for a cell.
LONGEST = 120


def executed(path: Path, root: Path) -> Any:
    """The notebook with the outputs that it has here, without the paths of this machine."""
    folder = root / "examples/notebooks"
    folder.mkdir(parents=True)
    # What a project builds and keeps for itself stays out of the examples.
    shutil.copytree(HERE.parent / "churn", root / "examples/churn", ignore=shutil.ignore_patterns(".onepath", "out", "tools"))
    notebook = nbformat.read(path, as_version=4)
    kernel = dict(os.environ)
    if path.stem == "from_feast":
        # Feast's own versions of what both need.
        kernel["PYTHONPATH"] = os.environ["FEAST"]
    resources = {"metadata": {"path": str(folder)}}
    # No port is opened.
    config = Config({"KernelManager": {"transport": "ipc", "ip": str(root / "kernel")}})
    client = NotebookClient(
        notebook, timeout=LONGEST, kernel_name="python3", resources=resources, record_timing=False, config=config
    )
    client.execute(env=kernel)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [without(output, f"{root}/") for output in merged(cell.outputs)]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def merged(outputs: list[Any]) -> list[Any]:
    """Texts of one stream that follow each other as one: how they were cut is chance."""
    whole: list[Any] = []
    for output in outputs:
        if whole and output.output_type == "stream" and whole[-1].get("name") == output.name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def without(output: Any, root: str) -> Any:
    """An output without the folder that it was made in."""
    if isinstance(output, str):
        return output.replace(root, "")
    if isinstance(output, dict):
        return type(output)({name: without(value, root) for name, value in output.items()})
    return [without(value, root) for value in output] if isinstance(output, list) else output


def told(notebook: Any) -> list[str]:
    """What is shown, line by line. Of an image, that there is one: its bytes depend on the machine's arithmetic."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = "an image"
    return nbformat.writes(notebook).splitlines()


def run(path: Path) -> bool:
    """Executes one notebook; whether it shows what it stores."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="onepath-") as root:
        try:
            notebook = executed(path, Path(root).resolve())
        except CellExecutionError as error:
            print(f"{path.name} fails\n{error}")
            return False
    seconds = time.monotonic() - began
    stored = nbformat.read(path, as_version=4)
    if os.environ.get("UPDATE_EXPECT"):
        nbformat.write(notebook, path)
    elif told(notebook) != told(stored):
        print(f"{path.name} shows what it does not store; UPDATE_EXPECT=1 stores it")
        print("\n".join(difflib.unified_diff(told(stored), told(notebook), "stored", "shown", lineterm="", n=1)))
        return False
    print(f"ok: {path.name}, {seconds:.0f} s")
    return True


if __name__ == "__main__":
    asked = [HERE / Path(name).name for name in sys.argv[1:]] or sorted(HERE.glob("*.ipynb"))
    if not all([run(path) for path in asked]):
        sys.exit(1)
