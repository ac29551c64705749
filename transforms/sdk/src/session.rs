//! Sessions: events that belong together in time, and an aggregate of each.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;

use crate::aggregate::Aggregate;
use crate::compact;
use crate::proof::Witness;
use crate::state::{State, StateError};
use crate::time::{AsOf, EventTime, Length};
use crate::window::{NONE, Retention, UpTo, check_kept};

/// When a session ends.
pub trait Rule {
    /// The rule.
    const RULE: Ends;
}

/// A rule by which sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// That of a [`Gap`] of this length.
    Gap(Length),
    /// That of a [`Fixed`] length.
    Fixed(Length),
}

impl Ends {
    /// Whether something at `at`, not before `start`, still belongs to the session that began at `start` and whose last event
    /// so far is at `end`.
    #[inline]
    fn holds(self, start: EventTime, end: EventTime, at: EventTime) -> bool {
        match self {
            Ends::Gap(length) => at.since(end) <= length,
            Ends::Fixed(length) => at.since(start) <= length,
        }
    }

    /// Whether an event at `at` belongs to a session that begins later, at `start`.
    #[inline]
    fn reaches(self, at: EventTime, start: EventTime) -> bool {
        match self {
            Ends::Gap(length) => start.since(at) <= length,
            Ends::Fixed(_) => false,
        }
    }

    /// The length that the rule is about.
    const fn length(self) -> Length {
        let (Ends::Gap(length) | Ends::Fixed(length)) = self;
        length
    }

    /// Told apart in states.
    const fn code(self) -> u8 {
        match self {
            Ends::Gap(_) => 0,
            Ends::Fixed(_) => 1,
        }
    }
}

/// A session lasts as long as no two events in a row are more than `L` apart. Exactly `L` apart is still one session. A late
/// event may join two sessions into one.
#[derive(Clone, Copy, Debug)]
pub struct Gap<L>(PhantomData<fn(L)>);

impl<L: Retention> Rule for Gap<L> {
    const RULE: Ends = Ends::Gap(L::LENGTH);
}

/// A session lasts for `L` from its first event; an event exactly `L` after it still belongs. The next event begins the next
/// session. A late event that no session holds begins one of its own, which ends where the next one begins: a session that
/// has begun never changes its start.
#[derive(Clone, Copy, Debug)]
pub struct Fixed<L>(PhantomData<fn(L)>);

impl<L: Retention> Rule for Fixed<L> {
    const RULE: Ends = Ends::Fixed(L::LENGTH);
}

/// One session.
#[derive(Clone, Debug, PartialEq)]
pub struct Session<A> {
    /// When its first event happened.
    pub start: EventTime,
    /// When its last event so far happened.
    pub end: EventTime,
    /// Its events.
    pub events: A,
}

impl<A> Session<A> {
    /// The time from its first event to its last.
    pub fn length(&self) -> Length {
        self.end.since(self.start)
    }
}

/// The sessions of one entity, by the rule `R`: `Sessions<Count, Gap<Minutes<30>>, Days<7>>` ends a session after 30 minutes
/// without an event, `Sessions<Sum, Fixed<Minutes<30>>, Days<7>>` after 30 minutes.
///
/// Sessions whose last event is older than the newest one by more than `K` are let go, and so are late events older than that
/// which no session takes. Choose `K` several times as long as the rule's length: a session that is gone can no longer grow.
pub struct Sessions<A, R, K> {
    sessions: Kept<A>,
    rule: PhantomData<fn(R, K)>,
}

impl<A: Aggregate, R: Rule, K: Retention> Sessions<A, R, K> {
    /// Adds an event.
    pub fn push(&mut self, at: EventTime, item: A::Item<'_>) {
        self.sessions.push(at, item, R::RULE, K::LENGTH);
    }

    /// The session that is going on at `as_of`: the newest, if an event at `as_of` would belong to it.
    pub fn current(&self, as_of: AsOf) -> Option<&Session<A>> {
        self.sessions.current(as_of, R::RULE)
    }

    /// The newest session, whether it goes on or is over.
    pub fn last(&self) -> Option<&Session<A>> {
        self.sessions.last()
    }

    /// The sessions that are kept, by start.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Session<A>> + ExactSizeIterator {
        self.sessions.sessions.iter()
    }

    /// How many sessions began in `[as_of - S, as_of]`. Compiles if `S` and the rule's length together are at most `K`: whether an
    /// event began a session is decided by those before it.
    pub fn count<S: Retention>(&self, as_of: AsOf) -> i64 {
        const { Self::check(NONE, S::LENGTH) }
        self.sessions.count(as_of, NONE, S::LENGTH)
    }

    /// How many sessions began in the `S` that ended `G` ago, `[as_of - G - S, as_of - G]`. Compiles if `G`, `S` and the rule's
    /// length together are at most `K`.
    pub fn count_ago<G: Retention, S: Retention>(&self, as_of: AsOf) -> i64 {
        const { Self::check(G::LENGTH, S::LENGTH) }
        self.sessions.count(as_of, G::LENGTH, S::LENGTH)
    }

    /// As [`count`](Self::count), where a parameter gives the length. Compiles if its bound fits.
    pub fn count_for<S: Retention>(&self, as_of: AsOf, length: UpTo<S>) -> i64 {
        const { Self::check(NONE, S::LENGTH) }
        self.sessions.count(as_of, NONE, length.length())
    }

    /// As [`count_ago`](Self::count_ago), where parameters give the lengths; one of them may be [fixed](UpTo::MAX). Compiles if
    /// their bounds fit.
    pub fn count_ago_for<G: Retention, S: Retention>(&self, as_of: AsOf, ago: UpTo<G>, length: UpTo<S>) -> i64 {
        const { Self::check(G::LENGTH, S::LENGTH) }
        self.sessions.count(as_of, ago.length(), length.length())
    }

    const fn check(ago: Length, length: Length) {
        check_kept(K::LENGTH, ago, length);
        if R::RULE.length().micros() > K::LENGTH.micros() - ago.micros() - length.micros() {
            panic!(
                "sessions are counted from as long ago as they are kept: keep them longer, by the rule's length at least"
            );
        }
    }
}

/// What [`Sessions`] are made of: sessions, kept by the rule and as long as these say with each call.
pub struct Kept<A> {
    /// By start. They do not overlap, so they are by end, too.
    sessions: VecDeque<Session<A>>,
    witness: Witness<A>,
}

impl<A: Aggregate> Kept<A> {
    /// Adds an event.
    pub fn push(&mut self, at: EventTime, item: A::Item<'_>, rule: Ends, kept: Length) {
        let next = match self.sessions.back() {
            Some(last) if last.start > at => self.sessions.partition_point(|session| session.start <= at),
            _ => self.sessions.len(),
        };
        let is_held = next > 0 && {
            let session = &self.sessions[next - 1];
            at <= session.end || rule.holds(session.start, session.end, at)
        };
        let reaches = self.sessions.get(next).is_some_and(|session| rule.reaches(at, session.start));
        if is_held {
            let session = &mut self.sessions[next - 1];
            session.end = session.end.max(at);
            session.events.push(at, item);
            if self.witness.is_on() {
                self.witness.push_session(next - 1, at, item);
            }
            if reaches && let Some(joined) = self.sessions.remove(next) {
                let session = &mut self.sessions[next - 1];
                session.end = session.end.max(joined.end);
                session.events.merge(&joined.events);
                if self.witness.is_on() {
                    self.witness.join_sessions(next - 1, &session.events);
                }
            }
        } else if reaches {
            let session = &mut self.sessions[next];
            session.start = at;
            session.events.push(at, item);
            if self.witness.is_on() {
                self.witness.push_session(next, at, item);
            }
        } else if self.sessions.back().is_none_or(|newest| newest.end.since(at) <= kept) {
            let mut events = A::default();
            events.push(at, item);
            self.sessions.insert(next, Session { start: at, end: at, events });
            if self.witness.is_on() {
                let of = |place: usize| self.sessions.get(place).map(|session| &session.events);
                self.witness.begin_session(next, of, at, item);
            }
        }
        self.evict(kept);
    }

    /// The session that is going on at `as_of`.
    pub fn current(&self, as_of: AsOf, rule: Ends) -> Option<&Session<A>> {
        self.last().filter(|last| rule.holds(last.start, last.end, EventTime(as_of.micros())))
    }

    /// The newest session.
    pub fn last(&self) -> Option<&Session<A>> {
        self.sessions.back()
    }

    /// How many sessions began in the `length` that ended `ago`.
    pub fn count(&self, as_of: AsOf, ago: Length, length: Length) -> i64 {
        let Some(last) = as_of.micros().checked_sub(ago.micros()) else { return 0 };
        let began = |session: &&Session<A>| {
            let start = session.start.micros();
            start <= last && last.saturating_sub(start) <= length.micros()
        };
        self.sessions.iter().filter(began).count() as i64
    }

    fn evict(&mut self, kept: Length) {
        let Some(newest) = self.sessions.back().map(|session| session.end) else { return };
        while self.sessions.front().is_some_and(|oldest| newest.since(oldest.end) > kept) {
            self.sessions.pop_front();
            self.witness.forget_first();
        }
    }

    fn is_in_order(&self, kept: Length) -> bool {
        let in_order = |(a, b): (&Session<A>, &Session<A>)| a.end < b.start;
        let newest = self.sessions.back().map(|session| session.end);
        self.sessions.iter().all(|session| {
            session.start <= session.end && newest.is_some_and(|newest| newest.since(session.end) <= kept)
        }) && self.sessions.iter().zip(self.sessions.iter().skip(1)).all(in_order)
    }

    /// Appends the number of sessions, then start, end and events of each.
    pub fn encode(&self, bytes: &mut Vec<u8>, encode: impl Fn(&A, &mut Vec<u8>)) {
        compact::encode_len(self.sessions.len(), bytes);
        for Session { start, end, events } in &self.sessions {
            start.encode(bytes);
            end.encode(bytes);
            encode(events, bytes);
        }
    }

    /// Takes sessions that were kept for so long.
    pub fn decode(
        bytes: &mut &[u8],
        kept: Length,
        decode: impl Fn(&mut &[u8]) -> Result<A, StateError>,
    ) -> Result<Self, StateError> {
        let count = compact::decode_len(bytes)?;
        let mut sessions = VecDeque::with_capacity(count.min(bytes.len() / 16 + 1));
        for _ in 0..count {
            let (start, end) = (EventTime::decode(bytes)?, EventTime::decode(bytes)?);
            sessions.push_back(Session { start, end, events: decode(bytes)? });
        }
        let sessions = Kept { sessions, witness: Witness::none() };
        match sessions.is_in_order(kept) {
            true => Ok(sessions),
            false => Err(StateError::new("the sessions are not in order")),
        }
    }
}

impl<A> Kept<A> {
    /// Whether there was no event.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}

impl<A> Default for Kept<A> {
    fn default() -> Self {
        Kept { sessions: VecDeque::new(), witness: Witness::default() }
    }
}

/// The rule (a byte and its length), how long sessions are kept, the number of sessions, then start, end and events of each.
impl<A: Aggregate, R: Rule, K: Retention> State for Sessions<A, R, K> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(R::RULE.code());
        compact::encode_i64(R::RULE.length().micros(), bytes);
        compact::encode_i64(K::LENGTH.micros(), bytes);
        self.sessions.encode(bytes, A::encode);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let (code, length, kept) = (u8::decode(bytes)?, compact::decode_i64(bytes)?, compact::decode_i64(bytes)?);
        if (code, length, kept) != (R::RULE.code(), R::RULE.length().micros(), K::LENGTH.micros()) {
            return Err(StateError::new("the state's sessions are made by another rule: raise state_version"));
        }
        Ok(Sessions { sessions: Kept::decode(bytes, K::LENGTH, A::decode)?, rule: PhantomData })
    }
}

impl<A, R, K> Default for Sessions<A, R, K> {
    fn default() -> Self {
        Sessions { sessions: Kept::default(), rule: PhantomData }
    }
}

impl<A: Clone, R, K> Clone for Sessions<A, R, K> {
    fn clone(&self) -> Self {
        let sessions = Kept { sessions: self.sessions.sessions.clone(), witness: Witness::none() };
        Sessions { sessions, rule: PhantomData }
    }
}

impl<A: PartialEq, R, K> PartialEq for Sessions<A, R, K> {
    fn eq(&self, other: &Self) -> bool {
        self.sessions.sessions == other.sessions.sessions
    }
}

impl<A: fmt::Debug, R, K> fmt::Debug for Sessions<A, R, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.sessions.sessions).finish()
    }
}

#[cfg(test)]
mod tests;
