//! The writer of a log: pushes are stamped, evaluated by the caller and then appended; one append puts all of them on disk.

mod reserve;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::Arc;

use reserve::{Unsettled, reach};

pub use reserve::Settled;

use super::clock::{LogClock, is_ahead};
use super::limits::check_limits;
use super::seam::last_arrival;
use super::{
    EventContent, History, IdHolder, KeyColumns, Log, LogBatch, LogError, LogReader, LoggedEvent, LoggedSource, Repair,
};
use crate::entity::{EntityKey, KeyType};
use crate::time::{AsOf, AvailableAt, EventTime, visible};

/// An event to append.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Names the event within its source, so that a push can be sent again; the event of an id is appended once.
    pub event_id: Option<String>,
    /// The entity that it is about.
    pub key: EntityKey,
    /// When it happened.
    pub event_time: EventTime,
    /// When it arrived, in microseconds, for replayed historical data; `None`: now.
    pub arrival: Option<i64>,
    /// Its fields: one JSON object, checked by the caller.
    pub fields: String,
    /// Its row in the push, from 1, for messages and for the order of equal arrivals.
    pub row: u64,
    /// Its place in the push, from 0: where the caller has its fields in columns.
    pub place: u32,
}

impl NewEvent {
    /// The parts that are compared with an event of the same id.
    pub fn content(&self) -> EventContent<'_> {
        EventContent { key: &self.key, event_time: self.event_time, fields: &self.fields }
    }
}

/// Whether two events of one source and id have the same content.
pub type SameContent<'a> = &'a dyn Fn(EventContent<'_>, EventContent<'_>) -> bool;

/// The one that writes a log, for a term.
pub struct LogWriter {
    reader: Box<dyn LogReader>,
    // After its reader, so that the last to close is the one that can tidy up.
    log: Arc<dyn Log>,
    term: u64,
    last_offset: u64,
    clock: LogClock,
    /// As-ofs up to it are on disk as if they had been answered.
    reserved: Option<i64>,
    /// The append that failed last, until it is known whether it is on disk.
    unsettled: Option<Unsettled>,
    /// The key columns of the sources that have events.
    keys: HashMap<String, KeyColumns>,
}

/// Pushes that become part of the log together. Dropping it undoes them, and the clock with them.
pub struct Appending<'w> {
    writer: &'w mut LogWriter,
    clock: LogClock,
    events: Vec<LoggedEvent>,
    /// By source and id, the place of each of these events that has an id.
    ids: HashMap<Arc<str>, HashMap<String, usize>>,
    declared: Vec<LoggedSource>,
    refused_future: u64,
    /// Up to where the append should reserve.
    until: Option<AsOf>,
}

/// A push with the stamps and offsets that it gets if it is accepted. Nothing of it is written yet.
#[derive(Clone, Debug)]
pub struct Stamped {
    /// The new events with their offsets and stamps, in order.
    pub events: Vec<LoggedEvent>,
    /// The place in the push of each of them.
    pub places: Vec<u32>,
    /// How many events were left out because their source has the event of that id.
    pub duplicates: usize,
    /// How many events are stamped later than they were declared to have arrived.
    pub adjusted: usize,
    source: Arc<str>,
    clock_after: LogClock,
}

/// What was decided about each event of a push, in the order of the log.
struct Decision {
    /// The stamp of each event; `None` for a duplicate.
    stamps: Vec<Option<i64>>,
    duplicates: usize,
    adjusted: usize,
    clock_after: LogClock,
}

impl LogWriter {
    /// Begins a term of writing `log`: an earlier writer is refused from now on.
    pub fn new(log: Arc<dyn Log>) -> Result<Self, LogError> {
        let term = log.begin_term()?;
        let reader = log.reader()?;
        let head = reader.head()?;
        let keys = reader.sources()?.into_iter().map(|source| (source.name, source.keys)).collect();
        let (last_offset, clock) = (head.offset, head.clock);
        Ok(Self { log, reader, term, last_offset, clock, reserved: None, unsettled: None, keys })
    }

    /// A handle for reading it.
    pub fn reader(&self) -> &dyn LogReader {
        &*self.reader
    }

    /// The name of the log.
    pub fn identity(&self) -> &str {
        self.reader.identity()
    }

    /// Where the log is, for messages.
    pub fn path(&self) -> &Path {
        self.reader.path()
    }

    /// The newest offset; 0 in a log without events.
    pub fn last_offset(&self) -> u64 {
        self.last_offset
    }

    /// Begins to append pushes, which one append will put on disk together.
    pub fn begin(&mut self) -> Appending<'_> {
        let clock = self.clock.clone();
        let (events, ids, declared) = (Vec::new(), HashMap::new(), Vec::new());
        Appending { writer: self, clock, events, ids, declared, refused_future: 0, until: None }
    }

    /// Records a history and gives it an id; later arrivals are stamped after its end.
    pub fn record_history(&mut self, history: &History) -> Result<i64, LogError> {
        let mut clock = self.clock.clone();
        clock.pass(history.up_to.micros());
        let id = self.log.record_history(self.term, history, &clock.reserved(self.reserved))?;
        self.clock = clock;
        Ok(id)
    }

    /// Notes that a question was answered at `as_of`: what arrives later in this process is stamped after it. It is on disk
    /// with the next append; until then [`LogWriter::reserve`] covers it.
    pub fn pass(&mut self, as_of: AsOf) {
        self.clock.pass(as_of.micros());
    }

    /// Refuses to go on where the newest time of the log is far ahead of the clock: until the clock has caught up, stamps and as-ofs
    /// would stand still.
    pub fn check_now(&self, now: i64) -> Result<(), LogError> {
        match self.floor().filter(|floor| is_ahead(*floor, now)) {
            None => Ok(()),
            Some(floor) => Err(LogError::ClockBehind { path: self.path().to_owned(), floor, now }),
        }
    }

    /// The newest time of the log; `None` before the first. Arrivals and as-ofs do not go below it.
    pub fn floor(&self) -> Option<i64> {
        self.clock.floor()
    }

    /// Repairs the clock at `now` (microseconds), which opens a new epoch. This writer was of the epoch that ends.
    pub fn open_epoch(self, now: i64) -> Result<Repair, LogError> {
        let good = self.reader.offset_at(AsOf::from_micros(now.saturating_sub(1)))?;
        let repair = Repair {
            epoch: self.clock.epoch + 1,
            repaired_at: now,
            first_offset: good + 1,
            last_offset: self.last_offset,
            floor: self.clock.floor().unwrap_or(now),
        };
        self.log.open_epoch(self.term, &repair, &self.clock.repaired(&repair))?;
        Ok(repair)
    }

    /// The earliest stamp that an arrival at `now` can get.
    pub fn next_arrival(&self, now: i64) -> AvailableAt {
        AvailableAt::from_micros(self.clock.next_arrival(now))
    }

    /// The earliest stamp that an arrival can get that is declared to have been before.
    pub fn next_declared_arrival(&self) -> AvailableAt {
        AvailableAt::from_micros(self.clock.next_declared_arrival())
    }

    /// The newest arrival; `None` in a log without events.
    pub fn last_arrival(&self) -> Option<AvailableAt> {
        last_arrival(&self.clock)
    }

    /// The newest as-of that arrivals are stamped after; `None` before the first.
    pub fn last_as_of(&self) -> Option<AsOf> {
        self.clock.last_as_of.map(AsOf::from_micros)
    }
}

impl Appending<'_> {
    /// Declares the key columns of a source before its events are stamped: [`LogReader::sources`] gives them again. Other
    /// columns than those by which it has events are refused.
    pub fn declare(&mut self, source: &str, keys: &[(String, KeyType)]) -> Result<(), LogError> {
        let pending = self.declared.iter_mut().find(|declared| declared.name == source);
        match (self.writer.keys.get(source), pending) {
            (Some(logged), _) if logged == keys => {}
            (Some(logged), _) => return Err(LogError::other_keys(source, logged, keys)),
            (None, Some(declared)) if declared.keys == keys => {}
            (None, Some(declared)) if self.ids.contains_key(source) => {
                return Err(LogError::other_keys(source, &declared.keys, keys));
            }
            (None, Some(declared)) => declared.keys = keys.to_vec(),
            (None, None) => self.declared.push(LoggedSource { name: source.to_owned(), keys: keys.to_vec() }),
        }
        Ok(())
    }

    /// Stamps a push of `source` that arrives at `now` (microseconds): evaluate [`Stamped::events`], then
    /// [`Appending::accept`] it, or drop it and go on with the next push.
    ///
    /// Events without a declared arrival are in the order of the push. Those with one come before them, in the order of
    /// (declared arrival, row), so that a shuffled file gives the log that the sorted one gives. An event that happened
    /// after it arrived, or is declared to arrive later than `now`, refuses the whole push and is counted. So does one whose id
    /// an event has that is not the `same`; an event that was pushed before is left out.
    pub fn stamp(
        &mut self,
        source: &str,
        mut events: Vec<NewEvent>,
        now: i64,
        same: SameContent<'_>,
    ) -> Result<Stamped, LogError> {
        check_limits(&events)?;
        events.sort_by_key(|event| (event.arrival.is_none(), event.arrival, event.row));
        let seen = self.duplicates(source, &events, same)?;
        let source: Arc<str> = source.into();
        let decision = decide(self.clock.clone(), &source, &events, &seen, now);
        if let Err(LogError::FutureEvent { refused, .. } | LogError::FutureArrival { refused, .. }) = &decision {
            self.refused_future += refused;
        }
        let Decision { stamps, duplicates, adjusted, clock_after } = decision?;
        let mut logged = Vec::with_capacity(events.len() - duplicates);
        let mut places = Vec::with_capacity(logged.capacity());
        let stamped = events.into_iter().zip(stamps).filter_map(|(event, stamp)| Some((event, stamp?)));
        for (offset, (NewEvent { event_id, key, event_time, fields, place, .. }, stamp)) in
            (self.last_offset() + 1..).zip(stamped)
        {
            places.push(place);
            let (source, available_at) = (source.to_string(), AvailableAt::new(event_time, stamp));
            logged.push(LoggedEvent { offset, source, key, event_time, available_at, event_id, fields });
        }
        Ok(Stamped { events: logged, places, duplicates, adjusted, source, clock_after })
    }

    /// Per event, whether its event is in the log or was earlier in the push; ids of other events refuse the push.
    fn duplicates(&self, source: &str, events: &[NewEvent], same: SameContent<'_>) -> Result<Vec<bool>, LogError> {
        let mut pushed: HashMap<&str, &NewEvent> = HashMap::new();
        let (mut duplicates, mut refused) = (Vec::with_capacity(events.len()), 0);
        let mut first: Option<(&NewEvent, &str, IdHolder)> = None;
        for event in events {
            let Some(id) = event.event_id.as_deref() else {
                duplicates.push(false);
                continue;
            };
            let holder = match pushed.entry(id) {
                Entry::Occupied(earlier) => {
                    let is_same = same(earlier.get().content(), event.content());
                    Some((is_same, IdHolder::Pushed { row: earlier.get().row }))
                }
                Entry::Vacant(new) => {
                    new.insert(event);
                    let found = match self.pending_with_id(source, id) {
                        Some(pending) => Some(pending.clone()),
                        None => self.writer.reader.event_with_id(source, id)?,
                    };
                    found.map(|found| holder(&found, event, same))
                }
            };
            duplicates.push(holder.is_some());
            if let Some((false, holder)) = holder {
                refused += 1;
                if first.as_ref().is_none_or(|(first, ..)| event.row < first.row) {
                    first = Some((event, id, holder));
                }
            }
        }
        let Some((NewEvent { row, .. }, id, holder)) = first else { return Ok(duplicates) };
        let (row, event_id, events) = (*row, id.to_owned(), events.len() as u64);
        Err(LogError::EventIdConflict { row, event_id, holder, refused, events })
    }

    /// The event with this id among those that were accepted before.
    fn pending_with_id(&self, source: &str, id: &str) -> Option<&LoggedEvent> {
        self.ids.get(source)?.get(id).map(|place| &self.events[*place])
    }

    /// Takes a stamped push after those that were accepted before. It must be the one that was stamped last.
    pub fn accept(&mut self, push: Stamped) {
        let Stamped { events, source, clock_after, .. } = push;
        let first = self.events.len();
        let with_ids = events.iter().enumerate().filter_map(|(at, event)| Some((event.event_id.clone()?, first + at)));
        self.ids.entry(source).or_default().extend(with_ids);
        self.events.extend(events);
        self.clock = clock_after;
    }

    /// The newest offset, with what was accepted.
    pub fn last_offset(&self) -> u64 {
        self.writer.last_offset + self.events.len() as u64
    }

    /// Renews the reservation with the append, where there is one: see [`LogWriter::reserve`].
    pub fn renew(&mut self, until: AsOf) {
        self.until = Some(until);
    }

    /// Appends what was accepted. When this returns it is on disk and may be acknowledged. Where it fails, it is not known whether
    /// it is on disk: [`LogWriter::settle`] tells.
    pub fn commit(self) -> Result<(), LogError> {
        if self.events.is_empty() && self.refused_future == 0 {
            return Ok(());
        }
        let last_offset = self.last_offset();
        let Self { writer, clock, events, ids, declared, refused_future, until } = self;
        // The new arrivals may be answered too, and they may lie ahead.
        let until = until.or(writer.reserved()).filter(|_| writer.reserved.is_some());
        let reserved = until.map(|until| reach(&clock, writer.reserved, until));
        let has_events = |source: &LoggedSource| ids.contains_key(source.name.as_str());
        let sources: Vec<LoggedSource> = declared.into_iter().filter(has_events).collect();
        let batch = LogBatch {
            expected: writer.last_offset,
            sources: &sources,
            events: &events,
            refused_future,
            clock: &clock.reserved(reserved),
        };
        if let Err(error) = writer.log.append(writer.term, &batch) {
            writer.unsettled = Some(Unsettled { clock, last_offset, reserved, sources });
            return Err(error);
        }
        (writer.clock, writer.last_offset, writer.reserved) = (clock, last_offset, reserved);
        writer.keys.extend(sources.into_iter().map(|source| (source.name, source.keys)));
        Ok(())
    }
}

/// The event of the log that has the id of `event`, and whether it is the same.
fn holder(found: &LoggedEvent, event: &NewEvent, same: SameContent<'_>) -> (bool, IdHolder) {
    let holder = IdHolder::Logged { offset: found.offset, key: found.key.clone(), event_time: found.event_time };
    (same(found.content(), event.content()), holder)
}

/// Stamps the events, or refuses them where one is dated in the future.
fn decide(
    mut clock: LogClock,
    source: &Arc<str>,
    events: &[NewEvent],
    duplicates: &[bool],
    now: i64,
) -> Result<Decision, LogError> {
    let mut stamps = Vec::with_capacity(events.len());
    let mut adjusted = 0;
    let mut refused = 0;
    let mut first: Option<(&NewEvent, i64)> = None;
    for (event, is_duplicate) in events.iter().zip(duplicates) {
        if *is_duplicate {
            stamps.push(None);
            continue;
        }
        let stamp = match event.arrival {
            Some(declared) => clock.arrive_declared(source, declared),
            None => clock.arrive(source, now),
        };
        adjusted += usize::from(event.arrival.is_some_and(|declared| declared != stamp));
        stamps.push(Some(stamp));
        // What is dated in the future is so by the arrival that was declared, wherever its stamp was moved to.
        let arrival = event.arrival.unwrap_or(stamp);
        let arrives_later = event.arrival.is_some_and(|declared| !is_past(declared, now));
        if arrives_later || !is_past(event.event_time.micros(), arrival) {
            refused += 1;
            if first.is_none_or(|(first, _)| event.row < first.row) {
                first = Some((event, arrival));
            }
        }
    }
    let Some((event, arrival)) = first else {
        let duplicates = duplicates.iter().filter(|is_duplicate| **is_duplicate).count();
        return Ok(Decision { stamps, duplicates, adjusted, clock_after: clock });
    };
    let (row, events) = (event.row, events.len() as u64);
    if is_past(event.event_time.micros(), arrival) {
        return Err(LogError::FutureArrival { row, arrival, now, refused, events });
    }
    Err(LogError::FutureEvent { row, event_time: event.event_time, arrival, refused, events })
}

/// Whether `time` is not after `at`.
fn is_past(time: i64, at: i64) -> bool {
    visible(AvailableAt::from_micros(time), AsOf::from_micros(at))
}
