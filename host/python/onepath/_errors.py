"""What can go wrong, by kind. Each message names the thing and says what to do next."""

from __future__ import annotations


class Error(Exception):
    """Whatever onepath raises."""


class ProjectError(Error):
    """``onepath.toml`` is wrong, or there is none."""


class UnknownNameError(Error, LookupError):
    """A service, view, feature or source that the project does not have."""


class InputError(Error, ValueError):
    """A table or a file is not what it must be: a column is missing or of another type, a time has no zone."""


class RequestError(Error, ValueError):
    """What is asked for cannot be: an input of another type, an as-of that is no time, two columns of one name."""


class EventIdConflictError(RequestError):
    """A pushed event has the id of another event, which has other content."""


class TransformError(Error):
    """A transform gave no answer: it refused its rows, trapped, or went over a limit."""


class ComponentError(Error):
    """A component is not built, is stale, is not the one that is pinned, or breaks a law."""


class NotMaterializedError(Error):
    """Sources have files of which nothing was materialized: call :meth:`FeatureStore.materialize` first."""


class StoreError(Error, OSError):
    """A store of the project cannot be read or written."""


class UnavailableError(StoreError):
    """It cannot be answered or taken just now: try again."""


class BusyError(UnavailableError):
    """Another process has the project open for writing: close it there, or ask that process (:class:`Client`)."""


class ClosedError(Error):
    """It was closed, and cannot be used any more."""


class ForkError(Error):
    """It was opened before this process was forked: open it again here."""


class StoppedError(Error):
    """A run was told to stop, and left nothing behind."""


class MissingPackageError(Error, ImportError):
    """A package is needed for this, and not installed; onepath itself needs none."""


class HttpError(Error):
    """A server refused a request.

    ``status`` is the HTTP status, ``kind`` the kind of the refusal as the server says it (such as ``unknown_service``).
    """

    def __init__(self, message: str, status: int, kind: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class OnepathWarning(UserWarning):
    """Worth a look, and stops nothing."""
