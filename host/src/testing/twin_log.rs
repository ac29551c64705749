//! A log in memory, which by a seed delays, fails, and forgets what was not put on disk; and twins of it that are broken in one way
//! each.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::log::Stand;
use super::{Disk, Faults};
use crate::entity::EntityKey;
use crate::log::{History, Log, LogBatch, LogClock, LogError, LogHead, LogReader, LoggedEvent, LoggedSource, Repair};
use crate::time::AvailableAt;

/// What a twin does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogDefect {
    /// A batch is acknowledged, and now and then not on disk.
    LostWrite,
    /// The events of a batch are written one after the other.
    TornBatch,
    /// Now and then two events are read in the wrong order.
    SwappedOrder,
    /// A reader sees what was there when it was opened.
    StaleReader,
    /// A writer whose term is over may go on.
    OldTerm,
    /// Where a batch goes on from is not looked at.
    AnyOffset,
    /// The clock is acknowledged before it is on disk.
    LostClock,
    /// A repair of the clock changes the stamps of the events.
    ChangedStamps,
}

/// A place for a log in memory: what is on its disk outlives the logs that are opened on it.
#[derive(Clone)]
pub struct TwinLog {
    place: Arc<Mutex<Place>>,
    disk: Disk,
    faults: Arc<Faults>,
    defect: Option<LogDefect>,
    identity: Arc<str>,
}

#[derive(Clone, Debug, Default)]
struct Content {
    events: Vec<LoggedEvent>,
    sources: Vec<LoggedSource>,
    refused_future: u64,
    clock: LogClock,
    histories: Vec<History>,
    repairs: Vec<Repair>,
}

#[derive(Default)]
struct Place {
    now: Content,
    /// What is there after power was lost; `None` where that is all.
    synced: Option<Content>,
    term: u64,
}

impl TwinLog {
    /// An empty place with these faults.
    pub fn new(faults: Faults, defect: Option<LogDefect>) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(1);
        let identity = format!("twin {}", MADE.fetch_add(1, Ordering::Relaxed)).into();
        Self { place: Arc::default(), disk: Disk::default(), faults: Arc::new(faults), defect, identity }
    }

    /// The same place by way of a disk that a test can stop.
    pub fn on(&self, disk: &Disk) -> Self {
        Self { disk: disk.clone(), ..self.clone() }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, defect: LogDefect) -> bool {
        self.defect == Some(defect)
    }

    fn fault(&self) -> Result<(), LogError> {
        self.faults.step().map_err(|(is_retryable, source)| LogError::Failed { is_retryable, source })
    }

    /// A write, as the disk makes it.
    fn write<T>(&self, write: impl FnOnce(&mut Place) -> Result<T, LogError>) -> Result<T, LogError> {
        let failed = |(is_retryable, source)| LogError::Failed { is_retryable, source };
        self.faults.write(&self.disk, failed, || write(&mut self.place()))
    }

    /// A write of a term, which is refused where that is over.
    fn write_in<T>(
        &self,
        term: u64,
        write: impl FnOnce(&mut Content, &mut Option<Content>) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        self.write(|place| match term == place.term || self.is(LogDefect::OldTerm) {
            true => write(&mut place.now, &mut place.synced),
            false => Err(LogError::Fenced { path: path(), term, current: place.term }),
        })
    }
}

fn path() -> PathBuf {
    PathBuf::from("memory")
}

impl Content {
    /// Appends one event, if its id is new to its source.
    fn add(&mut self, event: &LoggedEvent) -> Result<(), LogError> {
        let is_same = |other: &LoggedEvent| other.source == event.source && other.event_id == event.event_id;
        if event.event_id.is_some() && self.events.iter().any(is_same) {
            let source = format!("the id of the event at offset {} is not new", event.offset).into();
            return Err(LogError::Failed { is_retryable: false, source });
        }
        self.events.push(event.clone());
        Ok(())
    }
}

impl Stand for TwinLog {
    fn open(&self) -> Box<dyn Log> {
        Box::new(self.clone())
    }

    fn append_torn(&self, batch: &LogBatch<'_>) {
        let written = match self.is(LogDefect::TornBatch) {
            true => self.faults.below(batch.events.len() + 1),
            false => self.faults.below(2) * batch.events.len(),
        };
        let events = &batch.events[..written];
        if written > 0 {
            let written = self.begin_term().and_then(|term| self.append(term, &LogBatch { events, ..batch.clone() }));
            debug_assert!(written.is_ok(), "{written:?}");
        }
    }

    fn lose_power(&self) {
        let mut place = self.place();
        if let Some(synced) = place.synced.take() {
            place.now = synced;
        }
    }
}

impl Log for TwinLog {
    fn begin_term(&self) -> Result<u64, LogError> {
        self.write(|place| {
            place.term += 1;
            Ok(place.term)
        })
    }

    fn stamped_reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        self.fault()?;
        let held = self.is(LogDefect::StaleReader).then(|| self.place().now.clone());
        Ok(Box::new(TwinReader { log: self.clone(), held, path: path() }))
    }

    fn append(&self, term: u64, batch: &LogBatch<'_>) -> Result<(), LogError> {
        self.write_in(term, |now, synced| {
            let (expected, last) = (batch.expected, now.events.len() as u64);
            if expected != last && !self.is(LogDefect::AnyOffset) {
                return Err(LogError::Moved { path: path(), expected, last });
            }
            let before = now.clone();
            for event in batch.events {
                if let Err(error) = now.add(event) {
                    if !self.is(LogDefect::TornBatch) {
                        *now = before;
                    }
                    return Err(error);
                }
            }
            for source in batch.sources {
                now.sources.retain(|known| known.name != source.name);
                now.sources.push(source.clone());
            }
            now.refused_future += batch.refused_future;
            now.clock = batch.clock.clone();
            if self.is(LogDefect::LostWrite) && synced.is_none() && self.faults.below(4) == 0 {
                *synced = Some(before);
            } else if self.is(LogDefect::LostClock) {
                *synced = Some(Content { clock: before.clock, ..now.clone() });
            }
            Ok(())
        })
    }

    fn save_clock(&self, term: u64, clock: &LogClock) -> Result<(), LogError> {
        self.write_in(term, |now, _| {
            now.clock = clock.clone();
            Ok(())
        })
    }

    fn record_history(&self, term: u64, history: &History, clock: &LogClock) -> Result<i64, LogError> {
        self.write_in(term, |now, _| {
            now.histories.push(history.clone());
            now.clock = clock.clone();
            Ok(now.histories.len() as i64)
        })
    }

    fn open_epoch(&self, term: u64, repair: &Repair, clock: &LogClock) -> Result<(), LogError> {
        self.write_in(term, |now, _| {
            now.repairs.push(repair.clone());
            if self.is(LogDefect::ChangedStamps) {
                let last = now.events.iter_mut().filter(|event| event.offset >= repair.first_offset);
                last.for_each(|event| event.available_at = AvailableAt::from_micros(repair.repaired_at));
            }
            now.clock = clock.clone();
            Ok(())
        })
    }
}

struct TwinReader {
    log: TwinLog,
    held: Option<Content>,
    path: PathBuf,
}

impl TwinReader {
    /// What `of` makes of what is there now.
    fn now<T>(&self, of: impl FnOnce(&Content) -> T) -> Result<T, LogError> {
        self.log.fault()?;
        Ok(match &self.held {
            Some(held) => of(held),
            None => of(&self.log.place().now),
        })
    }

    fn each(
        &self,
        is_asked_for: impl Fn(&LoggedEvent) -> bool,
        on_event: &mut dyn FnMut(LoggedEvent) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let mut events: Vec<LoggedEvent> =
            self.now(|now| now.events.iter().filter(|event| is_asked_for(event)).cloned().collect())?;
        if self.log.is(LogDefect::SwappedOrder) && events.len() > 1 {
            events.swap(0, 1);
        }
        for event in events {
            if on_event(event).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl LogReader for TwinReader {
    fn identity(&self) -> &str {
        &self.log.identity
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn head(&self) -> Result<LogHead, LogError> {
        self.now(|now| LogHead { offset: now.events.len() as u64, clock: now.clock.clone() })
    }

    fn repairs(&self) -> Result<Vec<Repair>, LogError> {
        self.now(|now| now.repairs.clone())
    }

    fn read(
        &self,
        source: &str,
        after: u64,
        up_to: u64,
        on_event: &mut dyn FnMut(LoggedEvent) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        self.each(|event| event.source == source && after < event.offset && event.offset <= up_to, on_event)
    }

    fn read_entity(
        &self,
        source: &str,
        key: &EntityKey,
        after: u64,
        up_to: u64,
        on_event: &mut dyn FnMut(LoggedEvent) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let is_between = |event: &LoggedEvent| after < event.offset && event.offset <= up_to;
        self.each(|event| event.source == source && event.key == *key && is_between(event), on_event)
    }

    fn event_with_id(&self, source: &str, event_id: &str) -> Result<Option<LoggedEvent>, LogError> {
        let is_it = |event: &&LoggedEvent| event.source == source && event.event_id.as_deref() == Some(event_id);
        self.now(|now| now.events.iter().find(is_it).cloned())
    }

    fn event_at(&self, offset: u64) -> Result<Option<LoggedEvent>, LogError> {
        self.now(|now| now.events.iter().find(|event| event.offset == offset).cloned())
    }

    fn count(&self, source: &str, after: u64, up_to: u64) -> Result<u64, LogError> {
        let is_counted = |event: &&LoggedEvent| event.source == source && after < event.offset && event.offset <= up_to;
        self.now(|now| now.events.iter().filter(is_counted).count() as u64)
    }

    fn sources(&self) -> Result<Vec<LoggedSource>, LogError> {
        let mut sources = self.now(|now| now.sources.clone())?;
        sources.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(sources)
    }

    fn refused_future(&self) -> Result<u64, LogError> {
        self.now(|now| now.refused_future)
    }

    fn history(&self, id: i64) -> Result<Option<History>, LogError> {
        let at = usize::try_from(id - 1).unwrap_or(usize::MAX);
        self.now(|now| now.histories.get(at).cloned())
    }

    fn latest_history(&self) -> Result<Option<(i64, History)>, LogError> {
        self.now(|now| now.histories.last().map(|last| (now.histories.len() as i64, last.clone())))
    }
}
