//! Lags at their edges. How they agree with plain loops is in `tests/kinds.rs`.

use super::*;
use crate::state::decode_all;
use crate::time::{asked_at, seconds};
use crate::window::{Days, Seconds};

const SECOND: i64 = seconds(1).micros();

fn lag(events: &[(i64, f64)]) -> Lag<f64, Seconds<10>> {
    let mut lag = Lag::default();
    for &(second, value) in events {
        lag.push(EventTime(second * SECOND), value);
        let mut bytes = Vec::new();
        lag.encode(&mut bytes);
        lag = decode_all(&bytes).unwrap();
    }
    lag
}

#[test]
fn a_value_is_in_force_from_its_event_on() {
    let lag = lag(&[(0, 1.0), (4, 2.0), (8, 3.0), (8, 4.0)]);
    let ago = |as_of: i64, length| lag.value_for(asked_at(as_of), UpTo::<Seconds<10>>::new(length).unwrap()).copied();
    assert_eq!((ago(8 * SECOND, seconds(0)), ago(8 * SECOND, seconds(4))), (Some(4.0), Some(2.0)));
    assert_eq!((ago(8 * SECOND - 1, seconds(4)), ago(8 * SECOND, seconds(8))), (Some(1.0), Some(1.0)));
    assert_eq!(ago(8 * SECOND, seconds(9)), None);
    assert_eq!(ago(100 * SECOND, seconds(10)), Some(4.0));
}

#[test]
fn the_value_in_force_when_the_lag_began_is_kept() {
    let lag = lag(&[(0, 1.0), (5, 2.0), (30, 3.0), (40, 4.0), (7, 5.0), (6, 6.0)]);
    // The event at 30 is exactly ten seconds old: nothing before it can be asked for.
    assert_eq!((lag.len(), lag.value::<Seconds<10>>(asked_at(40 * SECOND))), (2, Some(&3.0)));
}

#[test]
fn a_late_event_takes_its_place() {
    let events = [(0, 1.0), (39, 3.0), (40, 4.0)];
    let with = |late| lag(&[&events[..], &[late]].concat()).value::<Seconds<10>>(asked_at(40 * SECOND)).copied();
    assert_eq!(
        (with((20, 9.0)), with((-1, 9.0)), with((30, 9.0)), with((35, 9.0))),
        (Some(9.0), Some(1.0), Some(9.0), Some(1.0))
    );
}

#[test]
fn the_ends_of_time() {
    let mut lag = Lag::<i64, Seconds<10>>::default();
    for at in [i64::MAX, i64::MIN, 0] {
        lag.push(EventTime(at), at);
    }
    assert_eq!(lag.value::<Seconds<10>>(asked_at(i64::MAX)), Some(&0));
    assert_eq!(
        (lag.value::<Seconds<1>>(asked_at(i64::MIN)), Lag::<i64, Days<1>>::default().value::<Days<1>>(asked_at(0))),
        (None, None)
    );
}

#[test]
fn other_states_are_refused() {
    let mut bytes = Vec::new();
    lag(&[(0, 1.0), (1, 2.0)]).encode(&mut bytes);
    for length in 0..bytes.len() {
        assert!(decode_all::<Lag<f64, Seconds<10>>>(&bytes[..length]).is_err());
    }
    let refused = decode_all::<Lag<f64, Days<1>>>(&bytes).unwrap_err().to_string();
    assert_eq!(refused, "the state's lag keeps 10 seconds, the transform's 1 day: raise state_version");
}
