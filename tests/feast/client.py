"""Reads features and writes events through Feast's own client, unchanged; onepath answers."""

import os
import sys
from datetime import datetime, timedelta, timezone

import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, PushSource, ValueType
from feast.errors import FeatureServiceNotFoundException, FeatureViewNotFoundException
from feast.types import Float64, Int64, String

# In Feast's registry: the entity, what is written (the fields of an event), and what is read (the features).
customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
history = FileSource(name="history", path="history.parquet", timestamp_field="event_timestamp")
events = FeatureView(
    name="events",
    entities=[customer],
    schema=[
        Field(name="customer_id", dtype=String),
        Field(name="event_type", dtype=String),
        Field(name="amount", dtype=Float64),
    ],
    source=PushSource(name="shop_events", batch_source=history),
)
activity = FeatureView(
    name="activity",
    entities=[customer],
    schema=[
        Field(name="customer_id", dtype=String),
        Field(name="purchase_count_30d", dtype=Int64),
        Field(name="avg_purchase_value_90d", dtype=Float64),
        Field(name="days_since_last_purchase", dtype=Int64),
        Field(name="return_rate_180d", dtype=Float64),
    ],
    source=history,
)
filled = FeatureView(
    name="filled",
    entities=[customer],
    schema=[
        Field(name="customer_id", dtype=String),
        Field(name="avg_purchase_value_90d", dtype=Float64),
        Field(name="return_rate_180d", dtype=Float64),
    ],
    source=history,
)
churn_v1 = FeatureService(name="churn_v1", features=[activity])
unknown = FeatureService(name="churn_v2", features=[activity])


def check(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: {found!r} where {expected!r} is expected")
    print(f"ok: {what}")


def frame(rows):
    return pd.DataFrame(rows, columns=["customer_id", "event_type", "amount", "event_timestamp"])


def main():
    now = datetime.now(timezone.utc)
    day = timedelta(days=1)
    frame([]).to_parquet("history.parquet")
    store = FeatureStore(repo_path=".")
    store.apply([customer, events, activity, filled, churn_v1, unknown])

    # Events are written through `push` and `write_to_online_store`; both go to /write-to-online-store.
    store.push(
        "shop_events",
        frame([["c1", "purchase", 10.0, now - 2 * day], ["c1", "purchase", 20.0, now - day], ["c2", "view", 0.0, now - day]]),
    )
    store.write_to_online_store("events", frame([["c1", "return", 5.0, now - timedelta(seconds=1)]]))

    # Features are read by reference and by service.
    rows = [{"customer_id": "c1"}, {"customer_id": "c2"}, {"customer_id": "nobody"}]
    answer = store.get_online_features(
        features=["activity:purchase_count_30d", "activity:avg_purchase_value_90d"], entity_rows=rows
    )
    expected = {
        "customer_id": ["c1", "c2", "nobody"],
        "purchase_count_30d": [2, 0, 0],
        "avg_purchase_value_90d": [15.0, None, None],
    }
    check("features by reference", answer.to_dict(), expected)
    service = store.get_feature_service("churn_v1")
    answer = store.get_online_features(features=service, entity_rows=rows, full_feature_names=True).to_dict()
    check("features of a service", answer["activity__return_rate_180d"], [1 / 3, 0.0, 0.0])
    check("whole days", answer["activity__days_since_last_purchase"], [1, None, None])
    # A default is shown whatever its status: NULL_VALUE, OUTSIDE_MAX_AGE or NOT_FOUND.
    answer = store.get_online_features(
        features=["filled:avg_purchase_value_90d", "filled:return_rate_180d"], entity_rows=rows
    )
    expected = {
        "customer_id": ["c1", "c2", "nobody"],
        "avg_purchase_value_90d": [15.0, -1.5, -1.5],
        "return_rate_180d": [0.25, 0.25, 0.0],
    }
    check("defaults", answer.to_dict(), expected)
    one = store.get_online_features(features=["activity:purchase_count_30d"], entity_rows=rows[:1])
    check("as a data frame", one.to_df()["purchase_count_30d"].tolist(), [2])
    cart = store.get_online_features(
        features=["cart:cart_per_purchase"], entity_rows=[{"customer_id": "c1", "cart_value": 30.0}]
    )
    check("a request field beside the key", cart.to_dict()["cart_per_purchase"], [15.0])

    # What is not there is the exception that Feast's own server makes the client raise.
    for name, ask, exception in [
        ("an unknown service", dict(features=store.get_feature_service("churn_v2")), FeatureServiceNotFoundException),
        ("an unknown view", dict(features=["nothing:x"]), FeatureViewNotFoundException),
    ]:
        try:
            store.get_online_features(entity_rows=rows, **ask)
        except exception as error:
            print(f"ok: {name} raises {exception.__name__}: {error}")
        else:
            sys.exit(f"{name} was answered")
    try:
        store.get_online_features(features=["activity:purchase_count_30d"], entity_rows=[{"customer_id": 7}])
    except RuntimeError as error:
        check("a wrong type names field and row", "entities.customer_id, row 1: 7 is not a text" in str(error), True)
    else:
        sys.exit("a wrong type was answered")


if __name__ == "__main__":
    os.environ.setdefault("FEAST_USAGE", "False")
    main()
