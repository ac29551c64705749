//! The views that are ejected, and the events that they are of.

use std::fmt::Write as _;

use onepath::time::format_time;

use crate::support::{DAY, HOUR, Random, at};

/// The views, by their names. One that reads features of others comes before them: what is not built gives no types.
pub const VIEWS: [&str; 5] = ["offer", "churn", "newest", "kinds", "spoken"];

/// Events with every type, nulls, and late arrivals.
pub const PROJECT: &str = r#"
[project]
name = "ejected"
# What is tried elsewhere is not tried here.
admission = "off"

[entities.customer]
keys = { customer = "text" }

[sources.events]
entity = "customer"
files = ["events.ndjson"]
event_time = "at"
arrival_time = "arrived"
[sources.events.fields]
kind     = { type = "text", nullable = false }
plan     = "text"
amount   = "float64"
price    = { type = "float64", nullable = false }
cents    = "int64"
quantity = { type = "int64", nullable = false }
flag     = "bool"
due      = "time"
weights  = "list<float64>"
[sources.events.derived]
total    = "price * quantity"

[views.churn]
sources = ["events"]
[views.churn.features]
purchase_count_30d       = { count = "*", where = "kind = 'purchase'", window = "30d" }
avg_purchase_value_90d   = { mean = "price", where = "kind = 'purchase'", window = "90d" }
days_since_last_purchase = { days_since_last = "kind = 'purchase'" }
return_rate_180d         = { share = "kind = 'return'", where = "kind IN ('purchase', 'return')", window = "180d", default = 0.0 }
trend                    = { expr = "purchase_count_30d / NULLIF(return_rate_180d, 0)" }

[views.newest]
sources = ["events"]
latest = ["plan", "amount", "quantity", "flag", "due", "weights", "total"]
tie_break = "amount"
ttl = "20d"
[views.newest.features]
plan = { description = "The plan of the newest event.", default = "none" }

[views.kinds]
sources = ["events"]
[views.kinds.features]
spent       = { sum = "amount", windows = ["7d", "90d"], where = "kind <> 'view'" }
by_kind     = { sum = "total", by = "kind", values = ["purchase", "return"], window = "30d", edge = "half_open" }
before      = { std_dev = "amount", window = "40d", ago = "20d" }
spread      = { sample_variance = "price", window = "90d" }
median      = { percentile = "amount", q = 0.5, window = "60d" }
cents       = { sum = "cents", window = "30d" }
cents_mean  = { mean = "cents", window = "30d", edge = "half_open" }
cents_min   = { min = "cents", window = "30d" }
cents_top   = { top_k = "quantity", k = 2, window = "30d" }
cents_kinds = { distinct = "quantity", window = "30d", ago = "7d" }
hits        = { hits = "flag", window = "30d" }
flags       = { top_k = "flag", k = 2, window = "30d" }
plan_top    = { top_k = "plan", k = 2, window = "30d" }
plan_first  = { first = "plan", window = "30d" }
plan_last   = { last = "plan", window = "5d" }
plan_kinds  = { distinct = "plan", window = "30d" }
plans_once  = { distinct = "plan" }
about       = { distinct = "plan", approximate = true }
due_max     = { max = "due", window = "90d" }
due_least   = { min = "due" }
most        = { max = "amount" }
least       = { min = "cents" }
whole       = { mean = "amount" }
squares     = { std_dev = "amount" }
integers    = { sum = "cents" }
part        = { share = "flag" }
earliest    = { first = "plan" }
latest_due  = { last = "due" }
since       = { hours_since_first = "kind = 'purchase'" }
frequent    = { top_k = "plan", k = 1 }
sketched    = { top_k = "kind", k = 1, approximate = true }
quantile    = { percentile = "amount", q = 0.9, approximate = true }
faded       = { decayed_sum = "amount", half_life = "7d" }
faded_mean  = { decayed_mean = "price", half_life = "1500ms" }
last_three  = { last_n = "amount", n = 3 }
first_two   = { first_n = "plan", n = 2 }
listed      = { last_n = "price", n = 4, list = true }
of_last     = { mean = "price", last_events = 5 }
plans_last  = { distinct = "plan", last_events = 5 }
held        = { lag = "plan", ago = "36h" }
held_due    = { lag = "due", ago = "5d" }
hops        = { std_dev = "price", window = "7d", hop = "1d" }
hops_ago    = { max = "cents", window = "7d", hop = "1d", ago = "1d" }
hops_kinds  = { distinct = "plan", window = "7d", hop = "1d" }
hops_sum    = { sum = "cents", window = "7d", hop = "12h" }
today       = { sum = "price", tumbling = "1d" }
yesterday   = { count = "flag", tumbling = "1d", previous = true }
visits      = { sessions = "*", gap = "6h", window = "30d" }
visit       = { mean = "cents", gap = "6h", window = "30d", session = "open" }
visit_long  = { session_length_minutes = "*", fixed = "12h", window = "30d", session = "last" }
visit_count = { count = "*", gap = "6h", window = "30d", session = "last" }

[views.spoken]
sources = ["events"]
[views.spoken.features]
shouted   = { last = "UPPER(plan) || '!'", where = "LENGTH(kind) > 4 AND (amount > 5 OR plan LIKE 'b%')" }
rounded   = { sum = "ROUND(amount * 1.19, 2)", where = "COALESCE(amount, price) BETWEEN 0 AND 400", window = "30d" }
late      = { count = "*", where = "event_time > due + INTERVAL '1 day'", window = "60d" }
bucket    = { top_k = "hash_bucket(plan, 7)", k = 1, window = "60d" }
size      = { max = "CASE WHEN quantity > 3 THEN quantity * 2 WHEN flag THEN cents END" }
strict    = { sum = "cents // quantity", where = "quantity <> 0 AND cents % 2 = 0", window = "60d" }
known     = { hits = "plan IS NOT DISTINCT FROM kind OR flag", window = "60d" }
hour      = { expr = "EXTRACT(HOUR FROM as_of) + EXTRACT(DOW FROM as_of)" }
circle    = { expr = "SIN(2 * PI() * hour / 24)" }
words     = { expr = "CASE WHEN rounded > 100 THEN 'much' WHEN rounded IS NULL THEN 'unknown' ELSE LOWER(shouted) END" }
least_of  = { expr = "LEAST(rounded, size, 10)" }
tried     = { expr = "TRY(1 // late)" }

[views.offer]
request = { basket = "float64", note = "text", items = "int64" }
inputs = ["churn:avg_purchase_value_90d as usual", "kinds:last_three_1"]
[views.offer.features]
ratio   = { expr = "basket / NULLIF(usual, 0)" }
each    = { expr = "items * 4611686018427387904" }
kept    = { expr = "COALESCE(last_three_1, usual, 0.5)", owner = "growth" }
is_gift = { expr = "note ILIKE '%gift%' OR basket > 3 * usual" }

[services.all]
features = ["churn:*", "newest:*", "kinds:*", "spoken:*"]
[services.offer]
features = ["offer:*"]
"#;

/// So many lines of events, in order of arrival.
pub fn events(random: &mut Random, count: usize) -> String {
    let mut lines: Vec<(i64, String)> = (0..count).map(|_| event(random)).collect();
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

fn event(random: &mut Random) -> (i64, String) {
    // Few times, so that ties are common.
    let time = at("2024-01-01") + random.below(60 * 8) as i64 * 3 * HOUR;
    let arrived = time + random.pick::<i64>(&[0, 0, 0, HOUR, 2 * DAY, 15 * DAY]);
    let mut line = format!(
        "{{\"customer\":\"c{}\",\"at\":\"{}\",\"arrived\":\"{}\",\"kind\":{:?},\"price\":{:?},\"quantity\":{}",
        random.below(3),
        format_time(time),
        format_time(arrived),
        random.pick(&["purchase", "purchase", "return", "view", "weiß"]),
        random.pick(&[1.5, 0.1, 20.0, 99.99, -0.0, 1e300, 5e-324]),
        random.pick(&[0, 1, 1, 2, 5, -3]),
    );
    let due = format_time(time + random.below(5) as i64 * DAY - DAY);
    for (name, value) in [
        ("plan", format!("{:?}", random.pick(&["basic", "basic", "pro", "größer", ""]))),
        ("amount", format!("{:?}", random.pick(&[9.99, 25.0, -3.5, 0.1, 0.2, -0.0]))),
        ("cents", random.pick(&[100, 250, -7, 0, 9_007_199_254_740_993_i64]).to_string()),
        ("flag", random.once_in(2).to_string()),
        ("due", format!("{due:?}")),
        ("weights", random.pick(&["[1.0, -0.5]", "[]", "[0.25]"]).to_string()),
    ] {
        if !random.once_in(4) {
            write!(line, ",\"{name}\":{value}").expect("writes to a text");
        }
    }
    (arrived, line + "}\n")
}
