"""Several entities, places in two roles, and columns with other names in files."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float32, Float64, Int64

location = Entity(
    name="location", join_keys=["location_id"], value_type=ValueType.INT64, description="A place.", owner="geo@example.com"
)
driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.STRING)
customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.INT64)

weather_source = FileSource(
    name="weather_source",
    path="data/weather.parquet",
    timestamp_field="measured",
    field_mapping={"loc": "location_id", "at": "measured", "temp": "temperature", "rain-mm": "rain"},
    owner="geo@example.com",
)
weather = FeatureView(
    name="weather",
    entities=[location],
    schema=[
        Field(name="temperature", dtype=Float32, description='In °C, as the "station" says.', tags={"unit": "°C"}),
        Field(name="rain", dtype=Float64),
    ],
    source=weather_source,
    ttl=timedelta(days=60),
    owner="geo@example.com",
    tags={"team": "geo", "a b": "with spaces"},
)

# Of two entities, in a folder of files, with features that Feast infers.
pairs = FeatureView(
    name="pairs",
    entities=[driver, customer],
    source=FileSource(path="data/pairs", timestamp_field="event_timestamp"),
)

route = FeatureService(
    name="route",
    description="Where from and where to.",
    features=[
        weather.with_name("origin").with_join_key_map({"location_id": "origin_id"}),
        weather[["temperature"]].with_name("destination").with_join_key_map({"location_id": "destination_id"}),
    ],
)
driving = FeatureService(name="driving", features=[pairs, weather[["rain"]]], owner="rides@example.com")
