"""A server of onepath from elsewhere: the calls of a feature store over HTTP, sync and async. Nothing but the standard library."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from ._errors import ForkError, HttpError, InputError, RequestError, UnavailableError
from ._frames import Table, columns_of, is_table, json_of, json_of_rows
from ._online import JsonAnswer, OnlineResponse, PushResult
from ._times import Naive, is_utc, to_datetime, to_micros

T = TypeVar("T")

#: Statuses of a server that has no room or no answer just now.
_AGAIN = frozenset({429, 502, 503, 504})


class _Sent(Exception):
    """A request failed when it was on its way: whether the server had it is not known."""


class Client:
    """A server that ``onepath serve`` or :meth:`FeatureStore.serve` runs. It may be used from any thread.

    ``timeout`` is in seconds, for each try. A request that finds no room, or no connection, is tried again ``retries`` times, after
    0.1, 0.2, 0.4 ... seconds, or as long as the server says. A push is tried again only if that is safe: where it cannot have
    reached the server, and always with ``event_id``, for events that have ids are applied once.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = 10.0,
        retries: int = 4,
        naive: Naive = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        split = urlsplit(url)
        if split.scheme not in ("http", "https") or not split.hostname:
            raise RequestError(f"{url!r} is no address: give it as http://host:6566")
        self.url = url.rstrip("/")
        self._host, self._port = split.hostname, split.port
        self._context = (ssl_context or ssl.create_default_context()) if split.scheme == "https" else None
        self._prefix = split.path.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._retries = retries
        self._naive = naive
        is_utc(naive)
        self._local = threading.local()
        self._process = os.getpid()

    def get_online_features(
        self,
        features: str | Sequence[str],
        entity_rows: Any,
        *,
        as_of: str | datetime | None = None,
        full_feature_names: bool = False,
        naive: Naive = None,
    ) -> OnlineResponse:
        """The features of some entities now, or as of a moment: see :meth:`FeatureStore.get_online_features`."""
        utc = is_utc(naive or self._naive)
        inputs = _inputs(entity_rows)
        body: dict[str, Any] = {"service": features} if isinstance(features, str) else {"features": list(features)}
        body["inputs"] = inputs
        if as_of is not None:
            body["as_of"] = as_of if isinstance(as_of, str) else to_datetime(to_micros(as_of, utc)).isoformat()
        written = json_of(body, utc) if is_table(entity_rows) else json_of_rows(body, utc)
        answer = self._ask("POST", "/v1/features", written, is_safe=True)
        return OnlineResponse(JsonAnswer(answer, inputs, full_feature_names))

    def push(
        self, push_source_name: str, df: Table, *, event_id: str | None = None, naive: Naive = None
    ) -> PushResult:
        """Takes events of a source: when it returns they are on disk, and later answers include them. All are taken or none.

        ``event_id`` names the field that the source has for ids of events. An event without one gets one, and the push is tried
        again until it is known to be taken: it is applied once.
        """
        events = [dict(event) for event in _rows(df)]
        if event_id is not None:
            for event in events:
                if event.get(event_id) is None:
                    event[event_id] = str(uuid.uuid4())
        written = json_of if is_table(df) else json_of_rows
        body = written({"events": events}, is_utc(naive or self._naive))
        applied = self._ask("POST", f"/v1/events/{quote(push_source_name, safe='')}", body, is_safe=event_id is not None)
        dead_letters = applied.get("dead_letters", 0)
        return PushResult(applied["appended"], applied["duplicates"], applied["adjusted"], applied["offset"], dead_letters)

    def services(self) -> list[dict[str, Any]]:
        """The services that the server has, with their inputs and features."""
        services: list[dict[str, Any]] = self._ask("GET", "/v1/services", None, is_safe=True)["services"]
        return services

    def views(self) -> list[dict[str, Any]]:
        """The views that the server has."""
        views: list[dict[str, Any]] = self._ask("GET", "/v1/views", None, is_safe=True)["views"]
        return views

    def status(self) -> dict[str, Any]:
        """What the server runs and has done."""
        status: dict[str, Any] = self._ask("GET", "/v1/status", None, is_safe=True)
        return status

    def is_ready(self) -> bool:
        """Whether the server answers questions now."""
        try:
            return self._once("GET", "/ready", None)[0] == 200
        except (_Sent, UnavailableError):
            return False

    def close(self) -> None:
        """Closes this thread's connection; the next request opens another."""
        connection = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client {self.url}>"

    def _ask(self, method: str, path: str, body: str | None, *, is_safe: bool) -> dict[str, Any]:
        for tried in range(self._retries + 1):
            is_last = tried == self._retries
            # Not all at once, where many are refused together.
            pause = 0.1 * 2**tried * random.uniform(0.5, 1.0)
            try:
                status, after, text = self._once(method, path, body)
            except UnavailableError:
                if is_last:
                    raise
            except _Sent as error:
                if is_last or not is_safe:
                    raise UnavailableError(f"{self.url}{path}: {error}{_UNKNOWN if not is_safe else ''}") from error.__cause__
            else:
                if status == 200:
                    answer: dict[str, Any] = json.loads(text)
                    return answer
                if status not in _AGAIN or is_last or not (is_safe or status == 429):
                    raise _refusal(status, text)
                pause = max(pause, after)
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, path: str, body: str | None) -> tuple[int, float, str]:
        if self._process != os.getpid():
            # A connection that two processes share would mix their answers.
            self._local, self._process = threading.local(), os.getpid()
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else body.encode()
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        is_kept = connection is not None
        if connection is None:
            connection = self._connect()
        try:
            connection.request(method, self._prefix + path, body=data, headers=headers)
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._local.connection = None
            # A kept connection that the server had closed before it read anything of the request.
            if is_kept and isinstance(error, (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)):
                raise _Sent("the server closed the connection") from error
            raise _Sent(f"the request was sent and not answered: {error}") from error
        except BaseException:
            # Interrupted: the answer of this request must not be taken for that of the next.
            connection.close()
            self._local.connection = None
            raise
        if response.will_close:
            connection.close()
            self._local.connection = None
        else:
            self._local.connection = connection
        try:
            after = float(response.headers.get("Retry-After", "0"))
        except ValueError:
            after = 0.0
        return response.status, min(after, self._timeout), text

    def _connect(self) -> http.client.HTTPConnection:
        if self._context is None:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        else:
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._context)
        try:
            connection.connect()
        except OSError as error:
            raise UnavailableError(f"cannot reach {self.url}: {error}; is `onepath serve` running there?") from error
        return connection


_UNKNOWN = (
    "; it is not known whether the events were taken: push events with ids and name their field by event_id, and they are tried again"
)


class AsyncClient:
    """The same with ``await``: requests run on threads of its own, ``connections`` at once."""

    def __init__(self, url: str, *, connections: int = 16, **options: Any) -> None:
        self._client = Client(url, **options)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="onepath-client")

    async def get_online_features(
        self,
        features: str | Sequence[str],
        entity_rows: Any,
        *,
        as_of: str | datetime | None = None,
        full_feature_names: bool = False,
        naive: Naive = None,
    ) -> OnlineResponse:
        """See :meth:`Client.get_online_features`."""
        return await self._run(
            partial(
                self._client.get_online_features,
                features,
                entity_rows,
                as_of=as_of,
                full_feature_names=full_feature_names,
                naive=naive,
            )
        )

    async def push(
        self, push_source_name: str, df: Table, *, event_id: str | None = None, naive: Naive = None
    ) -> PushResult:
        """See :meth:`Client.push`."""
        return await self._run(partial(self._client.push, push_source_name, df, event_id=event_id, naive=naive))

    async def services(self) -> list[dict[str, Any]]:
        """See :meth:`Client.services`."""
        return await self._run(self._client.services)

    async def views(self) -> list[dict[str, Any]]:
        """See :meth:`Client.views`."""
        return await self._run(self._client.views)

    async def status(self) -> dict[str, Any]:
        """See :meth:`Client.status`."""
        return await self._run(self._client.status)

    async def is_ready(self) -> bool:
        """See :meth:`Client.is_ready`."""
        return await self._run(self._client.is_ready)

    async def close(self) -> None:
        """Waits for the requests that run, and ends its threads."""
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncClient {self._client.url}>"

    async def _run(self, work: Callable[[], T]) -> T:
        if self._client._process != os.getpid():
            raise ForkError("this client was made in another process: make another in this one")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _inputs(entity_rows: Any) -> dict[str, list[Any]]:
    rows = columns_of(entity_rows)
    if isinstance(rows, Mapping):
        return {str(name): list(values) for name, values in rows.items()}
    rows = list(rows)
    if not rows:
        raise RequestError("no entity is asked about: give at least one row")
    names = list(rows[0])
    if any(set(row) != set(names) for row in rows):
        raise RequestError("the rows have not all the same fields")
    return {name: [row[name] for row in rows] for name in names}


def _rows(table: Any) -> list[Mapping[str, Any]]:
    if isinstance(table, (str, os.PathLike)):
        raise InputError("a client pushes tables, and no files: read it, or use `onepath ingest` where the project is")
    rows = columns_of(table)
    if isinstance(table, Mapping):
        # One event.
        return [table]
    if isinstance(rows, Mapping):
        names = list(rows)
        return [dict(zip(names, cells, strict=True)) for cells in zip(*rows.values(), strict=True)]
    return list(rows)


def _refusal(status: int, text: str) -> HttpError:
    try:
        told = json.loads(text)["error"]
        return HttpError(told["message"], status, told["cause"])
    except (ValueError, KeyError, TypeError):
        return HttpError(text.strip() or f"HTTP status {status}", status)
