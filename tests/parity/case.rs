//! A random case: events of a few entities with everything that is hard about time, and questions that meet it.

use super::rules::Rules;
use crate::support::{Ask, DAY, Event, HOUR, Random, at};

/// How the sources of a case lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sources {
    One,
    /// Two, with events of both at the same microsecond.
    TwoWithTies,
    /// Two whose times never meet, so that pushes of both keep the times that they declare.
    TwoApart,
}

pub struct Case {
    pub sources: Sources,
    /// In the order of (source, position in its files).
    pub events: Vec<Event>,
    pub asks: Vec<Ask>,
    /// What the project decides of single features.
    pub rules: Rules,
}

impl Case {
    pub fn new(seed: u64, sources: Sources) -> Self {
        let mut random = Random::new(seed);
        let mut events: Vec<Event> = (0..90).map(|_| event(&mut random, sources)).collect();
        // One entity with more events than small batches hold, at very few times.
        events.extend((0..40).map(|_| Event {
            entity: "hot".to_owned(),
            at: at("2024-03-01") + random.below(4) as i64 * 30 * DAY,
            arrived: None,
            ..event(&mut random, Sources::One)
        }));
        // Stable: within a source the events keep the order in which they were drawn, which is not that of time.
        events.sort_by_key(|event| event.source);
        let asks = asks(&mut random, &events);
        Self { sources, events, asks, rules: Rules(Some(seed)) }
    }

    /// How many sources there are.
    pub fn source_count(&self) -> usize {
        if self.sources == Sources::One { 1 } else { 2 }
    }

    pub fn events_of(&self, source: usize) -> Vec<Event> {
        self.events.iter().filter(|event| event.source == source).cloned().collect()
    }
}

fn event(random: &mut Random, sources: Sources) -> Event {
    let source = if sources == Sources::One { 0 } else { random.below(2) };
    // Few distinct times, so that ties and edges are common; some a microsecond beside.
    let base = at("2024-01-01") + random.below(13) as i64 * 15 * DAY + random.below(2) as i64 * HOUR;
    let mut time = base + random.pick(&[0, 0, 0, 1, -1]);
    if sources == Sources::TwoApart {
        time += source as i64 * 10;
    }
    let late = *random.pick(&[0, 0, 0, 1, HOUR, 3 * DAY, 30 * DAY, 200 * DAY, -HOUR]);
    Event {
        source,
        entity: format!("e{}", random.below(5)),
        kind: random.pick::<&str>(&["purchase", "purchase", "purchase", "return", "return", "view", "other"]),
        amount: amount(random),
        at: time,
        arrived: (late != 0 || random.once_in(2)).then(|| time + late),
    }
}

/// Cents, which are not exact in binary, and now and then sizes that cancel or that lie far apart.
fn amount(random: &mut Random) -> f64 {
    let cents = random.below(100_000) as f64 / 100.0;
    match random.below(12) {
        0 => cents * 1e5,
        1 => cents * -1e5,
        2 => cents * 1e-8,
        3 => 0.0,
        _ => cents,
    }
}

/// Questions at, just before and just after what events did and when windows close over them.
fn asks(random: &mut Random, events: &[Event]) -> Vec<Ask> {
    let lengths = [0, DAY, 30 * DAY, 90 * DAY, 180 * DAY];
    let mut asks: Vec<Ask> = (0..110)
        .map(|_| {
            let event = random.pick(events);
            let start = if random.once_in(2) { event.at } else { event.available() };
            let entity = match random.below(8) {
                0 => "nobody".to_owned(),
                1 => "hot".to_owned(),
                2 => format!("e{}", random.below(5)),
                _ => event.entity.clone(),
            };
            let as_of = start + random.pick(&lengths) + random.pick(&[0, 0, 1, -1]);
            Ask { entity, as_of, cart_value: amount(random) }
        })
        .collect();
    // The same entity and as-of again, with the same request.
    let again: Vec<Ask> = asks.iter().step_by(10).cloned().collect();
    asks.extend(again);
    random.shuffle(&mut asks);
    asks
}

/// The events of one source in a random order of rows in which events of one entity that became available together keep
/// theirs: only that order has a meaning.
pub fn reordered(events: &[Event], random: &mut Random) -> Vec<Event> {
    let mut places: Vec<usize> = (0..events.len()).collect();
    random.shuffle(&mut places);
    let class = |event: &Event| (event.entity.clone(), event.available());
    let mut taken = vec![false; events.len()];
    let in_class = |place: &usize| class(&events[*place]);
    places
        .iter()
        .map(|place| {
            let wanted = in_class(place);
            let next = (0..events.len()).find(|at| !taken[*at] && class(&events[*at]) == wanted);
            let next = next.expect("each class has as many events as places");
            taken[next] = true;
            events[next].clone()
        })
        .collect()
}
