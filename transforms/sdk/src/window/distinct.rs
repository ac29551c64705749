//! How many different keys there were in the last so many days, exactly.

use std::fmt;
use std::marker::PhantomData;

use super::events::oldest_kept;
use super::{NONE, Retention, UpTo, check_kept};
use crate::aggregate::Key;
use crate::compact;
use crate::key_map::KeyMap;
use crate::state::{State, StateError};
use crate::time::{AsOf, EventTime, Length};

/// Keys that are too old are cleared away once there are so many, and twice as many as after the last time.
const CLEARED_MIN: usize = 32;

/// The different keys of the last `L`, each with the time of its newest event: which of them there were in any window up to
/// `L` that ends at the question, exactly, from one entry per key.
///
/// `K` is `String`, `i64` or `bool`; `push` takes `&str`, `&i64` or `&bool`. A late event counts where its time lies. An event older
/// than the newest one by more than `L` is passed over.
///
/// Of a key only the newest event is known, so there is no view that ends before the question: a key that came again since then
/// would be missing in it. Such a view is one of a [`Window`](super::Window), or of
/// [`Hopping`](crate::tiled::Hopping)`<Distinct<K>, ..>`.
pub struct DistinctWindow<K, L> {
    pub(super) keys: Keys<K>,
    retention: PhantomData<fn(L)>,
}

impl<K: Key, L: Retention> DistinctWindow<K, L> {
    /// Adds an event.
    #[inline]
    pub fn push(&mut self, at: EventTime, key: &K::Ref) {
        self.keys.push(at, key, L::LENGTH);
    }

    /// The keys with an event in `[as_of - S, as_of]`. Compiles if `S` is at most `L`.
    pub fn closed<S: Retention>(&self, as_of: AsOf) -> DistinctView<'_, K> {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.keys.closed(as_of, S::LENGTH)
    }

    /// The keys with an event in `(as_of - S, as_of]`. Compiles if `S` is at most `L`.
    pub fn half_open<S: Retention>(&self, as_of: AsOf) -> DistinctView<'_, K> {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.keys.half_open(as_of, S::LENGTH)
    }

    /// The keys with an event in `[as_of - length, as_of]`, where a parameter gives the length. Compiles if its bound is at most
    /// `L`.
    pub fn closed_for<S: Retention>(&self, as_of: AsOf, length: UpTo<S>) -> DistinctView<'_, K> {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.keys.closed(as_of, length.length())
    }

    /// The keys with an event in `(as_of - length, as_of]`, where a parameter gives the length. Compiles if its bound is at most
    /// `L`.
    pub fn half_open_for<S: Retention>(&self, as_of: AsOf, length: UpTo<S>) -> DistinctView<'_, K> {
        const { check_kept(L::LENGTH, NONE, S::LENGTH) }
        self.keys.half_open(as_of, length.length())
    }
}

/// What a [`DistinctWindow`] is made of: keys, kept as long as it says with each call.
#[derive(Clone)]
pub struct Keys<K> {
    pub(super) newest_by_key: KeyMap<K, i64>,
    /// The newest event.
    newest: i64,
    /// How many keys there may be before those that are too old are cleared away.
    room: usize,
}

impl<K: Key> Keys<K> {
    /// Adds an event. Keys of before `kept` before the newest are let go.
    #[inline]
    pub fn push(&mut self, at: EventTime, key: &K::Ref, kept: Length) {
        let at = at.micros();
        if at < oldest_kept(self.newest, kept) {
            return;
        }
        self.newest = self.newest.max(at);
        if self.newest_by_key.len() >= self.room {
            let oldest = oldest_kept(self.newest, kept);
            self.newest_by_key.retain(|newest| *newest >= oldest);
            self.room = CLEARED_MIN.max(self.newest_by_key.len() * 2);
        }
        self.newest_by_key.upsert(key, at, |newest| *newest = at.max(*newest));
    }

    /// The keys with an event in `[as_of - length, as_of]`, which is kept.
    pub fn closed(&self, as_of: AsOf, length: Length) -> DistinctView<'_, K> {
        self.view(as_of, as_of.micros().saturating_sub(length.micros()))
    }

    /// The keys with an event in `(as_of - length, as_of]`, which is kept.
    pub fn half_open(&self, as_of: AsOf, length: Length) -> DistinctView<'_, K> {
        // Where the start lies before the beginning of time, every event is after it.
        let start = as_of.micros().checked_sub(length.micros());
        self.view(as_of, start.map_or(i64::MIN, |start| start.saturating_add(1)))
    }

    fn view(&self, as_of: AsOf, first: i64) -> DistinctView<'_, K> {
        DistinctView { newest_by_key: &self.newest_by_key, first, last: as_of.micros() }
    }

    /// The keys that are kept, each with its newest event.
    fn live(&self, kept: Length) -> impl Iterator<Item = (&K, i64)> {
        let oldest = oldest_kept(self.newest, kept);
        self.newest_by_key.iter().map(|(key, &newest)| (key, newest)).filter(move |&(_, newest)| newest >= oldest)
    }

    /// Appends the number of keys, then each key and the time of its newest event.
    pub fn encode(&self, bytes: &mut Vec<u8>, kept: Length) {
        let oldest = oldest_kept(self.newest, kept);
        self.newest_by_key.encode(bytes, |newest| *newest >= oldest, i64::encode);
    }

    /// Takes keys that were kept for so long.
    pub fn decode(bytes: &mut &[u8], kept: Length) -> Result<Self, StateError> {
        let newest_by_key = KeyMap::<K, i64>::decode(bytes, i64::decode)?;
        let times = newest_by_key.iter().map(|(_, &newest)| newest);
        let (first, newest) = times.fold((i64::MAX, i64::MIN), |(first, newest), at| (first.min(at), newest.max(at)));
        if first < oldest_kept(newest, kept) {
            return Err(StateError::new("a window holds a key that it does not keep"));
        }
        let room = CLEARED_MIN.max(newest_by_key.len() * 2);
        Ok(Keys { newest_by_key, newest, room })
    }

    /// Whether no key is kept.
    pub fn is_empty(&self) -> bool {
        self.newest_by_key.len() == 0
    }
}

impl<K> Default for Keys<K> {
    fn default() -> Self {
        Keys { newest_by_key: KeyMap::default(), newest: i64::MIN, room: CLEARED_MIN }
    }
}

/// The keys that one question sees.
#[derive(Clone, Copy, Debug)]
pub struct DistinctView<'a, K> {
    newest_by_key: &'a KeyMap<K, i64>,
    /// The first and the last microsecond of the window.
    first: i64,
    last: i64,
}

impl<'a, K: Key> DistinctView<'a, K> {
    /// How many different keys there are; 0 for none.
    pub fn count(&self) -> i64 {
        self.newest_by_key.iter().filter(|&(_, &newest)| self.sees(newest)).count() as i64
    }

    /// Whether a key is among them.
    pub fn contains(&self, key: &K::Ref) -> bool {
        self.newest_by_key.get(key).is_some_and(|&newest| self.sees(newest))
    }

    /// The keys, in ascending order, each with the time of its newest event.
    pub fn keys(&self) -> Vec<(&'a K, EventTime)> {
        let seen = self.newest_by_key.iter().filter(|&(_, &newest)| self.sees(newest));
        let mut keys: Vec<_> = seen.map(|(key, &newest)| (key, EventTime(newest))).collect();
        keys.sort_unstable();
        keys
    }

    fn sees(&self, newest: i64) -> bool {
        (self.first..=self.last).contains(&newest)
    }
}

/// The retention in microseconds, the number of keys, then each key and the time of its newest event, in the order of the keys'
/// [hashes](crate::hash), and in their own where those are equal.
impl<K: Key, L: Retention> State for DistinctWindow<K, L> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_i64(L::LENGTH.micros(), bytes);
        self.keys.encode(bytes, L::LENGTH);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let kept = Length::from_micros(compact::decode_i64(bytes)?);
        if kept != L::LENGTH {
            let message =
                format!("the state's window keeps {kept}, the transform's {}: raise state_version", L::LENGTH);
            return Err(StateError::new(message));
        }
        Ok(DistinctWindow { keys: Keys::decode(bytes, L::LENGTH)?, retention: PhantomData })
    }
}

impl<K, L> Default for DistinctWindow<K, L> {
    fn default() -> Self {
        DistinctWindow { keys: Keys::default(), retention: PhantomData }
    }
}

impl<K: Clone, L> Clone for DistinctWindow<K, L> {
    fn clone(&self) -> Self {
        DistinctWindow { keys: self.keys.clone(), retention: PhantomData }
    }
}

impl<K: Key, L: Retention> PartialEq for DistinctWindow<K, L> {
    fn eq(&self, other: &Self) -> bool {
        self.keys.live(L::LENGTH).eq(other.keys.live(L::LENGTH))
    }
}

impl<K: Key, L: Retention> fmt::Debug for DistinctWindow<K, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.keys.live(L::LENGTH)).finish()
    }
}
