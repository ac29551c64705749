"""Reads what `onepath compare-feast --format json` printed: every value is counted, and the reasons are those that are expected."""

import json
import sys

project, expected = sys.argv[1:]
required = {name for name in expected.split(",") if not name.startswith("?")}
allowed = required | {name[1:] for name in expected.split(",") if name.startswith("?")}
compared = json.load(sys.stdin)["comparison"]
found = {reasoned["reason"] for reasoned in compared["reasons"]}
if not required <= found <= allowed or not compared["explained"]:
    sys.exit(f"{project}: the reasons are {sorted(found)} where {expected} are expected")
equal = 0
for counts in compared["features"]:
    parts = ["equal", "differ", "null_in_feast", "null_in_onepath", "no_row_in_feast"]
    if sum(counts[part] for part in parts) != counts["rows"] or counts["rows"] != compared["rows"]:
        sys.exit(f"{project}: {counts} does not add up")
    equal += counts["equal"]
if compared["rows"] < 3 or equal == 0:
    sys.exit(f"{project}: nothing was compared")
for reasoned in compared["reasons"]:
    if not reasoned["examples"] or len(reasoned["examples"]) > 3:
        sys.exit(f"{project}: {reasoned['reason']} has {len(reasoned['examples'])} examples")
print(f"ok: {project}, {compared['rows']} entity rows, {equal} equal values; reasons: {', '.join(sorted(found)) or 'none needed'}")
