"""onepath: features without training-serving skew.

The same component, run by the same function, makes training sets and answers requests, so that a served vector equals a backfill at
the same moment, bit for bit::

    import onepath

    store = onepath.FeatureStore("examples/churn")
    job = store.get_historical_features(labels, features="churn_v1", as_of="label_date")
    train = job.to_df()

    store.materialize()
    store.get_online_features("churn_v1", [{"customer_id": "c207"}]).to_dict()
    assert store.verify().is_equal

Tables go in and out by Arrow's PyCapsule interface: pandas, polars, DuckDB, pyarrow and arro3 are all fine, and none is required.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._catalog import Description, Lineage, Listing
from ._errors import (
    BusyError,
    ClosedError,
    ComponentError,
    Error,
    EventIdConflictError,
    ForkError,
    HttpError,
    InputError,
    MissingPackageError,
    NotMaterializedError,
    OnepathWarning,
    ProjectError,
    RequestError,
    StoppedError,
    StoreError,
    TransformError,
    UnavailableError,
    UnknownNameError,
)
from ._job import RetrievalJob
from ._monitor import Drift, Freshness, Materializations, Profile
from ._online import OnlineResponse, PushResult
from ._onepath import __version__
from ._store import FeatureStore, MaterializeReport, RunningServer, VerifyReport, View

if TYPE_CHECKING:
    from . import testing
    from ._client import AsyncClient, Client

__all__ = [
    "AsyncClient",
    "BusyError",
    "Client",
    "ClosedError",
    "ComponentError",
    "Description",
    "Drift",
    "Error",
    "EventIdConflictError",
    "FeatureStore",
    "ForkError",
    "Freshness",
    "HttpError",
    "InputError",
    "Lineage",
    "Listing",
    "MaterializeReport",
    "Materializations",
    "MissingPackageError",
    "NotMaterializedError",
    "OnepathWarning",
    "OnlineResponse",
    "Profile",
    "ProjectError",
    "PushResult",
    "RequestError",
    "RetrievalJob",
    "RunningServer",
    "StoppedError",
    "StoreError",
    "TransformError",
    "UnavailableError",
    "UnknownNameError",
    "VerifyReport",
    "View",
    "__version__",
    "testing",
]


def __getattr__(name: str) -> object:
    # HTTP is imported by whoever speaks it.
    if name in ("AsyncClient", "Client"):
        from . import _client

        return getattr(_client, name)
    if name == "testing":
        import importlib

        return importlib.import_module("onepath.testing")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
