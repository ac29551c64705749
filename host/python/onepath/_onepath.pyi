"""The native half; what is public is in the package itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import Any, Protocol

__version__: str

class _Stream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

_Path = str | PathLike[str]
_Files = Sequence[tuple[str, Sequence[_Path]]]

def _main(arguments: Sequence[str], program: str | None, before: Sequence[str]) -> int: ...

class Folder:
    path: str
    def __init__(self, parent: _Path) -> None: ...
    def write(self, name: str, table: _Stream, *, naive: bool, times: Sequence[str] | None = None) -> str: ...

class ParquetStream:
    def __init__(self, path: _Path, columns: Sequence[str] | None = None) -> None: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class Store:
    def __init__(
        self, path: _Path, program: str | None, before: Sequence[str], *, locked: bool = False, stale: bool = False
    ) -> None: ...
    def project(self) -> str: ...
    def plan(self, features: str | Sequence[str], full_feature_names: bool) -> str: ...
    def backfill(
        self,
        features: str | Sequence[str],
        spine: _Path,
        out: _Path,
        sources: _Files,
        running: Mapping[str, Any],
        *,
        as_of_column: str | None = None,
        as_of_unit: str | None = None,
        full_feature_names: bool = False,
        resume: bool = False,
        strict: bool = False,
        on_error: str = "stop",
    ) -> tuple[str, list[str]]: ...
    def materialize(
        self, up_to: str | datetime | None, sources: _Files, running: Mapping[str, Any], naive: bool
    ) -> tuple[str, list[str]]: ...
    def verify(
        self, since: str | datetime | None, running: Mapping[str, Any], naive: bool
    ) -> tuple[str, bool, list[str]]: ...
    def explain(self, view: str) -> str: ...
    def steps(
        self,
        view: str,
        keys: Sequence[tuple[str, str]],
        request_fields: Sequence[tuple[str, str]],
        as_of: str | datetime | None,
        sources: _Files,
        *,
        naive: bool = False,
    ) -> list[dict[str, Any]]: ...
    def server(self, *, allow_unmaterialized: bool = False, pin: _Path | None = None) -> Server: ...

class Server:
    def get_online_features(
        self,
        features: str | Sequence[str],
        entity_rows: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]],
        *,
        as_of: str | datetime | None = None,
        full_feature_names: bool = False,
        naive: bool = False,
    ) -> Answer: ...
    def push_json(self, source: str, events: str) -> tuple[int, int, int, int]: ...
    def ingest(self, source: str, path: _Path, arrived_at: str) -> tuple[int, int, int, int]: ...
    def serve(self, listen: str, token: str | None = None) -> HttpServer: ...
    def warnings(self) -> list[str]: ...
    def status(self) -> tuple[int, str | None, str | None]: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...

class Answer:
    as_of: datetime
    offset: int
    replayed: bool
    def to_dict(self) -> dict[str, list[Any]]: ...
    def statuses(self) -> dict[str, list[str]]: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class HttpServer:
    address: tuple[str, int]
    def stop(self) -> None: ...
