//! Every store answers as the SDK's type of fixed lengths does, in bits, however the rows are cut into calls.

use onepath_definition::{Aggregate as Kind, Answer, Keep, SessionRule, Span, ValueType};
use onepath_sdk::dynamic::asked_at;
use onepath_sdk::prelude::*;
use proptest::prelude::*;

use super::support::{Cell, batch, definition, event, field, float, question, shown, store, view};
use crate::View;

const SECOND: i64 = 1_000_000;

/// What happens to one entity.
#[derive(Clone, Debug)]
enum Step {
    Event(i64, Cell),
    /// A question so long after the newest event.
    Question(i64),
}

fn steps(value: impl Strategy<Value = Cell> + 'static) -> BoxedStrategy<Vec<Step>> {
    // Few distinct times within a few lengths of the windows, so that ties, edges and evictions are common.
    let at = prop_oneof![
        8 => (0..40_i64, -1..=1_i64).prop_map(|(second, more)| second * SECOND + more),
        1 => prop_oneof![Just(i64::MIN), Just(-SECOND), Just(i64::MIN + 5 * SECOND)],
    ];
    let later = prop_oneof![Just(0), Just(SECOND), 0..15 * SECOND, Just(10 * SECOND), Just(i64::MAX)];
    let step = prop_oneof![3 => (at, value).prop_map(|(at, value)| Step::Event(at, value)), 1 => later.prop_map(Step::Question)];
    prop::collection::vec(step, 0..60).boxed()
}

fn floats() -> impl Strategy<Value = Cell> {
    prop_oneof![
        6 => (-2_000..2_000_i64).prop_map(|cents| cents as f64 / 100.0),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-0.0), Just(1e300), Just(5e-324), Just(f64::MIN)],
    ]
    .prop_map(Cell::Float)
}

fn integers() -> impl Strategy<Value = Cell> {
    prop_oneof![3 => -3..3_i64, 1 => -(1_i64 << 56)..1 << 56].prop_map(Cell::Integer)
}

fn booleans() -> impl Strategy<Value = Cell> {
    any::<bool>().prop_map(Cell::Boolean)
}

fn texts() -> impl Strategy<Value = Cell> {
    prop::sample::select(vec!["", "a", "ab", "zurück", "b"]).prop_map(|text| Cell::Text(text.to_owned()))
}

/// Runs the steps, in calls that are cut after so many rows, and checks each answer against what `expected` says.
fn check(
    of: &View,
    value_type: ValueType,
    steps: &[Step],
    cut: usize,
    reads: usize,
    mut expected: impl FnMut(&Step, AsOf) -> Vec<String>,
) {
    let fields = [field("value", value_type)];
    let (mut newest, mut states, mut whole) = (i64::MIN, None, batch(2, &fields));
    let mut all = Vec::new();
    for part in steps.chunks(cut.max(1)) {
        let mut rows = batch(2, &fields);
        rows.states = states.take().unwrap_or(rows.states);
        let mut wanted = Vec::new();
        for step in part {
            match step {
                Step::Event(at, cell) => {
                    newest = newest.max(*at);
                    event(&mut rows, 1, *at, std::slice::from_ref(cell));
                    event(&mut whole, 1, *at, std::slice::from_ref(cell));
                    expected(step, asked_at(newest));
                }
                Step::Question(later) => {
                    let as_of = newest.saturating_add(*later);
                    question(&mut rows, 1, as_of);
                    question(&mut whole, 1, as_of);
                    wanted.push(expected(step, asked_at(as_of)));
                }
            }
        }
        let output = of.process(&rows).expect("answers");
        for (at, wanted) in wanted.iter().enumerate() {
            let found: Vec<String> = (0..reads).map(|read| shown(&output, read, at)).collect();
            assert_eq!(&found, wanted, "question {at} of {part:?}");
            all.push(found);
        }
        states = output.states;
    }
    let output = of.process(&whole).expect("answers");
    for (at, wanted) in all.iter().enumerate() {
        assert_eq!(&(0..reads).map(|read| shown(&output, read, at)).collect::<Vec<_>>(), wanted, "in one call");
    }
    if let Some(states) = states {
        assert_eq!(output.states, Some(states), "equal contents, equal bytes");
    }
}

fn or_null<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "null".to_owned(), show)
}

/// Shown as a feature is.
trait Show {
    fn show(self) -> String;
}

impl Show for i64 {
    fn show(self) -> String {
        self.to_string()
    }
}

impl Show for f64 {
    fn show(self) -> String {
        float(self)
    }
}

impl Show for bool {
    fn show(self) -> String {
        self.to_string()
    }
}

impl Show for &str {
    fn show(self) -> String {
        self.to_owned()
    }
}

impl Show for String {
    fn show(self) -> String {
        self
    }
}

impl Show for EventTime {
    fn show(self) -> String {
        self.micros().to_string()
    }
}

impl<T: Show> Show for Option<T> {
    fn show(self) -> String {
        or_null(self, T::show)
    }
}

fn of_float(cell: &Cell) -> f64 {
    let Cell::Float(value) = cell else { panic!("{cell:?}") };
    *value
}

fn of_integer(cell: &Cell) -> i64 {
    let Cell::Integer(value) = cell else { panic!("{cell:?}") };
    *value
}

fn of_boolean(cell: &Cell) -> bool {
    let Cell::Boolean(value) = cell else { panic!("{cell:?}") };
    *value
}

fn of_text(cell: &Cell) -> &str {
    let Cell::Text(value) = cell else { panic!("{cell:?}") };
    value
}

/// One property: a store by the definition, and the same by a type of the SDK.
macro_rules! same {
    ($($name:ident: $values:ident of $value_type:ident, $keep:expr, $state:ty,
       push |$pushed:ident, $at:ident, $cell:ident| $push:expr,
       read |$state_name:ident, $as_of:ident| { $(($span:expr, $answer:expr) => $read:expr,)* };)*) => {$(
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(96))]
            #[test]
            fn $name(steps in steps($values()), cut in 1..20_usize) {
                let reads = [$((0, $span, $answer)),*];
                let definition = definition(
                    vec![field("value", ValueType::$value_type)],
                    vec![store(None, Some(0), $keep)],
                    &reads,
                );
                let mut kept = <$state>::default();
                check(&view(&definition), ValueType::$value_type, &steps, cut, reads.len(), |step, $as_of| match step {
                    Step::Event(at, $cell) => {
                        let ($pushed, $at) = (&mut kept, EventTime(*at));
                        $push;
                        Vec::new()
                    }
                    Step::Question(_) => {
                        let $state_name = &kept;
                        vec![$($read.show()),*]
                    }
                });
            }
        }
    )*};
}

fn closed(length: i64, ago: i64) -> Span {
    Span::Closed { length: length * SECOND, ago: ago * SECOND }
}

fn half_open(length: i64, ago: i64) -> Span {
    Span::HalfOpen { length: length * SECOND, ago: ago * SECOND }
}

fn ten() -> Keep {
    Keep::Events { length: 10 * SECOND }
}

fn hops(aggregate: Kind) -> Keep {
    Keep::Hops { aggregate, length: 12 * SECOND, hop: 3 * SECOND }
}

fn sawtooth(length: i64) -> Span {
    Span::Sawtooth { length: length * SECOND }
}

fn hopped(length: i64, ago: i64) -> Span {
    Span::Hopped { length: length * SECOND, ago: ago * SECOND }
}

fn whole_seconds(as_of: AsOf, at: EventTime) -> i64 {
    as_of.since(at).micros().div_euclid(SECOND)
}

type Ten<T> = Window<T, Seconds<10>>;

same! {
    windows_of_numbers: floats of Float64, ten(), Ten<f64>,
    push |window, at, cell| window.push(at, of_float(cell)),
    read |window, as_of| {
        (closed(10, 0), Answer::Count) => window.closed::<Seconds<10>>(as_of).count(),
        (closed(10, 0), Answer::Mean) => window.closed::<Seconds<10>>(as_of).mean(),
        (closed(10, 0), Answer::Sum) => {
            let view = window.closed::<Seconds<10>>(as_of);
            (!view.is_empty()).then(|| view.sum())
        },
        (half_open(4, 5), Answer::Min) => window.half_open_ago::<Seconds<5>, Seconds<4>>(as_of).min(),
        (half_open(4, 5), Answer::Max) => window.half_open_ago::<Seconds<5>, Seconds<4>>(as_of).max(),
        (closed(7, 3), Answer::Variance) => window.closed_ago::<Seconds<3>, Seconds<7>>(as_of).variance(),
        (closed(7, 3), Answer::SampleVariance) => window.closed_ago::<Seconds<3>, Seconds<7>>(as_of).sample_variance(),
        (closed(7, 3), Answer::StdDev) => window.closed_ago::<Seconds<3>, Seconds<7>>(as_of).std_dev(),
        (closed(7, 3), Answer::SampleStdDev) => window.closed_ago::<Seconds<3>, Seconds<7>>(as_of).sample_std_dev(),
        (half_open(10, 0), Answer::Quantile(0.75)) => window.half_open::<Seconds<10>>(as_of).quantile(0.75),
        (half_open(10, 0), Answer::First) => window.half_open::<Seconds<10>>(as_of).first().map(|(_, value)| value),
        (half_open(10, 0), Answer::TimeOfFirst) => window.half_open::<Seconds<10>>(as_of).first().map(|(at, _)| at),
        (half_open(10, 0), Answer::SinceFirst(SECOND)) =>
            window.half_open::<Seconds<10>>(as_of).first().map(|(at, _)| whole_seconds(as_of, at)),
        (half_open(10, 0), Answer::NthLatest(1)) =>
            window.half_open::<Seconds<10>>(as_of).iter().rev().nth(1).map(|(_, value)| value),
        (half_open(10, 0), Answer::List) => window.half_open::<Seconds<10>>(as_of)
            .values().iter().map(|&value| float(value)).collect::<Vec<_>>().join(" "),
    };

    windows_of_integers: integers of Int64, ten(), Ten<i64>,
    push |window, at, cell| window.push(at, of_integer(cell)),
    read |window, as_of| {
        (closed(10, 0), Answer::Count) => window.closed::<Seconds<10>>(as_of).count(),
        (closed(10, 0), Answer::Sum) => {
            let view = window.closed::<Seconds<10>>(as_of);
            (!view.is_empty()).then(|| view.sum())
        },
        (closed(10, 0), Answer::Mean) => window.closed::<Seconds<10>>(as_of).mean(),
        (closed(10, 0), Answer::Min) => window.closed::<Seconds<10>>(as_of).min(),
        (closed(10, 0), Answer::Max) => window.closed::<Seconds<10>>(as_of).max(),
        (closed(10, 0), Answer::Distinct) => window.closed::<Seconds<10>>(as_of).distinct(),
        (closed(10, 0), Answer::Top(1)) => window.closed::<Seconds<10>>(as_of).top(2).get(1).map(|&(key, _)| key),
        (closed(10, 0), Answer::TopCount(0)) => window.closed::<Seconds<10>>(as_of).top(1).first().map(|&(_, count)| count),
        (closed(10, 0), Answer::Last) => window.closed::<Seconds<10>>(as_of).last().map(|(_, value)| value),
        (closed(10, 0), Answer::NthEarliest(2)) =>
            window.closed::<Seconds<10>>(as_of).iter().nth(2).map(|(_, value)| value),
    };

    windows_of_times: integers of Time, ten(), Ten<i64>,
    push |window, at, cell| window.push(at, of_integer(cell)),
    read |window, as_of| {
        (closed(10, 0), Answer::Min) => window.closed::<Seconds<10>>(as_of).min(),
        (closed(10, 0), Answer::Last) => window.closed::<Seconds<10>>(as_of).last().map(|(_, value)| value),
        (closed(10, 0), Answer::TimeOfLast) => window.closed::<Seconds<10>>(as_of).last().map(|(at, _)| at),
        (closed(10, 0), Answer::SinceLast(SECOND)) =>
            window.closed::<Seconds<10>>(as_of).last().map(|(at, _)| whole_seconds(as_of, at)),
    };

    windows_of_booleans: booleans of Boolean, ten(), Ten<bool>,
    push |window, at, cell| window.push(at, of_boolean(cell)),
    read |window, as_of| {
        (closed(10, 0), Answer::Count) => window.closed::<Seconds<10>>(as_of).count(),
        (closed(10, 0), Answer::Hits) => window.closed::<Seconds<10>>(as_of).hits(),
        (closed(10, 0), Answer::Share) => window.closed::<Seconds<10>>(as_of).share(),
        (closed(10, 0), Answer::Last) => window.closed::<Seconds<10>>(as_of).last().map(|(_, value)| value),
        (closed(10, 0), Answer::Distinct) => counted(window, as_of).len() as i64,
        (closed(10, 0), Answer::Top(0)) => counted(window, as_of).first().map(|&(key, _)| key),
        (closed(10, 0), Answer::TopCount(1)) => counted(window, as_of).get(1).map(|&(_, count)| count),
    };

    the_latest: floats of Float64, Keep::Latest { count: 3 }, LastN<f64, 3>,
    push |events, at, cell| events.push(at, of_float(cell)),
    read |events, as_of| {
        (Span::All, Answer::Count) => events.view().count(),
        (Span::All, Answer::Mean) => events.view().mean(),
        (Span::All, Answer::NthLatest(2)) => events.newest(2).map(|(_, value)| *value),
        (Span::All, Answer::SinceLast(SECOND)) => events.newest(0).map(|(at, _)| whole_seconds(as_of, at)),
    };

    the_latest_texts: texts of Text, Keep::Latest { count: 4 }, LastN<String, 4>,
    push |events, at, cell| events.push(at, of_text(cell)),
    read |events, as_of| {
        (Span::All, Answer::Count) => events.len() as i64,
        (Span::All, Answer::NthEarliest(3)) => events.iter().nth(3).map(|(_, text)| text.as_str()),
        (Span::All, Answer::Last) => events.newest(0).map(|(_, text)| text.as_str()),
        (Span::All, Answer::SinceFirst(SECOND)) => events.iter().next().map(|(at, _)| whole_seconds(as_of, at)),
    };

    the_earliest: integers of Int64, Keep::Earliest { count: 3 }, FirstN<i64, 3>,
    push |events, at, cell| events.push(at, of_integer(cell)),
    read |events, _as_of| {
        (Span::All, Answer::Count) => events.view().count(),
        (Span::All, Answer::Max) => events.view().max(),
        (Span::All, Answer::NthEarliest(1)) => events.iter().nth(1).map(|(_, value)| *value),
        (Span::All, Answer::TimeOfLast) => events.iter().next_back().map(|(at, _)| at),
    };

    values_in_force: texts of Text, Keep::Values { length: 10 * SECOND }, Lag<String, Seconds<10>>,
    push |values, at, cell| values.push(at, of_text(cell)),
    read |values, as_of| {
        (Span::Ago { ago: 0 }, Answer::Last) => values.value::<Seconds<0>>(as_of).map(String::as_str),
        (Span::Ago { ago: 10 * SECOND }, Answer::Last) => values.value::<Seconds<10>>(as_of).map(String::as_str),
    };

    numbers_in_force: floats of Float64, Keep::Values { length: 7 * SECOND }, Lag<f64, Seconds<7>>,
    push |values, at, cell| values.push(at, of_float(cell)),
    read |values, as_of| {
        (Span::Ago { ago: 3 * SECOND }, Answer::Last) => values.value::<Seconds<3>>(as_of).copied(),
    };

    keys_of_a_window: texts of Text, Keep::Keys { length: 10 * SECOND }, DistinctWindow<String, Seconds<10>>,
    push |keys, at, cell| keys.push(at, of_text(cell)),
    read |keys, as_of| {
        (closed(10, 0), Answer::Distinct) => keys.closed::<Seconds<10>>(as_of).count(),
        (half_open(4, 0), Answer::Distinct) => keys.half_open::<Seconds<4>>(as_of).count(),
    };

    keys_that_are_integers: integers of Int64, Keep::Keys { length: 5 * SECOND }, DistinctWindow<i64, Seconds<5>>,
    push |keys, at, cell| keys.push(at, &of_integer(cell)),
    read |keys, as_of| {
        (closed(5, 0), Answer::Distinct) => keys.closed::<Seconds<5>>(as_of).count(),
    };

    lifetimes_of_numbers: floats of Float64, Keep::Lifetime(Kind::Variance), Variance,
    push |spread, at, cell| spread.push(at, of_float(cell)),
    read |spread, _as_of| {
        (Span::All, Answer::Count) => spread.count(),
        (Span::All, Answer::Sum) => (spread.count() > 0).then(|| spread.sum()),
        (Span::All, Answer::Mean) => spread.mean(),
        (Span::All, Answer::StdDev) => spread.std_dev(),
    };

    lifetimes_that_fade: floats of Float64, Keep::Lifetime(Kind::Decayed { half_life: 7 * SECOND }), Decayed<Seconds<7>>,
    push |fading, at, cell| fading.push(at, of_float(cell)),
    read |fading, as_of| {
        (Span::All, Answer::DecayedMean) => fading.mean(),
        (Span::All, Answer::DecayedSum) => fading.mean().map(|_| fading.sum(as_of)),
    };

    lifetimes_of_texts: texts of Text, Keep::Lifetime(Kind::Last), Last<String>,
    push |last, at, cell| last.push(at, of_text(cell)),
    read |last, as_of| {
        (Span::All, Answer::Last) => last.value().map(String::as_str),
        (Span::All, Answer::TimeOfLast) => last.at(),
        (closed(10, 0), Answer::Last) => {
            last.value().filter(|_| last.since(as_of).is_some_and(|since| since <= seconds(10))).map(String::as_str)
        },
        (half_open(10, 0), Answer::SinceLast(SECOND)) => {
            last.since(as_of).filter(|since| *since < seconds(10)).map(|since| since.micros().div_euclid(SECOND))
        },
    };

    hops_of_numbers: floats of Float64, hops(Kind::Mean), Hopping<Mean, Seconds<12>, Seconds<3>>,
    push |hops, at, cell| hops.push(at, of_float(cell)),
    read |hops, as_of| {
        (sawtooth(12), Answer::Mean) => hops.sawtooth::<Seconds<12>>(as_of).mean(),
        (sawtooth(5), Answer::Count) => hops.sawtooth::<Seconds<5>>(as_of).count(),
        (hopped(6, 4), Answer::Mean) => hops.hopped_ago::<Seconds<4>, Seconds<6>>(as_of).mean(),
        (hopped(12, 0), Answer::Sum) => {
            let merged = hops.hopped::<Seconds<12>>(as_of);
            (merged.count() > 0).then(|| merged.sum())
        },
    };

    hops_of_sketches: floats of Float64, hops(Kind::QuantileSketch), Hopping<QuantileSketch, Seconds<12>, Seconds<3>>,
    push |hops, at, cell| hops.push(at, of_float(cell)),
    read |hops, as_of| {
        (sawtooth(12), Answer::Quantile(0.9)) => hops.sawtooth::<Seconds<12>>(as_of).quantile(0.9),
    };

    hops_of_counts: texts of Text, hops(Kind::Counts), Hopping<Counts<String>, Seconds<12>, Seconds<3>>,
    push |hops, at, cell| hops.push(at, of_text(cell)),
    read |hops, as_of| {
        (sawtooth(12), Answer::Distinct) => hops.sawtooth::<Seconds<12>>(as_of).distinct(),
        (sawtooth(12), Answer::Top(1)) => hops.sawtooth::<Seconds<12>>(as_of).top(2).get(1).map(|(key, _)| key.clone()),
        (sawtooth(12), Answer::TopCount(0)) => hops.sawtooth::<Seconds<12>>(as_of).top(1).first().map(|&(_, count)| count),
    };

    hops_of_integers: integers of Int64, hops(Kind::IntegerSum), Hopping<IntegerSum, Seconds<12>, Seconds<3>>,
    push |hops, at, cell| hops.push(at, of_integer(cell)),
    read |hops, as_of| {
        (sawtooth(9), Answer::Count) => hops.sawtooth::<Seconds<9>>(as_of).count(),
        (sawtooth(9), Answer::Mean) => hops.sawtooth::<Seconds<9>>(as_of).mean(),
        (sawtooth(9), Answer::Sum) => {
            let merged = hops.sawtooth::<Seconds<9>>(as_of);
            (merged.count() > 0).then(|| merged.sum() as i64)
        },
    };

    flags_that_differ: booleans of Boolean, Keep::Lifetime(Kind::HyperLogLog), HyperLogLog<bool>,
    push |flags, at, cell| flags.push(at, &of_boolean(cell)),
    read |flags, _as_of| {
        (Span::All, Answer::Distinct) => flags.count(),
    };

    flags_counted: booleans of Boolean, Keep::Lifetime(Kind::Counts), Counts<bool>,
    push |flags, at, cell| flags.push(at, &of_boolean(cell)),
    read |flags, _as_of| {
        (Span::All, Answer::Distinct) => flags.distinct(),
        (Span::All, Answer::Top(0)) => flags.top(1).first().map(|&(flag, _)| flag),
        (Span::All, Answer::TopCount(1)) => flags.top(2).get(1).map(|&(_, count)| count),
    };

    most_frequent_flags: booleans of Boolean, Keep::Lifetime(Kind::TopK), TopK<bool, 64>,
    push |flags, at, cell| flags.push(at, &of_boolean(cell)),
    read |flags, _as_of| {
        (Span::All, Answer::Top(0)) => flags.top(1).first().map(|&(flag, _)| flag),
    };

    flags_of_a_window: booleans of Boolean, Keep::Keys { length: 5 * SECOND }, DistinctWindow<bool, Seconds<5>>,
    push |keys, at, cell| keys.push(at, &of_boolean(cell)),
    read |keys, as_of| {
        (closed(5, 0), Answer::Distinct) => keys.closed::<Seconds<5>>(as_of).count(),
    };

    hops_of_edges: booleans of Boolean, hops(Kind::First), Hopping<First<bool>, Seconds<12>, Seconds<3>>,
    push |hops, at, cell| hops.push(at, of_boolean(cell)),
    read |hops, as_of| {
        (sawtooth(12), Answer::First) => hops.sawtooth::<Seconds<12>>(as_of).value().copied(),
        (sawtooth(12), Answer::TimeOfFirst) => hops.sawtooth::<Seconds<12>>(as_of).at(),
    };

    tumbling: floats of Float64, Keep::Tumbling { aggregate: Kind::Max, length: 7 * SECOND }, Tumbling<Max, Seconds<7>>,
    push |tumbling, at, cell| tumbling.push(at, of_float(cell)),
    read |tumbling, as_of| {
        (Span::Current, Answer::Max) => tumbling.current(as_of).max(),
        (Span::Previous, Answer::Max) => tumbling.previous(as_of).max(),
    };

    tumbling_distinct: texts of Text, Keep::Tumbling { aggregate: Kind::HyperLogLog, length: 7 * SECOND },
    Tumbling<HyperLogLog<String>, Seconds<7>>,
    push |tumbling, at, cell| tumbling.push(at, of_text(cell)),
    read |tumbling, as_of| {
        (Span::Current, Answer::Distinct) => tumbling.current(as_of).count(),
    };

    sessions_by_gaps: floats of Float64,
    Keep::Sessions { aggregate: Kind::Mean, rule: SessionRule::Gap(2 * SECOND), length: 20 * SECOND },
    Sessions<Mean, Gap<Seconds<2>>, Seconds<20>>,
    push |sessions, at, cell| sessions.push(at, of_float(cell)),
    read |sessions, as_of| {
        (closed(18, 0), Answer::Sessions) => sessions.count::<Seconds<18>>(as_of),
        (closed(8, 10), Answer::Sessions) => sessions.count_ago::<Seconds<10>, Seconds<8>>(as_of),
        (Span::LastSession, Answer::Mean) => sessions.last().and_then(|session| session.events.mean()),
        (Span::LastSession, Answer::SessionLength(SECOND)) =>
            sessions.last().map(|session| session.length().micros() / SECOND),
        (Span::OpenSession, Answer::Count) => sessions.current(as_of).map_or(0, |session| session.events.count()),
    };

    sessions_of_fixed_length: booleans of Boolean,
    Keep::Sessions { aggregate: Kind::Share, rule: SessionRule::Fixed(3 * SECOND), length: 20 * SECOND },
    Sessions<Share, Fixed<Seconds<3>>, Seconds<20>>,
    push |sessions, at, cell| sessions.push(at, of_boolean(cell)),
    read |sessions, as_of| {
        (closed(17, 0), Answer::Sessions) => sessions.count::<Seconds<17>>(as_of),
        (Span::OpenSession, Answer::Share) => sessions.current(as_of).and_then(|session| session.events.share()),
        (Span::LastSession, Answer::Hits) => sessions.last().map_or(0, |session| session.events.hits()),
    };
}

/// The flags of a window, the more frequent first; of equally frequent ones false.
fn counted(window: &Ten<bool>, as_of: AsOf) -> Vec<(bool, i64)> {
    let view = window.closed::<Seconds<10>>(as_of);
    let mut counted = vec![(false, view.count() - view.hits()), (true, view.hits())];
    counted.retain(|&(_, count)| count > 0);
    counted.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    counted
}

proptest! {
    /// The SDK's windows hold no texts: against the events themselves.
    #[test]
    fn windows_of_texts(steps in steps(texts()), cut in 1..20_usize) {
        let reads = [
            (0, closed(10, 0), Answer::Count),
            (0, closed(10, 0), Answer::Last),
            (0, half_open(6, 4), Answer::NthEarliest(1)),
            (0, half_open(6, 4), Answer::NthLatest(1)),
            (0, closed(10, 0), Answer::Distinct),
            (0, closed(10, 0), Answer::Top(1)),
            (0, closed(10, 0), Answer::TopCount(0)),
        ];
        let definition = definition(vec![field("value", ValueType::Text)], vec![store(None, Some(0), ten())], &reads);
        let mut events: Vec<(i64, String)> = Vec::new();
        check(&view(&definition), ValueType::Text, &steps, cut, reads.len(), |step, as_of| {
            if let Step::Event(at, cell) = step {
                events.push((*at, of_text(cell).to_owned()));
                events.sort_by_key(|&(at, _)| at);
                return Vec::new();
            }
            let as_of = i128::from(as_of.micros());
            let within = |first: i128, last: i128| -> Vec<&str> {
                let within = events.iter().filter(|&&(at, _)| (as_of - first..=as_of - last).contains(&i128::from(at)));
                within.map(|(_, text)| text.as_str()).collect()
            };
            let second = i128::from(SECOND);
            let (all, before) = (within(10 * second, 0), within(10 * second - 1, 4 * second));
            let mut counted: Vec<(usize, &str)> =
                all.iter().map(|&text| (all.iter().filter(|&&other| other == text).count(), text)).collect();
            counted.sort_by_key(|&(count, text)| (std::cmp::Reverse(count), text));
            counted.dedup();
            vec![
                all.len().to_string(),
                all.last().copied().show(),
                before.get(1).copied().show(),
                before.iter().rev().nth(1).copied().show(),
                counted.len().to_string(),
                counted.get(1).map(|&(_, text)| text).show(),
                counted.first().map(|&(count, _)| count as i64).show(),
            ]
        });
    }
}
