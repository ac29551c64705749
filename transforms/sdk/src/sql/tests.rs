//! What the rows of a declared view are held to by the component's own tests is not tried here again: the edges of what is only here are.

use super::*;
use crate::prelude::*;
use crate::state::State;
use crate::testing::as_of;

#[test]
fn failures_beside_what_decides_do_not_matter() {
    let failed = || Err("failed".to_owned());
    assert_eq!(try_and([failed(), Ok(None), Ok(Some(false))]), Ok(Some(false)));
    assert_eq!(try_and([Ok(None), failed(), Err("later".to_owned())]), failed());
    assert_eq!(try_and([Ok(Some(true)), Ok(None)]), Ok(None));
    assert_eq!(try_or([failed(), Ok(Some(true))]), Ok(Some(true)));
    assert_eq!(try_or([Ok(Some(false)), failed()]), failed());
    assert_eq!(try_is_in(Some(2), [Err("failed".to_owned()), Ok(Some(2))]), Ok(Some(true)));
    assert_eq!(try_is_in(Some(2), [Ok(None), Ok(Some(3))]), Ok(None));
    assert_eq!(try_is_in(None::<i64>, [Err("failed".to_owned())]), Ok(None));
}

#[test]
fn of_equal_ones_the_first_is_chosen() {
    let bits = |value: Option<f64>| value.map(f64::to_bits);
    assert_eq!(bits(least([Some(-0.0), Some(0.0), None])), bits(Some(-0.0)));
    assert_eq!(bits(greatest([Some(0.0), Some(-0.0)])), bits(Some(0.0)));
    assert_eq!(greatest([Some(1.0), Some(f64::NAN), Some(f64::INFINITY)]).map(f64::is_nan), Some(true));
    assert_eq!(least([None::<i64>, None]), None);
}

#[test]
fn texts_that_are_too_long_are_none() {
    let long = "a".repeat(1 << 20);
    assert!(lower(&long).is_ok() && concat(&[&long]).is_ok());
    let too_long = Err("the text is longer than 1 MiB".to_owned());
    assert_eq!(concat(&[&long, "b"]), too_long);
    assert_eq!(replace(&long, "a", "bb"), too_long);
    let cut = "a".repeat(40);
    assert_eq!(trim(&format!("{long}b"), " "), Err(format!("Trim of '{cut}...', ' ' has no value")));
}

/// A window of texts has the events that a window of numbers has.
#[test]
fn a_window_of_texts_keeps_what_a_window_keeps() {
    let mut texts = TextWindow::<Seconds<10>>::default();
    let mut numbers = Window::<i64, Seconds<10>>::default();
    let mut newest = 0;
    for (nth, second) in [5, 3, 9, 3, 14, 1, 4, 14, 13, 20].into_iter().enumerate() {
        let at = EventTime(second * 1_000_000);
        newest = newest.max(at.micros());
        texts.push(at, &nth.to_string());
        numbers.push(at, nth as i64);
        let mut bytes = Vec::new();
        texts.encode(&mut bytes);
        texts = TextWindow::decode(&mut bytes.as_slice()).expect("is its own state");
        for later in 0..12 {
            let as_of = as_of(newest + later * 1_000_000);
            let pairs = [
                (texts.closed::<Seconds<10>>(as_of), numbers.closed::<Seconds<10>>(as_of)),
                (texts.half_open::<Seconds<5>>(as_of), numbers.half_open::<Seconds<5>>(as_of)),
                (
                    texts.closed_ago::<Seconds<3>, Seconds<6>>(as_of),
                    numbers.closed_ago::<Seconds<3>, Seconds<6>>(as_of),
                ),
                (
                    texts.half_open_ago::<Seconds<3>, Seconds<6>>(as_of),
                    numbers.half_open_ago::<Seconds<3>, Seconds<6>>(as_of),
                ),
            ];
            for (texts, numbers) in pairs {
                let texts: Vec<(EventTime, String)> = texts.iter().map(|(at, text)| (at, text.to_owned())).collect();
                let numbers: Vec<(EventTime, String)> =
                    numbers.iter().map(|(at, number)| (at, number.to_string())).collect();
                assert_eq!(texts, numbers);
            }
        }
    }
}
