//! Every kind of window, one law: an answer is decided by the relevant past alone. Whatever came before that, after it, late or
//! in whatever order, the answer is that of plain loops over the whole history, for any length and any time that lies between the
//! end of the view and the question.

use onepath_sdk::prelude::*;
use onepath_sdk::state::decode_all;
use onepath_sdk::testing::as_of;
use proptest::prelude::*;

/// Event time in microseconds, and a value. A history is in the order of application.
type Event = (i64, i64);

const SECOND: i64 = 1_000_000;

/// How long the windows here keep their events, in microseconds.
const KEPT: i64 = 40 * SECOND;
/// The bound on how long ago a view ends.
const AGO_MAX: i64 = 15 * SECOND;
/// The bound on its length.
const LENGTH_MAX: i64 = 25 * SECOND;
/// A hop, a gap and a fixed session.
const STEP: i64 = 5 * SECOND;

type Kept = Seconds<40>;
type Ago = UpTo<Seconds<15>>;
type Span25 = UpTo<Seconds<25>>;
type Whole = UpTo<Seconds<40>>;
type Step = Seconds<5>;

/// What is asked, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Question {
    as_of: i64,
    /// At most [`AGO_MAX`].
    ago: i64,
    /// At most [`LENGTH_MAX`].
    length: i64,
    /// At most [`KEPT`], for what ends at the question.
    whole: i64,
}

impl Question {
    fn ago(&self) -> Ago {
        UpTo::new(Length::from_micros(self.ago)).expect("is within the bound")
    }

    fn length(&self) -> Span25 {
        UpTo::new(Length::from_micros(self.length)).expect("is within the bound")
    }

    fn whole(&self) -> Whole {
        UpTo::new(Length::from_micros(self.whole)).expect("is within the bound")
    }
}

/// A state that all events went to. Now and then it goes through its bytes, as between two calls.
fn fold<S: State + Default>(events: &[Event], push: impl Fn(&mut S, EventTime, i64)) -> S {
    let mut state = S::default();
    for (index, &(at, value)) in events.iter().enumerate() {
        push(&mut state, EventTime(at), value);
        if index % 5 == 0 {
            let mut bytes = Vec::new();
            state.encode(&mut bytes);
            state = decode_all(&bytes).expect("was encoded");
        }
    }
    state
}

/// The events from `first` to `last`, by time, and in the order of application where those are equal.
fn between(events: &[Event], first: i64, last: i64) -> Vec<Event> {
    let mut seen: Vec<Event> = events.iter().copied().filter(|&(at, _)| first <= at && at <= last).collect();
    seen.sort_by_key(|&(at, _)| at);
    seen
}

fn values(events: &[Event], first: i64, last: i64) -> String {
    shown(between(events, first, last).into_iter().map(|(_, value)| value))
}

fn shown(values: impl IntoIterator<Item = i64>) -> String {
    format!("{:?}", values.into_iter().collect::<Vec<_>>())
}

fn view(view: View<'_, i64>) -> String {
    shown(view.values().iter().copied())
}

/// What is asked of tiles: a count, a sum, and the latest value.
type Tile = (Count, Sum, Last<i64>);

fn tile((count, sum, last): Tile) -> String {
    format!("{} {:?} {:?}", count.count(), sum.sum(), last.value())
}

fn tile_of(events: &[Event], first: i64, last: i64) -> String {
    let seen = between(events, first, last);
    let sum: i64 = seen.iter().map(|&(_, value)| value).sum();
    format!("{} {:?} {:?}", seen.len(), sum as f64, seen.last().map(|(_, value)| value))
}

/// Rounded down to whole steps.
fn step(micros: i64) -> i64 {
    micros.div_euclid(STEP) * STEP
}

/// Rounded up to whole steps.
fn steps(micros: i64) -> i64 {
    -step(-micros)
}

/// The starts of the sessions of events in the order of time.
fn starts(events: &[Event], goes_on: impl Fn(i64, i64, i64) -> bool) -> Vec<i64> {
    let (mut starts, mut end) = (Vec::new(), i64::MIN);
    for (at, _) in between(events, i64::MIN, i64::MAX) {
        if starts.last().is_none_or(|&start| !goes_on(start, end, at)) {
            starts.push(at);
        }
        end = at;
    }
    starts
}

fn count(starts: &[i64], first: i64, last: i64) -> String {
    starts.iter().filter(|&&start| first <= start && start <= last).count().to_string()
}

/// A parametric window is asked for what ends at the question, and for what ended before.
struct ByParameter;

impl Spans<2> for ByParameter {
    type Parameters<'a> = Question;

    fn spans(question: &Question) -> [Span; 2] {
        [Span::last(question.length()), Span::ago(question.ago(), question.length())]
    }
}

type Answer = fn(&[Event], Question) -> String;

/// Each kind of window and each way to ask it: its answer, and that of plain loops over the whole history.
const KINDS: &[(&str, Answer, Answer)] = &[
    (
        "Window::closed",
        |events, q| view(window(events).closed::<Kept>(as_of(q.as_of))),
        |events, q| values(events, q.as_of - KEPT, q.as_of),
    ),
    (
        "Window::half_open",
        |events, q| view(window(events).half_open::<Kept>(as_of(q.as_of))),
        |events, q| values(events, q.as_of - KEPT + 1, q.as_of),
    ),
    (
        "Window::closed_for",
        |events, q| view(window(events).closed_for(as_of(q.as_of), q.whole())),
        |events, q| values(events, q.as_of - q.whole, q.as_of),
    ),
    (
        "Window::half_open_for",
        |events, q| view(window(events).half_open_for(as_of(q.as_of), q.whole())),
        |events, q| values(events, q.as_of - q.whole + 1, q.as_of),
    ),
    (
        "Window::closed_ago",
        |events, q| view(window(events).closed_ago::<Seconds<15>, Seconds<25>>(as_of(q.as_of))),
        |events, q| values(events, q.as_of - KEPT, q.as_of - AGO_MAX),
    ),
    (
        "Window::half_open_ago",
        |events, q| view(window(events).half_open_ago::<Seconds<15>, Seconds<25>>(as_of(q.as_of))),
        |events, q| values(events, q.as_of - KEPT + 1, q.as_of - AGO_MAX),
    ),
    (
        "Window::closed_ago_for",
        |events, q| view(window(events).closed_ago_for(as_of(q.as_of), q.ago(), q.length())),
        |events, q| values(events, q.as_of - q.ago - q.length, q.as_of - q.ago),
    ),
    (
        "Window::half_open_ago_for",
        |events, q| view(window(events).half_open_ago_for(as_of(q.as_of), q.ago(), q.length())),
        |events, q| values(events, q.as_of - q.ago - q.length + 1, q.as_of - q.ago),
    ),
    (
        "ParameterWindow::closed",
        |events, q| by_parameter(events, q).closed(as_of(q.as_of), &q).map(view).join(" "),
        |events, q| {
            let before = q.as_of - q.ago;
            [values(events, q.as_of - q.length, q.as_of), values(events, before - q.length, before)].join(" ")
        },
    ),
    (
        "ParameterWindow::half_open",
        |events, q| by_parameter(events, q).half_open(as_of(q.as_of), &q).map(view).join(" "),
        |events, q| {
            let before = q.as_of - q.ago;
            [values(events, q.as_of - q.length + 1, q.as_of), values(events, before - q.length + 1, before)].join(" ")
        },
    ),
    (
        "DistinctWindow::closed",
        |events, q| keys(distinct(events).closed::<Kept>(as_of(q.as_of)).keys()),
        |events, q| keys_between(events, q.as_of - KEPT, q.as_of),
    ),
    (
        "DistinctWindow::half_open",
        |events, q| keys(distinct(events).half_open::<Kept>(as_of(q.as_of)).keys()),
        |events, q| keys_between(events, q.as_of - KEPT + 1, q.as_of),
    ),
    (
        "DistinctWindow::closed_for",
        |events, q| keys(distinct(events).closed_for(as_of(q.as_of), q.whole()).keys()),
        |events, q| keys_between(events, q.as_of - q.whole, q.as_of),
    ),
    (
        "DistinctWindow::half_open_for",
        |events, q| keys(distinct(events).half_open_for(as_of(q.as_of), q.whole()).keys()),
        |events, q| keys_between(events, q.as_of - q.whole + 1, q.as_of),
    ),
    (
        "Hopping::sawtooth",
        |events, q| tile(hopping(events).sawtooth::<Kept>(as_of(q.as_of))),
        |events, q| tile_of(events, step(q.as_of - KEPT), q.as_of),
    ),
    (
        "Hopping::sawtooth_for",
        |events, q| tile(hopping(events).sawtooth_for(as_of(q.as_of), q.whole())),
        |events, q| tile_of(events, step(q.as_of - q.whole), q.as_of),
    ),
    (
        "Hopping::hopped",
        |events, q| tile(hopping(events).hopped::<Kept>(as_of(q.as_of))),
        |events, q| tile_of(events, step(q.as_of) - KEPT, step(q.as_of) - 1),
    ),
    (
        "Hopping::hopped_for",
        |events, q| tile(hopping(events).hopped_for(as_of(q.as_of), q.whole())),
        |events, q| tile_of(events, step(q.as_of) - steps(q.whole), step(q.as_of) - 1),
    ),
    (
        "Hopping::hopped_ago",
        |events, q| tile(hopping(events).hopped_ago::<Seconds<12>, Seconds<23>>(as_of(q.as_of))),
        |events, q| {
            let end = step(q.as_of - 12 * SECOND);
            tile_of(events, end - 25 * SECOND, end - 1)
        },
    ),
    (
        "Hopping::hopped_ago_for",
        |events, q| tile(hopping(events).hopped_ago_for(as_of(q.as_of), q.ago(), q.length())),
        |events, q| {
            let end = step(q.as_of - q.ago);
            tile_of(events, end - steps(q.length), end - 1)
        },
    ),
    (
        "Tumbling::current",
        |events, q| tile(tumbling(events).current(as_of(q.as_of))),
        |events, q| tile_of(events, step(q.as_of), q.as_of),
    ),
    (
        "Tumbling::previous",
        |events, q| tile(tumbling(events).previous(as_of(q.as_of))),
        |events, q| tile_of(events, step(q.as_of) - STEP, step(q.as_of) - 1),
    ),
    (
        "Lag::value",
        |events, q| format!("{:?}", lag(events).value::<Kept>(as_of(q.as_of))),
        |events, q| format!("{:?}", between(events, i64::MIN, q.as_of - KEPT).last().map(|(_, value)| value)),
    ),
    (
        "Lag::value_for",
        |events, q| format!("{:?}", lag(events).value_for(as_of(q.as_of), q.whole())),
        |events, q| format!("{:?}", between(events, i64::MIN, q.as_of - q.whole).last().map(|(_, value)| value)),
    ),
    (
        "LastN::values",
        |events, _| shown(fold::<LastN<i64, 4>>(events, |last, at, value| last.push(at, value)).values().to_vec()),
        |events, q| {
            let all = between(events, i64::MIN, q.as_of);
            shown(all[all.len().saturating_sub(4)..].iter().map(|&(_, value)| value))
        },
    ),
    (
        "Sessions<Gap>::count",
        |events, q| gaps(events).count::<Kept>(as_of(q.as_of)).to_string(),
        |events, q| count(&gap_starts(events), q.as_of - KEPT, q.as_of),
    ),
    (
        "Sessions<Gap>::count_for",
        |events, q| gaps(events).count_for(as_of(q.as_of), q.whole()).to_string(),
        |events, q| count(&gap_starts(events), q.as_of - q.whole, q.as_of),
    ),
    (
        "Sessions<Gap>::count_ago",
        |events, q| gaps(events).count_ago::<Seconds<15>, Seconds<25>>(as_of(q.as_of)).to_string(),
        |events, q| count(&gap_starts(events), q.as_of - KEPT, q.as_of - AGO_MAX),
    ),
    (
        "Sessions<Gap>::count_ago_for",
        |events, q| gaps(events).count_ago_for(as_of(q.as_of), q.ago(), q.length()).to_string(),
        |events, q| count(&gap_starts(events), q.as_of - q.ago - q.length, q.as_of - q.ago),
    ),
    (
        // Where fixed sessions lie is decided by the first of each run of them, so by the order in which events came: in time.
        "Sessions<Fixed>::count_ago_for",
        |events, q| {
            let events = between(events, i64::MIN, i64::MAX);
            let fixed = fold::<Sessions<Count, Fixed<Step>, Seconds<45>>>(&events, |fixed, at, _| fixed.push(at, ()));
            fixed.count_ago_for(as_of(q.as_of), q.ago(), q.length()).to_string()
        },
        |events, q| {
            let fixed = starts(events, |start, _, at| at - start <= STEP);
            count(&fixed, q.as_of - q.ago - q.length, q.as_of - q.ago)
        },
    ),
];

fn window(events: &[Event]) -> Window<i64, Kept> {
    fold(events, |window: &mut Window<i64, Kept>, at, value| window.push(at, value))
}

fn by_parameter(events: &[Event], question: Question) -> ParameterWindow<i64, ByParameter> {
    fold(events, |window: &mut ParameterWindow<i64, ByParameter>, at, value| window.push(at, value, &question))
}

fn distinct(events: &[Event]) -> DistinctWindow<i64, Kept> {
    fold(events, |window: &mut DistinctWindow<i64, Kept>, at, value| window.push(at, &(value % 9)))
}

fn keys(keys: Vec<(&i64, EventTime)>) -> String {
    shown(keys.into_iter().map(|(key, _)| *key))
}

fn keys_between(events: &[Event], first: i64, last: i64) -> String {
    let mut keys: Vec<i64> = between(events, first, last).into_iter().map(|(_, value)| value % 9).collect();
    keys.sort_unstable();
    keys.dedup();
    shown(keys)
}

fn hopping(events: &[Event]) -> Hopping<Tile, Kept, Step> {
    fold(events, |tiles: &mut Hopping<Tile, Kept, Step>, at, value| tiles.push(at, ((), value as f64, value)))
}

fn tumbling(events: &[Event]) -> Tumbling<Tile, Step> {
    fold(events, |tiles: &mut Tumbling<Tile, Step>, at, value| tiles.push(at, ((), value as f64, value)))
}

fn lag(events: &[Event]) -> Lag<i64, Kept> {
    fold(events, |lag: &mut Lag<i64, Kept>, at, value| lag.push(at, value))
}

/// Kept for a gap longer than they are asked for.
fn gaps(events: &[Event]) -> Sessions<Count, Gap<Step>, Seconds<45>> {
    fold(events, |gaps: &mut Sessions<Count, Gap<Step>, Seconds<45>>, at, _| gaps.push(at, ()))
}

fn gap_starts(events: &[Event]) -> Vec<i64> {
    starts(events, |_, end, at| at - end <= STEP)
}

/// Whole steps and the microseconds beside them, so that edges and ties are common.
fn on_edges(steps: std::ops::RangeInclusive<i64>) -> impl Strategy<Value = i64> {
    let beside = prop_oneof![3 => Just(0), 1 => Just(1_i64), 1 => Just(-1_i64)];
    prop_oneof![
        4 => (steps.clone(), beside).prop_map(|(steps, beside)| steps * STEP + beside),
        1 => *steps.start() * STEP..=*steps.end() * STEP,
    ]
}

fn questions() -> impl Strategy<Value = (i64, i64, i64, i64)> {
    let later = prop_oneof![2 => Just(0), 3 => on_edges(0..=8).prop_map(|later| later.max(0))];
    let up_to = |max: i64| on_edges(0..=max / STEP).prop_map(move |micros| micros.clamp(0, max));
    (later, up_to(AGO_MAX), up_to(LENGTH_MAX), up_to(KEPT))
}

fn histories() -> impl Strategy<Value = Vec<Event>> {
    let times = prop::collection::vec(on_edges(-30..=30), 0..60);
    // Half of them mostly in order, as data comes.
    (times, any::<bool>()).prop_map(|(mut times, is_sorted)| {
        if is_sorted {
            times.sort_unstable();
        }
        times.into_iter().zip(0..).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) })]

    #[test]
    fn an_answer_is_that_of_the_whole_history(events in histories(), (later, ago, length, whole) in questions()) {
        let newest = events.iter().map(|&(at, _)| at).max().unwrap_or(0);
        let question = Question { as_of: newest + later, ago, length, whole };
        for (kind, answer, plain) in KINDS {
            prop_assert_eq!(answer(&events, question), plain(&events, question), "{} {:?} {:?}", kind, question, events);
        }
    }

    /// The same said of two histories: what is too old for a question, or came after its view ended, is as if it had not been.
    #[test]
    fn histories_with_one_relevant_past_have_one_answer(
        relevant in histories(),
        others in prop::collection::vec((on_edges(-40..=40), any::<prop::sample::Index>()), 0..60),
        (later, ago, length, _) in questions(),
    ) {
        let newest = relevant.iter().map(|&(at, _)| at).chain(others.iter().map(|&(at, _)| at)).max().unwrap_or(0);
        let as_of_micros = newest + later;
        let (first, last) = (as_of_micros - ago - length, as_of_micros - ago);
        let relevant = between(&relevant, first, last);
        let mut history = relevant.clone();
        for (at, place) in others {
            if !(first..=last).contains(&at) {
                history.insert(place.index(history.len() + 1), (at, -1));
            }
        }
        let question = Question { as_of: as_of_micros, ago, length, whole: 0 };
        let asked = |events: &[Event]| {
            let at = as_of(as_of_micros);
            let by_parameter = by_parameter(events, question);
            let [_, before] = by_parameter.closed(at, &question);
            [view(window(events).closed_ago_for(at, question.ago(), question.length())), view(before)]
        };
        prop_assert_eq!(asked(&history), asked(&relevant));
    }
}
