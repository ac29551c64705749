//! How long an admission may take, and what it was doing when that was over.
//!
//! A law asks nothing of the time: where it is over, every further call gives an error at once, so that whatever loop tries
//! calls comes to its end, and `prove` takes no difference that tells of such an error for one.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::time::Stopwatch;
use crate::usage;
use crate::wasm::{CallError, LoadError};

/// The share of the time after which nothing more is begun, in percent: the rest is for what runs, and for the report.
const BEGIN_PERCENT: u32 = 85;

/// On a machine that gives its processors to others, an admission takes so many times its time, at most.
const BUSY_MAX: u32 = 3;

/// What counts of `wall`, the time that a process had, in which its threads had the processors for `cpu`: what others took of it does
/// not, as far as possible.
pub(super) fn counted(wall: Duration, cpu: Option<Duration>) -> Duration {
    cpu.map_or(wall, |cpu| wall.min(cpu.max(wall / BUSY_MAX)))
}

/// What a call says that was not made, or not to its end, because the time was over.
pub(super) const OVER: &str = "the time of its admission is over";

/// The time that an admission has, as a whole.
pub struct Budget<'a> {
    watch: Stopwatch,
    /// The processor time of this process when it began.
    cpu: Option<Duration>,
    /// All of it, as the project says it.
    ms_max: u64,
    /// What was gone of it before.
    spent: Duration,
    /// When nothing more is begun.
    end: Duration,
    tell: &'a dyn Fn(&str),
    doing: RefCell<String>,
    calls: Cell<u64>,
    longest: Cell<Duration>,
    /// What was being done when it was over.
    over: RefCell<Option<String>>,
}

impl<'a> Budget<'a> {
    /// `ms_max` milliseconds, of which `spent` are gone. `tell` is told what is being done.
    pub fn new(ms_max: u64, spent: Duration, tell: &'a dyn Fn(&str)) -> Self {
        let end = (Duration::from_millis(ms_max) * BEGIN_PERCENT / 100).saturating_sub(spent);
        Self {
            watch: Stopwatch::start(),
            cpu: usage::cpu_time(),
            ms_max,
            spent,
            end,
            tell,
            doing: RefCell::new("starting".to_owned()),
            calls: Cell::new(0),
            longest: Cell::new(Duration::ZERO),
            over: RefCell::new(None),
        }
    }

    /// What is gone of it.
    pub(super) fn spent(&self) -> Duration {
        self.spent + self.elapsed()
    }

    /// What counts of the time since it began.
    fn elapsed(&self) -> Duration {
        let cpu = self.cpu.and_then(|before| Some(usage::cpu_time()?.saturating_sub(before)));
        counted(self.watch.elapsed(), cpu)
    }

    /// Whether something that ended by a limit on time may have ended by this one.
    fn may_have_ended(&self) -> bool {
        let is_late = self.watch.elapsed() >= self.end;
        if is_late {
            self.note_over();
        }
        is_late
    }

    fn note_over(&self) {
        self.over.borrow_mut().get_or_insert_with(|| self.doing.borrow().clone());
    }

    /// Milliseconds that are left for whatever begins now.
    pub(super) fn ms_left(&self) -> u64 {
        let left = self.end.saturating_sub(self.elapsed());
        // What ends by it ends after it: see `may_have_ended`.
        if left.is_zero() { 0 } else { u64::try_from(left.as_millis()).map_or(u64::MAX, |ms| ms.saturating_add(1)) }
    }

    /// Says what is being done from now on, as the end of "while ...".
    pub(super) fn doing(&self, what: &str) {
        (self.tell)(what);
        what.clone_into(&mut self.doing.borrow_mut());
    }

    /// Whether it is over. Once it is, it stays so.
    pub(super) fn is_over(&self) -> bool {
        if self.over.borrow().is_none() && self.elapsed() >= self.end {
            self.note_over();
        }
        self.over.borrow().is_some()
    }

    /// One call, if there is time for it.
    pub(super) fn call<T>(&self, call: impl FnOnce() -> Result<T, CallError>) -> Result<T, CallError> {
        let over = || Err(CallError::Host { reason: OVER.to_owned() });
        if self.is_over() {
            return over();
        }
        let before = self.watch.elapsed();
        let answer = call();
        self.calls.set(self.calls.get() + 1);
        self.longest.set(self.longest.get().max(self.watch.elapsed() - before));
        match answer {
            // What ended because nothing was left says nothing of the component.
            Err(CallError::Limit { .. }) if self.may_have_ended() => over(),
            answer => answer,
        }
    }

    /// Which limit was met, while doing what, and what to do; `None` while there is time.
    pub(super) fn stopped(&self) -> Option<String> {
        if !self.is_over() {
            return None;
        }
        let doing = self.over.borrow().clone().unwrap_or_default();
        let calls = match self.calls.get() {
            0 => String::new(),
            calls => {
                format!(" ({calls} calls were made, the longest took {} ms)", self.longest.get().as_millis())
            }
        };
        Some(out_of_time(self.ms_max, &format!("{doing}{calls}")))
    }

    /// `error`, or what became of the time if that is why.
    pub(super) fn told(&self, name: &str, error: LoadError) -> LoadError {
        let by_time = match &error {
            LoadError::CompileTime { .. } => true,
            LoadError::Describe { source, .. } => matches!(source, CallError::Limit { .. }),
            _ => false,
        };
        match by_time && self.may_have_ended() {
            true => LoadError::Unfinished { name: name.to_owned(), why: self.stopped().unwrap_or_default() },
            false => error,
        }
    }
}

/// The words for a time that is over.
pub(super) fn out_of_time(ms_max: u64, doing: &str) -> String {
    format!(
        "its {ms_max} ms (`admission_ms_max` under [limits]) were over while {doing}: make it smaller and its calls faster, or \
         give it more time if it is to be trusted"
    )
}

/// The words for a memory that is full.
pub(super) fn out_of_memory(bytes_max: u64, doing: &str) -> String {
    format!(
        "its process came near {bytes_max} bytes of memory (`admission_bytes_max` under [limits]) while {doing}: make it and \
         what it gives back smaller, or give it more memory if it is to be trusted"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_when_it_was_over_is_told_and_nothing_more_is_called() {
        let told = RefCell::new(Vec::new());
        let tell = |what: &str| told.borrow_mut().push(what.to_owned());
        let budget = Budget::new(1_000, Duration::from_millis(850), &tell);
        budget.doing("compiling it");
        let answer = budget.call(|| Ok(()));
        assert!(answer.is_err() && budget.ms_left() == 0, "85 of 100 parts are spent: {answer:?}");
        budget.doing("something that comes later");
        assert_eq!(
            budget.stopped().as_deref(),
            Some(
                "its 1000 ms (`admission_ms_max` under [limits]) were over while compiling it: make it smaller and its calls \
                 faster, or give it more time if it is to be trusted"
            )
        );
        assert_eq!(*told.borrow(), ["compiling it", "something that comes later"]);
    }

    #[test]
    fn what_others_took_of_the_time_does_not_count() {
        let counted = |wall, cpu| counted(Duration::from_secs(wall), Some(Duration::from_secs(cpu))).as_secs();
        assert_eq!((counted(9, 9), counted(9, 5), counted(9, 1)), (9, 5, 3));
        assert_eq!(counted(9, 18), 9, "two processors at once");
        assert_eq!(super::counted(Duration::from_secs(9), None).as_secs(), 9);
    }

    #[test]
    fn a_budget_with_time_calls_and_counts() {
        let budget = Budget::new(3_600_000, Duration::ZERO, &|_| {});
        assert_eq!(budget.call(|| Ok(7)).ok(), Some(7));
        assert_eq!((budget.calls.get(), budget.stopped()), (1, None));
    }
}
