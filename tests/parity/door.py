"""The wheel as a door of tests/parity: a question as a line of JSON, an answer as a line of JSON. Each opens the project anew."""

from __future__ import annotations

import json
import sys
import traceback
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas
import polars

import onepath
from onepath._frames import json_of

TIMES = ("event_timestamp", "ingested_at", "as_of")


def table_of(rows: list[dict[str, Any]], kind: str, folder: str) -> Any:
    """Rows as a table of a library, with moments in the columns of times."""
    if kind == "columns":
        return {name: [row[name] for row in rows] for name in rows[0]}
    if kind == "file":
        path = Path(folder, "python.ndjson")
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path
    if kind == "rows":
        return rows
    moment = lambda text: datetime.fromisoformat(text.replace("Z", "+00:00"))  # noqa: E731
    rows = [{name: moment(value) if name in TIMES else value for name, value in row.items()} for row in rows]
    return pandas.DataFrame(rows) if kind == "pandas" else polars.DataFrame(rows)


def answer(question: dict[str, Any]) -> dict[str, Any]:
    with onepath.FeatureStore(question["project"]) as store:
        given = table_of(question.get("rows") or question["events"], question["table"], question["project"])
        if question["do"] == "push":
            return store.push(question["source"], given, arrived_at="ingested_at")._asdict()
        if question["do"] == "ask":
            found = store.get_online_features("all", given, as_of=question["as_of"], full_feature_names=True)
            values = [value for name, value in found.to_dict().items() if name in found.statuses]
            return {"as_of": found.as_of.isoformat(), "values": values, "statuses": list(found.statuses.values())}
        job = store.get_historical_features(given, "all", as_of="as_of", full_feature_names=True)
        return {"rows": list(zip(*job.to_arrow().select(job.feature_names).to_pydict().values(), strict=True))}


warnings.simplefilter("ignore", onepath.OnepathWarning)
for line in sys.stdin:
    try:
        said = answer(json.loads(line))
    except Exception:
        said = {"error": traceback.format_exc()}
    print(json_of(said, False), flush=True)
