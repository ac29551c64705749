//! Log lines that say the same again and again: one a second of each kind, with how many there were.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::time::Stopwatch;

/// What makes two lines of one kind: why, and where.
type Kind = (&'static str, String);

/// From one line of a kind to the next.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// The lines that were written a moment ago, by kind.
#[derive(Debug, Default)]
pub(super) struct Repeated(Mutex<HashMap<Kind, Lines>>);

#[derive(Debug)]
struct Lines {
    last: Stopwatch,
    /// Those since then that were not written.
    more: u64,
}

impl Repeated {
    /// Whether a line of this kind is written now; if not, it is counted.
    pub(super) fn is_new(&self, why: &'static str, place: &str) -> bool {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lines) = kinds.get_mut(&(why, place.to_owned())) {
            lines.more += 1;
            return false;
        }
        kinds.insert((why, place.to_owned()), Lines { last: Stopwatch::start(), more: 0 });
        true
    }

    /// Kinds of which there were more lines than were written, each once in [`PAUSE`]; `all`: however long it has been.
    pub(super) fn more(&self, all: bool) -> Vec<(Kind, u64)> {
        let mut told = Vec::new();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|kind, lines| {
            if !all && lines.last.elapsed() < PAUSE {
                return true;
            }
            if lines.more == 0 {
                return false;
            }
            told.push((kind.clone(), lines.more));
            *lines = Lines { last: Stopwatch::start(), more: 0 };
            true
        });
        told
    }
}

/// Writes what [`Repeated::more`] tells.
pub(super) fn tell(more: Vec<(Kind, u64)>) {
    for ((cause, place), more) in more {
        tracing::warn!(cause, place, "and {more} more like it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_kind_is_written_once_and_the_others_are_counted() {
        let repeated = Repeated::default();
        let written = (0..1_000).filter(|_| repeated.is_new("busy", "/push")).count();
        assert_eq!((written, repeated.is_new("busy", "/v1/features")), (1, true));
        assert_eq!(repeated.more(true), [(("busy", "/push".to_owned()), 999)]);
        assert!(!repeated.is_new("busy", "/push"), "the line that told of them was of this kind too");
        assert_eq!(repeated.more(true).iter().map(|(_, more)| more).sum::<u64>(), 1);
        assert!(repeated.more(true).is_empty());
        assert!(repeated.is_new("busy", "/push"), "long after, it is new again");
    }
}
