//! Windows against what they say, and against a naive reference that keeps everything.

use proptest::prelude::*;

use super::*;
use crate::state::decode_all;
use crate::time::{asked_at, seconds};

type Ten = Window<f64, Seconds<10>>;

fn window(events: &[(i64, f64)]) -> Ten {
    let mut window = Ten::default();
    for &(at, value) in events {
        window.push(EventTime(at), value);
    }
    window
}

pub(super) fn bytes(state: &impl State) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.encode(&mut bytes);
    bytes
}

fn values(view: View<'_, f64>) -> Vec<f64> {
    view.iter().map(|(_, value)| value).collect()
}

#[test]
fn edges_to_the_microsecond() {
    let second = seconds(1).micros();
    let window = window(&[(-1, 1.0), (0, 2.0), (1, 3.0), (second, 4.0)]);
    let as_of = asked_at(second);
    assert_eq!(values(window.closed::<Seconds<1>>(as_of)), [2.0, 3.0, 4.0]);
    assert_eq!(values(window.half_open::<Seconds<1>>(as_of)), [3.0, 4.0]);
    assert_eq!(values(window.closed::<Seconds<1>>(asked_at(second - 1))), [1.0, 2.0, 3.0]);
    assert_eq!(values(window.half_open::<Seconds<1>>(asked_at(second - 1))), [2.0, 3.0]);
    assert_eq!(values(window.closed::<Seconds<0>>(as_of)), [4.0]);
    assert_eq!(values(window.half_open::<Seconds<0>>(as_of)), [0.0; 0]);
}

#[test]
fn an_event_exactly_as_old_as_the_window_stays() {
    let ten = seconds(10).micros();
    let mut window = window(&[(0, 1.0), (ten, 2.0)]);
    assert_eq!(values(window.closed::<Seconds<10>>(asked_at(ten))), [1.0, 2.0]);
    window.push(EventTime(ten + 1), 3.0);
    assert_eq!(window.len(), 2);
    assert_eq!(values(window.closed::<Seconds<10>>(asked_at(ten + 1))), [2.0, 3.0]);
}

#[test]
fn late_events_take_their_place_after_equals() {
    let ten = seconds(10).micros();
    let window = window(&[(5, 1.0), (ten, 2.0), (5, 3.0), (4, 4.0), (0, 5.0), (-1, 6.0)]);
    assert_eq!(values(window.closed::<Seconds<10>>(asked_at(ten))), [5.0, 4.0, 1.0, 3.0, 2.0]);
    assert_eq!(window.closed::<Seconds<10>>(asked_at(ten)).last(), Some((EventTime(ten), 2.0)));
    assert_eq!(window.closed::<Seconds<10>>(asked_at(ten)).first(), Some((EventTime(0), 5.0)));
}

#[test]
fn nothing_is_zero_and_none() {
    let window = Ten::default();
    let view = window.closed::<Seconds<10>>(asked_at(0));
    assert_eq!((view.count(), view.sum(), view.mean(), view.is_empty()), (0, 0.0, None, true));
}

#[test]
fn times_stop_at_the_ends() {
    let window = window(&[(i64::MIN, 1.0), (i64::MIN + 1, 2.0)]);
    assert_eq!(window.closed::<Seconds<10>>(asked_at(i64::MIN)).count(), 1);
    assert_eq!(window.half_open::<Seconds<10>>(asked_at(i64::MIN + 1)).count(), 2);
    assert_eq!(window.half_open::<Seconds<10>>(asked_at(i64::MAX)).count(), 0);
    assert_eq!(window.closed_ago::<Seconds<1>, Seconds<9>>(asked_at(i64::MIN + 1)).count(), 0);
    let a_second_on = asked_at(i64::MIN + seconds(1).micros());
    assert_eq!(window.closed_ago::<Seconds<1>, Seconds<9>>(a_second_on).count(), 1);
    assert_eq!(window.half_open_ago::<Seconds<1>, Seconds<9>>(a_second_on).count(), 1);
    let mut window = window;
    window.push(EventTime(i64::MAX), 3.0);
    assert_eq!(values(window.closed::<Seconds<10>>(asked_at(i64::MAX))), [3.0]);
}

#[test]
fn a_view_may_end_before_the_question() {
    let second = seconds(1).micros();
    let window = window(&[(-1, 1.0), (0, 2.0), (1, 3.0), (second, 4.0), (second + 1, 5.0), (10 * second, 6.0)]);
    let as_of = asked_at(10 * second);
    assert_eq!(values(window.closed_ago::<Seconds<9>, Seconds<1>>(as_of)), [2.0, 3.0, 4.0]);
    assert_eq!(values(window.half_open_ago::<Seconds<9>, Seconds<1>>(as_of)), [3.0, 4.0]);
    assert_eq!(values(window.closed_ago::<Seconds<9>, Seconds<0>>(as_of)), [4.0]);
    assert_eq!(values(window.half_open_ago::<Seconds<10>, Seconds<0>>(as_of)), [0.0; 0]);
    let nine = UpTo::<Seconds<9>>::of::<Seconds<9>>();
    assert_eq!(values(window.closed_ago_for(as_of, nine, UpTo::<Seconds<1>>::MAX)), [2.0, 3.0, 4.0]);
}

#[test]
fn lengths_have_their_bounds() {
    type Minute = UpTo<Minutes<1>>;
    let new = |length| Minute::new(length).map(UpTo::length);
    assert_eq!((new(seconds(0)), new(seconds(60))), (Some(seconds(0)), Some(seconds(60))));
    assert_eq!((new(seconds(61)), new(Length::from_micros(-1))), (None, None));
    assert_eq!(Minute::MAX, Minute::of::<Seconds<60>>());
}

#[test]
fn equal_contents_have_equal_bytes_whatever_went_by() {
    let ten = seconds(10).micros();
    let long: Vec<_> = (0..1000).map(|n| (n * ten, 1.0)).collect();
    let short = &long[998..];
    assert_eq!(bytes(&window(&long)), bytes(&window(short)));
    assert_eq!(window(&long), window(short));
}

#[test]
fn evicting_for_a_long_time_loses_nothing_that_counts() {
    let mut window = Ten::default();
    for n in 0..1000 {
        window.push(EventTime(n * seconds(1).micros()), n as f64);
        let expected: Vec<f64> = ((n - 10).max(0)..=n).map(|n| n as f64).collect();
        assert_eq!(values(window.closed::<Seconds<10>>(asked_at(n * seconds(1).micros()))), expected);
        assert_eq!(window.len(), expected.len());
    }
}

#[test]
fn damaged_bytes_are_refused() {
    let good = bytes(&window(&[(0, 1.0), (1, 2.0)]));
    for length in 0..good.len() {
        assert!(decode_all::<Ten>(&good[..length]).is_err(), "{length}");
    }
    let refused = |bytes: &[u8]| decode_all::<Ten>(bytes).unwrap_err().to_string();
    let mut swapped = good.clone();
    swapped[12] = 9;
    assert_eq!(refused(&swapped), "the times of a window are not in order");
    let mut too_old = good.clone();
    too_old[19] = 0x80;
    assert_eq!(refused(&too_old), "a window holds an event that it does not keep");
    let other = bytes(&Window::<f64, Seconds<20>>::default());
    assert_eq!(refused(&other), "the state's window keeps 20 seconds, the transform's 10 seconds: raise state_version");
    let flags = bytes(&{
        let mut flags = Window::<bool, Days<1>>::default();
        flags.push(EventTime(0), true);
        flags
    });
    let mut wrong = flags.clone();
    *wrong.last_mut().unwrap() = 2;
    assert!(decode_all::<Window<bool, Days<1>>>(&flags).is_ok());
    assert!(decode_all::<Window<bool, Days<1>>>(&wrong).is_err());
}

/// Events in the order of application, and every question answered by looking at all of them.
fn naive(events: &[(i64, f64)], as_of: i64, length: i64, is_closed: bool) -> Vec<f64> {
    let start = i128::from(as_of) - i128::from(length);
    let inside = |at: i64| at <= as_of && (i128::from(at) > start || is_closed && i128::from(at) == start);
    let mut seen: Vec<_> = events.iter().copied().filter(|&(at, _)| inside(at)).collect();
    seen.sort_by_key(|&(at, _)| at);
    seen.into_iter().map(|(_, value)| value).collect()
}

fn up_to(micros: i64) -> UpTo<Seconds<10>> {
    UpTo::new(Length::from_micros(micros)).unwrap()
}

fn times() -> impl Strategy<Value = i64> {
    // Few distinct times within a few lengths of the window, so that ties, edges and evictions are common.
    let usual = (-30..30_i64, -1..=1_i64).prop_map(|(seconds, micros)| seconds * 1_000_000 + micros);
    prop_oneof![20 => usual, 1 => Just(i64::MIN), 1 => any::<i64>()]
}

proptest! {
    #[test]
    fn agrees_with_keeping_everything(
        events in prop::collection::vec((times(), -1e6..1e6), 0..120),
        later in 0..20_000_000_i64,
        length in 0..=10_000_000_i64,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut window = Ten::default();
        let cut = cut.index(events.len() + 1);
        for (index, &(at, value)) in events.iter().enumerate() {
            if index == cut {
                // Through its bytes and back, a window goes on as if nothing had happened.
                window = decode_all(&bytes(&window)).unwrap();
            }
            window.push(EventTime(at), value);
            let newest = events[..=index].iter().map(|&(at, _)| at).max().unwrap();
            for as_of in [newest, newest.saturating_add(later)] {
                let closed = window.closed_for(asked_at(as_of), up_to(length));
                let expected = naive(&events[..=index], as_of, length, true);
                prop_assert_eq!(closed.count(), expected.len() as i64);
                prop_assert_eq!(closed.sum().to_bits(), sum(&expected).to_bits());
                prop_assert_eq!(values(closed), expected);
                let half_open = window.half_open_for(asked_at(as_of), up_to(length));
                prop_assert_eq!(values(half_open), naive(&events[..=index], as_of, length, false));
            }
        }
        let whole = bytes(&super::tests::window(&events));
        prop_assert_eq!(bytes(&window), whole);
    }
}
