//! A clock that does not follow the steps of the machine's.
//!
//! The machine's clock may be set: by an administrator, by the first answer of a time server, by the host of a virtual machine. Stamps
//! never go back, so one minute in which it is a year ahead would stop time for a year. It is therefore checked against a second
//! clock that nobody sets, which counts from the start of the machine and goes on while that is suspended.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Clock, Length, SystemClock};

/// The largest step of the machine's clock that is followed, in microseconds.
pub const STEP_US_MAX: i64 = 10_000_000;

/// A clock that goes away from the other one by at most one part in so many is followed for as long as it does.
const DRIFT_PART: i64 = 10;

/// What the two clocks may differ by from one reading to the next without being looked at more closely, in microseconds.
const CLOSE_US: i64 = 1_000;

/// How long reading both clocks may take, in microseconds; a thread that was stopped in between reads them again.
const READING_US_MAX: i64 = 1_000_000;

/// The machine's clock, but for its steps.
///
/// Where it steps by more than [`STEP_US_MAX`], either way, the time before goes on by the second clock, until the machine's clock
/// is back or [`Clock::accept_step`] is called. Smaller steps and a drift of up to a tenth are followed; a suspended machine is no
/// step, for both clocks go on.
pub struct SteadyClock {
    wall: Box<dyn Clock>,
    boot: Box<dyn Clock>,
    /// As in the course, to be read without its lock.
    anchor: AtomicI64,
    has_stepped: AtomicBool,
    course: Mutex<Course>,
}

/// How the machine's clock goes.
struct Course {
    /// What it is ahead of the second clock, without recent small steps: what a step is measured from.
    anchor: i64,
    /// When the anchor was moved last, by the second clock.
    moved_at: i64,
    /// What it was ahead of the second clock when it was followed last.
    followed: i64,
    /// What it is ahead of the time that goes on instead, where it has stepped.
    step: Option<i64>,
}

impl SteadyClock {
    /// The time of `wall`, whose steps are noticed by `boot`: it is never set, and its zero may lie anywhere.
    pub fn new(wall: Box<dyn Clock>, boot: Box<dyn Clock>) -> Self {
        let (now, since) = read(&*wall, &*boot);
        let anchor = now.saturating_sub(since);
        Self {
            wall,
            boot,
            anchor: AtomicI64::new(anchor),
            has_stepped: AtomicBool::new(false),
            course: Mutex::new(Course { anchor, moved_at: since, followed: anchor, step: None }),
        }
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, where the clocks are not as close as ever.
    fn look(&self, wall: i64, boot: i64) -> i64 {
        let mut course = self.course();
        let now = course.look(wall, boot);
        self.anchor.store(course.anchor, Ordering::Relaxed);
        self.has_stepped.store(course.step.is_some(), Ordering::Relaxed);
        now
    }
}

impl Course {
    fn look(&mut self, wall: i64, boot: i64) -> i64 {
        let offset = wall.saturating_sub(boot);
        let away = offset.saturating_sub(self.anchor);
        if away.saturating_abs() > STEP_US_MAX {
            self.step = Some(offset.saturating_sub(self.followed));
            return boot.saturating_add(self.followed);
        }
        let most = boot.saturating_sub(self.moved_at).max(0) / DRIFT_PART;
        self.anchor += away.clamp(-most, most);
        (self.moved_at, self.followed, self.step) = (self.moved_at.max(boot), offset, None);
        wall
    }
}

/// The time of both clocks at one moment.
fn read(wall: &dyn Clock, boot: &dyn Clock) -> (i64, i64) {
    let mut before = boot.now();
    for _ in 0..3 {
        let (now, after) = (wall.now(), boot.now());
        if after.saturating_sub(before) <= READING_US_MAX {
            return (now, before);
        }
        before = after;
    }
    (wall.now(), before)
}

impl Default for SteadyClock {
    fn default() -> Self {
        Self::new(Box::new(SystemClock), Box::new(BootClock))
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> i64 {
        let (wall, boot) = read(&*self.wall, &*self.boot);
        let away = wall.saturating_sub(boot).saturating_sub(self.anchor.load(Ordering::Relaxed));
        let is_close = away.saturating_abs() <= CLOSE_US && !self.has_stepped.load(Ordering::Relaxed);
        if is_close { wall } else { self.look(wall, boot) }
    }

    fn machine(&self) -> i64 {
        self.wall.now()
    }

    fn is_watched(&self) -> bool {
        true
    }

    fn step(&self) -> Option<i64> {
        self.now();
        if self.has_stepped.load(Ordering::Relaxed) { self.course().step } else { None }
    }

    fn accept_step(&self) {
        let mut course = self.course();
        let (wall, boot) = read(&*self.wall, &*self.boot);
        let offset = wall.saturating_sub(boot);
        *course = Course { anchor: offset, moved_at: boot, followed: offset, step: None };
        self.anchor.store(offset, Ordering::Relaxed);
        self.has_stepped.store(false, Ordering::Relaxed);
    }
}

/// A step in words, such as `1h ahead`; its seconds are rounded down.
pub fn step_in_words(step: i64) -> String {
    format!("{} {}", rounded(step), if step < 0 { "back" } else { "ahead" })
}

/// The size of a difference of times in words, in whole seconds.
pub fn rounded(difference: i64) -> Length {
    let size = difference.saturating_abs();
    Length(size - size % 1_000_000)
}

/// A clock that nobody sets: microseconds since the machine was started, its suspended time included where the system tells it.
#[derive(Clone, Copy, Debug, Default)]
pub struct BootClock;

#[cfg(unix)]
impl Clock for BootClock {
    fn now(&self) -> i64 {
        // Of other systems than Linux, the monotonic clock counts suspended time.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const CLOCK: libc::clockid_t = libc::CLOCK_BOOTTIME;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a valid place for what the call writes; it has no other effect.
        let read = unsafe { libc::clock_gettime(CLOCK, &raw mut time) };
        debug_assert_eq!(read, 0, "every kernel that Rust runs on has this clock");
        #[allow(clippy::unnecessary_cast, reason = "on systems of 32 bits these are shorter")]
        let (seconds, nanoseconds) = (time.tv_sec as i64, time.tv_nsec as i64);
        seconds.saturating_mul(1_000_000).saturating_add(nanoseconds / 1_000)
    }
}

#[cfg(not(unix))]
impl Clock for BootClock {
    fn now(&self) -> i64 {
        static FIRST: std::sync::OnceLock<super::Stopwatch> = std::sync::OnceLock::new();
        let since = FIRST.get_or_init(super::Stopwatch::start).elapsed();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3_600 * SECOND;

    #[derive(Clone, Default)]
    struct Twin(Arc<AtomicI64>);

    impl Clock for Twin {
        fn now(&self) -> i64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    /// A wall clock, a boot clock, and the steady clock over them.
    struct World {
        wall: Twin,
        boot: Twin,
        clock: SteadyClock,
    }

    impl World {
        fn new() -> Self {
            let (wall, boot) = (Twin::default(), Twin::default());
            wall.0.store(1_000 * HOUR, Ordering::Relaxed);
            let clock = SteadyClock::new(Box::new(wall.clone()), Box::new(boot.clone()));
            Self { wall, boot, clock }
        }

        /// So much time goes by on each of the clocks; gives what the steady clock reads, in seconds from the beginning.
        fn go(&self, wall: i64, boot: i64) -> i64 {
            self.wall.0.fetch_add(wall, Ordering::Relaxed);
            self.boot.0.fetch_add(boot, Ordering::Relaxed);
            (self.clock.now() - 1_000 * HOUR) / SECOND
        }
    }

    #[test]
    fn a_step_is_not_followed_until_it_is_accepted_or_over() {
        for step in [HOUR, -HOUR, 11 * SECOND, -11 * SECOND, 100 * 365 * 24 * HOUR] {
            let world = World::new();
            assert_eq!((world.go(5 * SECOND, 5 * SECOND), world.clock.step()), (5, None));
            assert_eq!((world.go(step, 0), world.clock.step()), (5, Some(step)));
            assert_eq!((world.go(60 * SECOND, 60 * SECOND), world.clock.step()), (65, Some(step)));
            assert_eq!(world.clock.machine() - world.clock.now(), step);
            // It is over.
            assert_eq!((world.go(-step, 0), world.clock.step()), (65, None));
            assert_eq!((world.go(step + SECOND, SECOND), world.clock.step()), (66, Some(step)));
            world.clock.accept_step();
            assert_eq!((world.go(SECOND, SECOND), world.clock.step()), (67 + step / SECOND, None));
        }
    }

    #[test]
    fn small_steps_are_followed_and_time_goes_on_from_them() {
        let world = World::new();
        assert_eq!((world.go(9 * SECOND, 0), world.clock.step()), (9, None));
        assert_eq!((world.go(HOUR, 0), world.clock.step()), (9, Some(HOUR)));
        assert_eq!((world.go(SECOND - HOUR, SECOND), world.clock.step()), (10, None));
        assert_eq!((world.go(-9 * SECOND, 0), world.clock.step()), (1, None));
        // An hour later it is as if it had always been so.
        for _ in 0..60 {
            world.go(60 * SECOND, 60 * SECOND);
        }
        assert_eq!((world.go(-9 * SECOND, 0), world.clock.step()), (3_592, None));
    }

    #[test]
    fn drift_and_a_suspended_machine_are_no_steps() {
        // A part in twenty, looked at every second for ten hours; and a machine that slept for a week.
        for (wall, boot) in [(21 * SECOND / 20, SECOND), (19 * SECOND / 20, SECOND)] {
            let world = World::new();
            for _ in 0..36_000 {
                world.go(wall, boot);
                assert_eq!((world.clock.now(), world.clock.step()), (world.wall.now(), None));
            }
        }
        let world = World::new();
        world.go(168 * HOUR, 168 * HOUR);
        assert_eq!((world.clock.now(), world.clock.step()), (world.wall.now(), None));
    }

    #[test]
    fn a_clock_that_stands_still_is_noticed_however_often_it_is_read() {
        for every in [SECOND / 100, SECOND, 8 * SECOND, 3_600 * SECOND] {
            let world = World::new();
            let (mut passed, mut noticed) = (0, None);
            while passed < HOUR {
                world.go(0, every);
                passed += every;
                if noticed.is_none() && world.clock.step().is_some() {
                    noticed = Some(passed);
                }
            }
            let noticed = noticed.expect("is noticed");
            assert!(noticed > 10 * SECOND && noticed < (20 * SECOND).max(every + 1), "after {noticed} us");
            // From then on time goes on.
            let before = world.clock.now();
            world.go(0, 60 * SECOND);
            assert_eq!(world.clock.now() - before, 60 * SECOND);
        }
    }

    #[test]
    fn the_machine_has_both_clocks() {
        let (boot, clock) = (BootClock, SteadyClock::default());
        let (first, second) = (boot.now(), boot.now());
        assert!(first > 0 && first <= second);
        assert!((clock.now() - SystemClock.now()).abs() < HOUR && clock.step().is_none());
    }

    #[test]
    fn steps_are_told_in_words() {
        assert_eq!(step_in_words(-HOUR - 7), "1h back");
        assert_eq!(step_in_words(11 * SECOND), "11s ahead");
    }
}
