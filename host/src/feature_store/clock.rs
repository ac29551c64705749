//! The clock of the log against the machine's: what `onepath clock` shows, repairs, and asks of a running server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FeatureStore, MaterializeReport, SourceOverride};
use crate::Error;
use crate::log::{Log, LogReader, LogWriter, Repair, SqliteLog, is_ahead};
use crate::time::{AsOf, AvailableAt, format_time};

/// The earliest and latest clock at which a log is repaired: from 2020 to 2200. A machine that says something else has lost its time.
const PLAUSIBLE: std::ops::Range<i64> = 1_577_836_800_000_000..7_258_118_400_000_000;

/// What the clock of the log says, beside that of the machine.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ClockReport {
    /// The event log.
    pub log: PathBuf,
    /// The machine's clock, in ISO 8601.
    pub now: String,
    /// The newest arrival.
    pub newest_arrival: Option<String>,
    /// The newest as-of that was answered, or reserved.
    pub newest_as_of: Option<String>,
    /// By how many microseconds the newest time of the log is ahead of the machine's clock; below 0 where it is behind, none in a log
    /// without times.
    pub ahead_us: Option<i64>,
    /// Whether it is so far ahead that nothing is served.
    pub is_ahead: bool,
    /// Events that are stamped after the machine's clock, which a repair now would stamp anew.
    pub events_ahead: u64,
    /// The epoch of the log: how often its clock was repaired.
    pub epoch: u64,
    /// The repairs, in order.
    pub repairs: Vec<RepairReport>,
}

/// One repair of the log's clock.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RepairReport {
    /// The epoch that it opened.
    pub epoch: u64,
    /// The machine's clock then: the first event of the bad stretch is available from there on.
    pub repaired_at: String,
    /// The newest time of the log then.
    pub newest_before: String,
    /// How many events were stamped at or after the moment of the repair, and were stamped anew.
    pub events: u64,
    /// The first of them; the offset after the last one where there was none.
    pub first_offset: u64,
    /// The newest offset then.
    pub last_offset: u64,
}

impl From<&Repair> for RepairReport {
    fn from(repair: &Repair) -> Self {
        Self {
            epoch: repair.epoch,
            repaired_at: format_time(repair.repaired_at),
            newest_before: format_time(repair.floor),
            events: repair.events(),
            first_offset: repair.first_offset,
            last_offset: repair.last_offset,
        }
    }
}

impl FeatureStore {
    /// What the clock of the log says, beside that of the machine. Other processes may go on meanwhile.
    pub fn clock_report(&self) -> Result<ClockReport, Error> {
        let now = self.options().clock.now();
        let mut report = ClockReport {
            log: self.log_path(),
            now: format_time(now),
            newest_arrival: None,
            newest_as_of: None,
            ahead_us: None,
            is_ahead: false,
            events_ahead: 0,
            epoch: 0,
            repairs: Vec::new(),
        };
        let Some(log) = SqliteLog::open_read_only(&self.log_path())?.map(|log| log.reader()).transpose()? else {
            return Ok(report);
        };
        let head = log.head()?;
        report.newest_arrival = head.clock.last_arrival.map(format_time);
        report.newest_as_of = head.clock.last_as_of.map(format_time);
        report.ahead_us = head.clock.floor().map(|floor| floor.saturating_sub(now));
        report.is_ahead = head.clock.floor().is_some_and(|floor| is_ahead(floor, now));
        report.events_ahead = head.offset.saturating_sub(log.offset_at(AsOf::from_micros(now))?);
        report.epoch = log.epoch();
        report.repairs = log.repairs()?.iter().map(RepairReport::from).collect();
        Ok(report)
    }

    /// Opens a new epoch of the log where its newest time is far ahead of the machine's clock: events that are stamped from now on
    /// are available from now on, one microsecond after the other, and so is what arrives. Nothing is lost: the stamps of before
    /// are kept, and what was served by them is proved by them. `None` where there is nothing to repair.
    ///
    /// The states are of the epoch before, until [`FeatureStore::fold_again`] or the next server makes them anew.
    pub fn repair_clock(&self) -> Result<Option<RepairReport>, Error> {
        let now = self.options().clock.now();
        if !self.log_path().exists() {
            return Ok(None);
        }
        if !PLAUSIBLE.contains(&now) {
            let now = format_time(now);
            let message = format!("this machine's clock says {now}: set it, and repair the log's by it afterwards");
            return Err(Error::Request { message });
        }
        // All of them, so that nobody serves meanwhile.
        let stores = self.open_stores()?;
        let log = LogWriter::new(Arc::clone(&stores.log))?;
        if !log.floor().is_some_and(|floor| is_ahead(floor, now)) {
            return Ok(None);
        }
        Ok(Some(RepairReport::from(&log.open_epoch(now)?)))
    }

    /// Folds the states anew that are of an epoch of the log that a repair has ended: from the files of the recorded history as they
    /// are now, and the log. `None` where there are none, or where the next server folds them from the log alone.
    pub fn fold_again(&self) -> Result<Option<MaterializeReport>, Error> {
        let Some(log) = self.log_for_reading()? else { return Ok(None) };
        let Some((_, history)) = log.latest_history()? else { return Ok(None) };
        if !self.has_states_of_earlier_epochs(&*log)? {
            return Ok(None);
        }
        let overrides = self.project().sources.iter().map(|source| {
            let recorded = history.sources.iter().filter(|recorded| recorded.source == source.name);
            let files = recorded.flat_map(|recorded| &recorded.files);
            let files = files.map(|file| self.project().located(&file.path)).collect();
            SourceOverride { source: source.name.clone(), files }
        });
        let overrides: Vec<_> = overrides.collect();
        let now = AvailableAt::from_micros(self.options().clock.now());
        let up_to = if history.up_to.is_by(now) { history.up_to } else { now };
        Ok(Some(self.materialize(&overrides, Some(up_to))?))
    }

    fn has_states_of_earlier_epochs(&self, log: &dyn LogReader) -> Result<bool, Error> {
        let Some(store) = self.online_for_reading()? else { return Ok(false) };
        for view in self.plan_stateful_views()? {
            let mark = store.mark(view.program.id())?;
            let epoch = mark.and_then(|mark| log.epoch_of(&mark.log));
            if epoch.is_some_and(|epoch| epoch < log.epoch()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What a server answers to someone who asks it to go on with the machine's clock.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct AcceptAnswer {
    /// Which request it answers.
    pub(crate) request: String,
    /// The step that was accepted, in microseconds.
    pub(crate) accepted_us: Option<i64>,
    /// Why none was.
    pub(crate) refused: Option<String>,
}

/// A request to accept a step lies in this file of the data folder until a server takes it, and the answer in the other one until it is
/// read.
const REQUEST: &str = "clock.accept";
const ANSWER: &str = "clock.accepted";

/// Answers the request that lies in the data folder, if one does. A request that was left by someone who has gone is taken away.
pub(crate) fn answer_accept(data_dir: &Path, accept: impl FnOnce() -> Result<Option<i64>, String>) {
    let path = data_dir.join(REQUEST);
    let Ok(request) = std::fs::read_to_string(&path) else { return };
    if std::fs::remove_file(&path).is_err() {
        // It would be answered again and again.
        return;
    }
    let (accepted_us, refused) = match accept() {
        Ok(accepted) => (accepted, None),
        Err(why) => (None, Some(why)),
    };
    let answer = AcceptAnswer { request, accepted_us, refused };
    // Whoever waits for it learns by its absence that it was not written.
    if let Ok(text) = serde_json::to_string(&answer) {
        let _ = std::fs::write(data_dir.join(ANSWER), text);
    }
}

impl FeatureStore {
    /// Asks the server that runs over this project's folder to go on with the machine's clock. `name` tells this request from others.
    pub(crate) fn ask_to_accept(&self, name: &str) -> Result<(), Error> {
        let path = self.project().data_dir().join(REQUEST);
        let _ = std::fs::remove_file(path.with_file_name(ANSWER));
        std::fs::write(&path, name).map_err(|source| Error::Write { path, source })
    }

    /// The answer to the request of this name, once it is there.
    pub(crate) fn accept_answer(&self, name: &str) -> Option<AcceptAnswer> {
        let path = self.project().data_dir().join(ANSWER);
        let answer: AcceptAnswer = serde_json::from_str(&std::fs::read_to_string(&path).ok()?).ok()?;
        (answer.request == name).then(|| {
            let _ = std::fs::remove_file(&path);
            answer
        })
    }

    /// Takes a request back that nobody has answered.
    pub(crate) fn withdraw_accept(&self) {
        let _ = std::fs::remove_file(self.project().data_dir().join(REQUEST));
    }
}
