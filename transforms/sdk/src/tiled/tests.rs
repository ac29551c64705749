//! Tiles at their edges. How windows of them agree with plain loops is in `tests/kinds.rs`.

use super::*;
use crate::aggregate::{Aggregate, Count, Last, Sum, Variance};
use crate::state::{State, decode_all};
use crate::time::{EventTime, Length, asked_at, days, hours, minutes};
use crate::window::{Days, Hours, Minutes, UpTo, Window, sum};

const HOUR: i64 = hours(1).micros();

type Day = Hopping<Sum, Hours<24>, Hours<1>>;

fn bytes(state: &impl State) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.encode(&mut bytes);
    bytes
}

fn up_to(length: Length) -> UpTo<Hours<24>> {
    UpTo::new(length).unwrap()
}

fn day(events: &[(i64, f64)]) -> Day {
    let mut day = Day::default();
    for &(at, number) in events {
        day.push(EventTime(at), number);
    }
    day
}

#[test]
fn a_sawtooth_begins_with_its_hop_and_ends_now() {
    let day = day(&[(-HOUR - 1, 1.0), (-HOUR, 2.0), (-1, 4.0), (0, 8.0), (HOUR, 16.0)]);
    let sum = |as_of, length| day.sawtooth_for(asked_at(as_of), up_to(length)).sum();
    assert_eq!(sum(HOUR, hours(1)), 24.0);
    // The hop that contains the start counts as a whole.
    assert_eq!((sum(HOUR + 5, hours(2)), sum(2 * HOUR - 1, hours(2)), sum(2 * HOUR, hours(2))), (30.0, 30.0, 24.0));
    assert_eq!(sum(HOUR, minutes(61)), 30.0);
    assert_eq!((sum(HOUR, hours(0)), sum(HOUR, hours(24))), (16.0, 31.0));
}

#[test]
fn a_hopped_window_ends_with_the_last_whole_hop() {
    let day = day(&[(-HOUR, 2.0), (-1, 4.0), (0, 8.0), (HOUR - 1, 16.0), (HOUR, 32.0)]);
    let sum = |as_of, length| day.hopped_for(asked_at(as_of), up_to(length)).sum();
    assert_eq!((sum(HOUR, hours(1)), sum(2 * HOUR - 1, hours(1)), sum(2 * HOUR, hours(1))), (24.0, 24.0, 32.0));
    assert_eq!((sum(HOUR, hours(2)), sum(HOUR, minutes(61)), sum(HOUR, minutes(1))), (30.0, 30.0, 24.0));
    assert_eq!(sum(HOUR, hours(0)), 0.0);
    let before = |as_of| day.hopped_ago::<Hours<1>, Hours<1>>(asked_at(as_of)).sum();
    assert_eq!((before(HOUR), before(2 * HOUR - 1), before(2 * HOUR), before(3 * HOUR)), (6.0, 6.0, 24.0, 32.0));
    // The end is rounded down once the lag is taken off.
    let half_an_hour_before = |as_of| day.hopped_ago::<Minutes<30>, Hours<1>>(asked_at(as_of)).sum();
    let half = HOUR / 2;
    assert_eq!((half_an_hour_before(HOUR + half - 1), half_an_hour_before(HOUR + half)), (6.0, 24.0));
}

#[test]
fn no_more_tiles_are_kept_than_the_length_has() {
    let mut count = Hopping::<Count, Days<1>, Minutes<30>>::default();
    for n in 0..10_000 {
        count.push(EventTime(n * minutes(7).micros()), ());
        assert!(count.tiles() <= 49);
    }
    // A late event finds its tile, or is passed over if that is gone.
    let newest = 9_999 * minutes(7).micros();
    let all = |count: &Hopping<Count, Days<1>, Minutes<30>>| count.sawtooth::<Days<1>>(asked_at(newest)).count();
    let before = all(&count);
    count.push(EventTime(newest - days(1).micros()), ());
    assert_eq!(all(&count), before + 1);
    count.push(EventTime(newest - days(1).micros() - minutes(30).micros()), ());
    assert_eq!(all(&count), before + 1);
}

#[test]
fn today_and_yesterday() {
    let mut sums = Tumbling::<(Sum, Last<f64>), Days<1>>::default();
    let day = days(1).micros();
    for (at, number) in [(-1, 1.0), (0, 2.0), (day - 1, 4.0), (day, 8.0), (day - 2, 16.0), (-5, 32.0)] {
        sums.push(EventTime(at), (number, number));
    }
    let of = |sums: &(Sum, Last<f64>)| (sums.0.sum(), sums.1.value().copied());
    assert_eq!(of(&sums.current(asked_at(day))), (8.0, Some(8.0)));
    assert_eq!(of(&sums.previous(asked_at(2 * day - 1))), (22.0, Some(4.0)));
    assert_eq!((of(&sums.current(asked_at(2 * day))), of(&sums.previous(asked_at(2 * day))).0), ((0.0, None), 8.0));
    assert_eq!(of(&sums.previous(asked_at(3 * day))), (0.0, None));
}

#[test]
fn the_ends_of_time_have_tiles() {
    let mut day = day(&[(i64::MIN, 1.0)]);
    assert_eq!(day.sawtooth::<Hours<24>>(asked_at(i64::MIN)).sum(), 1.0);
    assert_eq!(day.hopped::<Hours<24>>(asked_at(i64::MIN)).sum(), 0.0);
    assert_eq!(day.hopped_ago::<Hours<1>, Hours<1>>(asked_at(i64::MIN)).sum(), 0.0);
    assert_eq!(day.hopped_ago::<Hours<1>, Hours<1>>(asked_at(i64::MAX)).sum(), 0.0);
    day.push(EventTime(i64::MAX), 2.0);
    assert_eq!(day.sawtooth::<Hours<24>>(asked_at(i64::MAX)).sum(), 2.0);
    assert_eq!(decode_all(&bytes(&day)), Ok(day));
}

#[test]
fn damaged_bytes_are_refused() {
    let good = bytes(&day(&[(0, 1.0), (HOUR, 2.0)]));
    for length in 0..good.len() {
        assert!(decode_all::<Day>(&good[..length]).is_err(), "{length}");
    }
    let refused = |bytes: &[u8]| decode_all::<Day>(bytes).unwrap_err().to_string();
    let other = bytes(&Hopping::<Sum, Hours<24>, Hours<2>>::default());
    assert_eq!(
        refused(&other),
        "the state's tiles have a length of 2 hours, the transform's 1 hour: raise state_version"
    );
    // A tile for every second one of a long time is more than is kept.
    let mut long = bytes(&Day::default());
    long.pop();
    let (tile, sum) = (8, bytes(&Sum::default()));
    long.push(40);
    for _ in 0..40 {
        long.push(tile);
        long.extend(&sum);
    }
    assert_eq!(refused(&long), "there is a tile that is not kept");
    let mut twice = good;
    let second = bytes(&day(&[(0, 1.0)])).len();
    twice[second] = 0;
    assert_eq!(refused(&twice), "the tiles are not in order");
}

/// Ten million numbers of very different sizes go by, now and then one that is none: what is left in the windows is exactly what
/// their contents give.
#[test]
fn ten_million_events_leave_no_trace() {
    let mut tiles = Hopping::<Variance, Minutes<60>, Minutes<1>>::default();
    let mut window = Window::<f64, Minutes<1>>::default();
    let at = |n: i64| EventTime(n * 10_000);
    let number = |n: i64| match n % 1_000_003 {
        0 => f64::NAN,
        1 => 1e300,
        _ => ((n * 48_271) % 2_147_483_647) as f64 * 1e-3 - 1e6,
    };
    let events = 10_000_000;
    for n in 0..events {
        tiles.push(at(n), number(n));
        window.push(at(n), number(n));
    }
    let as_of = asked_at(at(events - 1).micros());
    let of = |length: Length| -> Vec<f64> {
        let first = (as_of.micros() - length.micros()).div_euclid(10_000).max(0);
        (first..events).map(number).collect()
    };
    assert_eq!(window.closed::<Minutes<1>>(as_of).sum(), sum(&of(minutes(1))));
    // A tile is a whole minute: the question is asked within one.
    let since_minute = Length::from_micros(as_of.micros() % minutes(1).micros());
    let hopped = tiles.sawtooth::<Minutes<20>>(as_of);
    let contents = of(Length::from_micros(minutes(20).micros() + since_minute.micros()));
    assert_eq!((hopped.count(), hopped.sum()), (contents.len() as i64, sum(&contents)));
    let again = contents.iter().fold(Variance::default(), |mut again, &number| {
        again.push(EventTime(0), number);
        again
    });
    assert_eq!(hopped, again);
    assert!(hopped.std_dev().is_some_and(f64::is_finite));
}
