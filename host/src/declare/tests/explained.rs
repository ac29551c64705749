//! Features and stores in words.

use expect_test::expect;

use super::{lowered, project};
use crate::declare::{feature_words, store_words};

#[test]
fn features_and_stores_in_words() {
    let case = r#"
[views.v]
sources = ["events"]
latest = ["price"]
[views.v.features]
avg = { mean = "amount", where = "event_type = 'purchase'", window = "90d" }
n = { count = "*", where = "event_type = 'purchase'", windows = ["30d"], ago = "7d" }
spend = { sum = "value", by = "event_type", values = ["it's"], window = "1h", edge = "half_open" }
days = { days_since_last = "event_type = 'purchase'" }
rate = { share = "event_type = 'return'", where = "event_type IN ('purchase', 'return')", window = "180d", default = 0.0 }
hops = { std_dev = "price", window = "7d", hop = "1d" }
whole = { distinct = "event_type", window = "7d", hop = "1d", ago = "1d" }
today = { max = "price", tumbling = "1d" }
then = { lag = "price", ago = "36h" }
visit = { count = "*", gap = "30m", window = "30d", session = "open" }
faded = { decayed_sum = "price", half_life = "7d" }
some = { last_n = "amount", n = 2 }
ratio = { expr = "avg / NULLIF(today, 0)" }
"#
    .replace("it's", "its");
    let (project, view) = project(&case);
    drop(project);
    let definition = lowered(&case).expect("is lowered");
    let declaration = view.transform.declaration().expect("is declared");
    let features = definition.features.iter().enumerate().map(|(at, feature)| {
        format!("{}: {}\n", feature.name, feature_words(declaration, at, &definition, &view.sources))
    });
    let stores = store_words(&definition).into_iter().map(|store| format!("{} {:?}\n", store.kept, store.features));
    expect![[r#"
        price: price of the event of `events` with the greatest event time, of equal times the later one; null where it is null there, and where there is no event
        avg: mean of amount over events of `events` where event_type = 'purchase', in the closed 90 days before the as-of; null where there is none
        n_30d: number of events of `events` where event_type = 'purchase', in the closed 30 days that ended 7 days before the as-of; never null
        spend_its: sum of value over events of `events` where event_type = 'its', in the half-open 1 hour before the as-of; null where there is none
        days: whole days since the latest event of `events` where event_type = 'purchase', of all time up to the as-of; null where there is none
        rate: part for which event_type = 'return' is true, over events of `events` where event_type IN ('purchase', 'return'), in the closed 180 days before the as-of; 0.0 where it would be null
        hops: standard deviation (of the population) of price over events of `events`, in the 7 days before the as-of, from the beginning of its first hop of 1 day; null where there is none
        whole: number of different event_type over events of `events`, in 7 days of whole hops of 1 day that ended 1 day before the as-of; never null
        today: greatest price over events of `events`, in the stretch of 1 day that the as-of lies in; null where there is none
        then: price as it was 36 hours before the as-of, over events of `events`; null where there is none
        visit: number of events of `events`, in the session that the as-of lies in of the last 30 days, which 30 minutes without an event ends; never null
        faded: sum of price, of which what is 7 days old counts half, over events of `events`, of all time up to the as-of; null where there is none
        some_1: amount of event 1 from the latest, over events of `events`, of all time up to the as-of; null where there is none
        some_2: amount of event 2 from the latest, over events of `events`, of all time up to the as-of; null where there is none
        ratio: avg / NULLIF(today, 0), of each question; null where the expression is
        price of the newest event [0]
        the time and amount of each event of the last 90 days where event_type = 'purchase' [1, 2, 14]
        the time and (price * quantity) of each event of the last 1 hour where event_type = 'its' [3]
        the latest time of all events where event_type = 'purchase' [4]
        the time and event_type = 'return' of each event of the last 180 days where event_type IN ('purchase', 'return') [5]
        number, sum and squares of price of each 1 day of the last 7 days [6]
        the different event_type of each 1 day of the last 8 days [7]
        the greatest price of this 1 day and of the one before [8, 14]
        the values of price of the last 36 hours, and the one before [9]
        the number of each session ended by 30 minutes without an event of the last 30 days [10]
        the faded sum of price, by half in 7 days, of all events [11]
        the time and amount of the latest 2 events [12, 13]
    "#]].assert_eq(&features.chain(stores).collect::<String>());
}
