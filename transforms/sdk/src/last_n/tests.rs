//! The last events at their edges. How they agree with plain loops is in `tests/kinds.rs`.

use proptest::prelude::*;

use super::*;
use crate::state::decode_all;

fn last(events: &[(i64, f64)]) -> LastN<f64, 3> {
    let mut last = LastN::default();
    for &(at, value) in events {
        last.push(EventTime(at), value);
    }
    last
}

#[test]
fn the_last_by_time_and_then_by_application_stay() {
    assert_eq!(last(&[(1, 1.0), (2, 2.0)]).values(), [1.0, 2.0]);
    assert_eq!(last(&[(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]).values(), [2.0, 3.0, 4.0]);
    assert_eq!(last(&[(2, 1.0), (2, 2.0), (2, 3.0), (2, 4.0), (1, 5.0)]).values(), [2.0, 3.0, 4.0]);
    assert_eq!(last(&[(2, 1.0), (4, 2.0), (6, 3.0), (2, 4.0), (5, 5.0)]).values(), [2.0, 5.0, 3.0]);
    assert_eq!(last(&[(1, 1.0), (2, 2.0)]).view().sum(), 3.0);
    assert_eq!(last(&[]).view().mean(), None);
    assert_eq!(last(&[(9, 1.0)]).iter().next(), Some((EventTime(9), &1.0)));
}

#[test]
fn the_latest_comes_last_whatever_the_order_of_application() {
    let orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
    for order in orders {
        let kept = last(&order.map(|at| (at, at as f64)));
        assert_eq!(kept.values(), [1.0, 2.0, 3.0], "{order:?}");
        let times: Vec<i64> = kept.iter().map(|(at, _)| at.micros()).collect();
        assert_eq!(times, [1, 2, 3], "{order:?}");
        let newest = [0, 1, 2, 3].map(|nth| kept.newest(nth).map(|(at, _)| at.micros()));
        assert_eq!(newest, [Some(3), Some(2), Some(1), None], "{order:?}");
    }
    // At one time, the one that was applied last is the latest.
    assert_eq!(last(&[(5, 1.0), (5, 2.0)]).newest(0), Some((EventTime(5), &2.0)));
}

#[test]
fn states_come_back() {
    let mut words = LastN::<String, 2>::default();
    for (at, word) in [(1, "a"), (3, "é"), (2, "b")] {
        words.push(EventTime(at), word);
    }
    let mut bytes = Vec::new();
    words.encode(&mut bytes);
    assert_eq!(decode_all(&bytes), Ok(words));
    for length in 0..bytes.len() {
        assert!(decode_all::<LastN<String, 2>>(&bytes[..length]).is_err());
    }
    assert!(decode_all::<LastN<String, 1>>(&bytes).is_err());
    bytes[1] = 9;
    assert!(decode_all::<LastN<String, 2>>(&bytes).is_err());
}

proptest! {
    #[test]
    fn the_first_are_those_of_all_events_in_order(
        events in prop::collection::vec((0..12_i64, -9..9_i64), 0..40),
        cut in 0..40_usize,
    ) {
        let (mut first, mut all) = (FirstN::<i64, 4>::default(), Vec::new());
        for (at, &(time, value)) in events.iter().enumerate() {
            if at == cut {
                let mut bytes = Vec::new();
                first.encode(&mut bytes);
                first = decode_all(&bytes).expect("comes back");
            }
            first.push(EventTime(time), value);
            all.push((time, value));
            // Stable: of equal times the one that was applied first stays first.
            all.sort_by_key(|&(time, _)| time);
            all.truncate(4);
            let found: Vec<(i64, i64)> = first.iter().map(|(at, value)| (at.micros(), *value)).collect();
            prop_assert_eq!(&found, &all);
            prop_assert_eq!((first.len(), first.view().count()), (all.len(), all.len() as i64));
        }
    }
}
