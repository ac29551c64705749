//! Windows of keys, windows by parameter, and what a view says beside count and sum.

use super::tests::bytes;
use super::*;
use crate::state::decode_all;
use crate::time::{asked_at, days, seconds};

const SECOND: i64 = seconds(1).micros();

type Keys = DistinctWindow<String, Seconds<10>>;

fn keys(events: &[(i64, &str)]) -> Keys {
    let mut keys = Keys::default();
    for &(at, key) in events {
        keys.push(EventTime(at), key);
    }
    keys
}

#[test]
fn keys_count_by_their_newest_event() {
    let keys = keys(&[(0, "a"), (SECOND, "b"), (2 * SECOND, "a"), (2 * SECOND - 1, "a"), (-9 * SECOND, "c")]);
    let as_of = asked_at(2 * SECOND);
    assert_eq!((keys.closed::<Seconds<1>>(as_of).count(), keys.half_open::<Seconds<1>>(as_of).count()), (2, 1));
    assert_eq!(keys.closed::<Seconds<0>>(as_of).count(), 1);
    assert_eq!(keys.closed::<Seconds<10>>(asked_at(i64::MAX)).count(), 0);
    let view = keys.closed::<Seconds<10>>(asked_at(SECOND * 2));
    assert!(view.contains("b") && !view.contains("c"));
    assert_eq!(
        view.keys().into_iter().map(|(key, at)| (key.as_str(), at.micros())).collect::<Vec<_>>(),
        [("a", 2 * SECOND), ("b", SECOND)]
    );
}

#[test]
fn keys_that_are_too_old_leave_no_trace() {
    let mut long = Keys::default();
    for n in 0..1_000 {
        long.push(EventTime(n * SECOND), &n.to_string());
        long.push(EventTime((n - 11) * SECOND), "too late");
    }
    let mut short = Keys::default();
    for n in 989..1_000 {
        short.push(EventTime(n * SECOND), &n.to_string());
    }
    assert_eq!(bytes(&long), bytes(&short));
    assert_eq!((decode_all::<Keys>(&bytes(&long)), long.keys.newest_by_key.len() < 70), (Ok(short), true));
    assert_eq!(bytes(&keys(&[(i64::MIN, "a"), (i64::MAX, "b")])), bytes(&keys(&[(i64::MAX, "b")])));
}

#[test]
fn damaged_keys_are_refused() {
    let good = bytes(&keys(&[(0, "a"), (1, "b")]));
    for length in 0..good.len() {
        assert!(decode_all::<Keys>(&good[..length]).is_err());
    }
    let other = decode_all::<DistinctWindow<String, Days<1>>>(&good).unwrap_err().to_string();
    assert_eq!(other, "the state's window keeps 10 seconds, the transform's 1 day: raise state_version");
    let mut swapped = good;
    let a = swapped.iter().rposition(|&byte| byte == b'a').unwrap();
    swapped[a] = b'b';
    assert!(decode_all::<Keys>(&swapped).is_err());
}

/// As long as time can be told.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ever;

impl Retention for Ever {
    const LENGTH: Length = Length::from_micros(i64::MAX);
}

/// A window whose one parameter is its length in microseconds, and which is also asked for what was a microsecond ago.
type ByParameter = ParameterWindow<i64, Ever>;

impl Spans<2> for Ever {
    type Parameters<'a> = i64;

    fn spans(micros: &i64) -> [Span; 2] {
        let length = |micros| UpTo::<Ever>::new(Length::from_micros(micros)).unwrap();
        [Span::last(length(*micros)), Span::ago(length(1), length((*micros - 1).max(0)))]
    }
}

fn by_parameter(events: &[i64], retention: i64) -> ByParameter {
    let mut window = ParameterWindow::default();
    for &at in events {
        window.push(EventTime(at), at, &retention);
        window = decode_all(&bytes(&window)).unwrap();
    }
    window
}

#[test]
fn a_parameter_says_what_is_kept() {
    let events = [0, 5, 10, 11, 1, 0];
    let window = by_parameter(&events, 10);
    assert_eq!(window.closed(asked_at(11), &10).map(|view| view.values()), [&[1, 5, 10, 11][..], &[1, 5, 10]]);
    assert_eq!(window.half_open(asked_at(11), &10).map(|view| view.values()), [&[5, 10, 11][..], &[5, 10]]);
    // What was a microsecond ago is kept, though the length itself is nothing.
    assert_eq!((by_parameter(&events, 0).len(), by_parameter(&[0, 5, 10], 0).len()), (2, 1));
    let all = by_parameter(&[i64::MIN + 1, 0, i64::MAX], i64::MAX);
    assert_eq!((all.len(), all.closed(asked_at(i64::MAX), &i64::MAX).map(|view| view.count())), (2, [2, 1]));
    assert_eq!(ByParameter::default().closed(asked_at(0), &9).map(|view| view.count()), [0, 0]);
}

#[test]
fn a_window_by_parameter_is_told_in_one_way() {
    let good = bytes(&by_parameter(&[0, 5], 10));
    for length in 0..good.len() {
        assert!(decode_all::<ByParameter>(&good[..length]).is_err());
    }
    let mut shorter = good.clone();
    shorter[0] = 4;
    assert!(decode_all::<ByParameter>(&shorter).is_err());
    let mut empty = bytes(&ByParameter::default());
    assert!(decode_all::<ByParameter>(&empty).is_ok());
    empty[0] = 1;
    assert!(decode_all::<ByParameter>(&empty).is_err());
}

#[test]
#[should_panic(expected = "a window that keeps 10 seconds was told to keep 1 day")]
fn a_parameter_does_not_change() {
    let mut window = by_parameter(&[0], seconds(10).micros());
    window.push(EventTime(1), 1, &days(1).micros());
}

fn floats(values: &[f64]) -> Window<f64, Days<1>> {
    let mut window = Window::default();
    for (at, &value) in values.iter().enumerate() {
        window.push(EventTime(at as i64), value);
    }
    window
}

#[test]
fn what_a_view_of_numbers_says() {
    let window = floats(&[4.0, 1.0, f64::NAN, 3.0, 2.0]);
    let view = window.closed::<Days<1>>(asked_at(4));
    assert_eq!(
        (view.min(), view.max(), view.median(), view.quantile(0.25)),
        (Some(1.0), Some(4.0), Some(2.5), Some(1.75))
    );
    assert_eq!((view.quantile(-1.0), view.quantile(2.0), view.quantile(f64::NAN)), (Some(1.0), Some(4.0), None));
    assert!(view.variance().is_some_and(f64::is_nan));
    let microsecond = UpTo::<Days<1>>::new(Length::from_micros(1)).unwrap();
    let last = window.closed_for(asked_at(4), microsecond);
    assert_eq!((last.variance(), last.sample_std_dev(), last.std_dev()), (Some(0.25), Some(0.5_f64.sqrt()), Some(0.5)));
    assert_eq!((last.sample_variance(), last.since_last(asked_at(9))), (Some(0.5), Some(Length::from_micros(5))));
    let empty = window.closed::<Days<1>>(asked_at(-1));
    assert_eq!(
        (empty.min(), empty.median(), empty.variance(), empty.since_last(asked_at(0))),
        (None, None, None, None)
    );
    let ends = floats(&[f64::MIN, f64::MAX, f64::INFINITY]);
    assert_eq!(ends.closed::<Days<1>>(asked_at(1)).median(), Some(0.0));
    assert_eq!(ends.closed::<Days<1>>(asked_at(2)).quantile(0.75), Some(f64::INFINITY));
    assert_eq!(floats(&[f64::NAN]).closed::<Days<1>>(asked_at(0)).median(), None);
}

#[test]
fn what_a_view_of_integers_and_flags_says() {
    let mut integers = Window::<i64, Days<1>>::default();
    let mut flags = Window::<bool, Days<1>>::default();
    for (at, value) in [3, 1, 3, 1, 2].into_iter().enumerate() {
        integers.push(EventTime(at as i64), value);
        flags.push(EventTime(at as i64), value == 3);
    }
    let view = integers.closed::<Days<1>>(asked_at(4));
    assert_eq!(
        (view.sum(), view.mean(), view.min(), view.max(), view.distinct()),
        (10, Some(2.0), Some(1), Some(3), 3)
    );
    assert_eq!(view.top(2), [(1, 2), (3, 2)]);
    let view = flags.closed::<Days<1>>(asked_at(4));
    assert_eq!((view.hits(), view.share()), (2, Some(0.4)));
    let empty = integers.closed::<Days<1>>(asked_at(-1));
    assert_eq!((empty.sum(), empty.mean(), empty.top(1), empty.max()), (0, None, vec![], None));
    assert_eq!(flags.closed::<Days<1>>(asked_at(-1)).share(), None);
    integers.push(EventTime(5), i64::MAX);
    assert_eq!(integers.closed::<Days<1>>(asked_at(5)).sum(), i64::MAX);
}
