"""What the library tells as JSON, as a mapping."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


class Facts(Mapping[str, Any]):
    """What is known of one thing, by name, as ``--format json`` prints it."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts

    def __getitem__(self, name: str) -> Any:
        return self._facts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({json.dumps(self._facts, indent=2)})"
