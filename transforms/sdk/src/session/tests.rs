//! Sessions at their edges. How they agree with plain loops is in `tests/kinds.rs`.

use super::*;
use crate::aggregate::{Count, Last};
use crate::state::decode_all;
use crate::time::{asked_at, minutes};
use crate::window::{Days, Minutes};

const MINUTE: i64 = minutes(1).micros();

type Gaps = Sessions<(Count, Last<i64>), Gap<Minutes<30>>, Days<1>>;
type FixedOnes = Sessions<(Count, Last<i64>), Fixed<Minutes<30>>, Days<1>>;

/// Start, end and count of each session, in minutes.
fn sessions<R: Rule>(times: &[i64]) -> Vec<(i64, i64, i64)> {
    let mut sessions = Sessions::<(Count, Last<i64>), R, Days<1>>::default();
    for &time in times {
        sessions.push(EventTime(time * MINUTE), ((), time));
        let mut bytes = Vec::new();
        sessions.encode(&mut bytes);
        sessions = decode_all(&bytes).unwrap();
    }
    let shown = |session: &Session<(Count, Last<i64>)>| {
        (session.start.micros() / MINUTE, session.end.micros() / MINUTE, session.events.0.count())
    };
    sessions.iter().map(shown).collect()
}

#[test]
fn a_gap_of_exactly_the_length_is_no_gap() {
    assert_eq!(sessions::<Gap<Minutes<30>>>(&[0, 30, 60, 91]), [(0, 60, 3), (91, 91, 1)]);
}

#[test]
fn a_late_event_joins_what_it_lies_between() {
    assert_eq!(sessions::<Gap<Minutes<30>>>(&[0, 60, 30]), [(0, 60, 3)]);
    assert_eq!(sessions::<Gap<Minutes<30>>>(&[0, 61, 31]), [(0, 0, 1), (31, 61, 2)]);
    assert_eq!(sessions::<Gap<Minutes<30>>>(&[0, 61, 30]), [(0, 30, 2), (61, 61, 1)]);
    assert_eq!(sessions::<Gap<Minutes<30>>>(&[100, 200, 150]), [(100, 100, 1), (150, 150, 1), (200, 200, 1)]);
    // Of the joined session, the last value is that of the latest event.
    let mut joined = Gaps::default();
    for time in [0, 60, 30] {
        joined.push(EventTime(time * MINUTE), ((), time));
    }
    assert_eq!(joined.last().and_then(|session| session.events.1.value()), Some(&60));
}

#[test]
fn a_fixed_session_ends_with_its_length() {
    assert_eq!(sessions::<Fixed<Minutes<30>>>(&[0, 20, 30, 31, 61, 62]), [(0, 30, 3), (31, 61, 2), (62, 62, 1)]);
    // A session that has begun keeps its start; a late event before it begins one that ends there.
    assert_eq!(sessions::<Fixed<Minutes<30>>>(&[100, 80, 101, 99]), [(80, 99, 2), (100, 101, 2)]);
}

#[test]
fn the_current_session_is_one_that_would_go_on() {
    let (mut gaps, mut fixed) = (Gaps::default(), FixedOnes::default());
    for time in [0, 25] {
        gaps.push(EventTime(time * MINUTE), ((), time));
        fixed.push(EventTime(time * MINUTE), ((), time));
    }
    let at = |minute: i64, micros: i64| asked_at(minute * MINUTE + micros);
    assert_eq!((gaps.current(at(55, 0)).is_some(), gaps.current(at(55, 1)).is_some()), (true, false));
    assert_eq!((fixed.current(at(30, 0)).is_some(), fixed.current(at(30, 1)).is_some()), (true, false));
    assert_eq!(gaps.last().map(Session::length), Some(minutes(25)));
    assert_eq!((gaps.count::<Minutes<30>>(at(30, 0)), gaps.count::<Minutes<30>>(at(30, 1))), (1, 0));
    let before = |as_of| gaps.count_ago::<Minutes<10>, Minutes<30>>(as_of);
    assert_eq!((before(at(9, 59_999_999)), before(at(10, 0)), before(at(40, 0)), before(at(40, 1))), (0, 1, 1, 0));
}

#[test]
fn old_sessions_go_and_what_is_too_late_is_passed_over() {
    let day = 24 * 60;
    assert_eq!(sessions::<Gap<Minutes<30>>>(&[0, day]), [(0, 0, 1), (day, day, 1)]);
    assert_eq!(sessions::<Gap<Minutes<30>>>(&[0, day + 1]), [(day + 1, day + 1, 1)]);
    assert_eq!(sessions::<Gap<Minutes<30>>>(&[day + 1, 0]), [(day + 1, day + 1, 1)]);
    // Too late for a session of its own, in time for one that is kept.
    assert_eq!(sessions::<Gap<Minutes<30>>>(&[1, day + 1, 0]), [(0, 1, 2), (day + 1, day + 1, 1)]);
}

#[test]
fn the_ends_of_time_have_sessions() {
    let mut gaps = Gaps::default();
    for time in [i64::MAX, i64::MIN, 0, i64::MAX] {
        gaps.push(EventTime(time), ((), 0));
    }
    assert_eq!(gaps.iter().len(), 1);
    assert!(gaps.current(asked_at(i64::MAX)).is_some());
}

#[test]
fn states_of_another_rule_are_refused() {
    let mut bytes = Vec::new();
    Gaps::default().encode(&mut bytes);
    let refused = decode_all::<FixedOnes>(&bytes).unwrap_err().to_string();
    assert_eq!(refused, "the state's sessions are made by another rule: raise state_version");
    for length in 0..bytes.len() {
        assert!(decode_all::<Gaps>(&bytes[..length]).is_err());
    }
}
