//! What every [`Log`] must do: a suite of named checks.

use std::ops::ControlFlow;

use super::{Violation, equal, given, require};
use crate::entity::{EntityKey, KeyType, KeyValue};
use crate::log::{History, Log, LogBatch, LogClock, LogError, LogReader, LoggedEvent, LoggedSource, Repair};
use crate::time::{AsOf, AvailableAt, EventTime};

/// A place for a log, empty at first.
pub trait Stand {
    /// The log, opened for writing by a process of its own. It is dropped before the next one is opened.
    fn open(&self) -> Box<dyn Log>;
    /// Opens the log, begins a term and appends `batch`, and power is lost before that is through.
    fn append_torn(&self, batch: &LogBatch<'_>);
    /// Power is lost while no log is open: what was not put on disk is gone.
    fn lose_power(&self);
}

/// Events come back.
pub const EVENTS: &str = "events come back as they were appended, by source, entity, id and offset";
/// Events are in order.
pub const ORDER: &str = "events are read in the order of their offsets, from the offset asked for to the one asked for";
/// A write is seen.
pub const ACKNOWLEDGED: &str = "what was acknowledged is seen by every handle, also by one that was open before";
/// A write is durable.
pub const DURABLE: &str = "what was acknowledged is there after power was lost, the clock with it";
/// A refused batch leaves nothing.
pub const REFUSAL: &str = "a batch of which one event is refused leaves the log as it was";
/// Batches are whole.
pub const BATCHES: &str = "of a batch in whose middle power was lost, all is there or nothing";
/// The log is where its writer left it.
pub const EXPECTED: &str = "a batch that goes on from another offset is refused";
/// An earlier writer is fenced.
pub const TERM: &str = "a writer whose term is over is refused";
/// Repairs of the clock come back.
pub const REPAIRS: &str =
    "repairs come back in order, with the clock after them, and every epoch is read by its own stamps";
/// Histories come back.
pub const HISTORIES: &str = "histories come back by ids that grow";

/// Runs the suite; `stand` makes an empty place. Returns the first check that fails.
pub fn conformance(stand: &dyn Fn() -> Box<dyn Stand>) -> Result<(), Violation> {
    events(&*stand().open())?;
    handles(&*stand().open())?;
    refusals(&*stand().open())?;
    terms(&*stand())?;
    histories(&*stand())?;
    durable(&*stand())?;
    torn(&*stand())?;
    repairs(&*stand())
}

/// The event at an offset: of source `a` where it is odd and `b` where it is even, of one of three entities, every third without
/// an id.
pub fn event(offset: u64) -> LoggedEvent {
    let at = 100 * offset as i64;
    LoggedEvent {
        offset,
        source: if offset % 2 == 1 { "a" } else { "b" }.into(),
        key: key(offset),
        event_time: EventTime::from_micros(at - 7),
        available_at: AvailableAt::from_micros(at),
        event_id: (!offset.is_multiple_of(3)).then(|| format!("id {offset}")),
        fields: format!("{{\"n\":{offset},\"text\":\"it's \\\"{offset}\\\"\"}}"),
    }
}

fn key(offset: u64) -> EntityKey {
    EntityKey(vec![KeyValue::Int64((offset % 3) as i64), KeyValue::Text("x".into())])
}

/// The clock after the event at an offset.
pub fn clock(offset: u64) -> LogClock {
    let (last_arrival, source) = (event(offset).available_at.micros(), event(offset).source);
    LogClock {
        last_arrival: Some(last_arrival),
        last_arrival_source: Some(source.into()),
        last_as_of: Some(offset as i64),
        epoch: 0,
    }
}

/// The key columns of both sources.
pub fn sources() -> Vec<LoggedSource> {
    let keys = vec![("id".to_owned(), KeyType::Int64), ("name".to_owned(), KeyType::Text)];
    ["a", "b"].map(|name| LoggedSource { name: name.into(), keys: keys.clone() }).to_vec()
}

/// Appends the events whose offsets are over `after` and at most `up_to`.
pub fn append(log: &dyn Log, term: u64, after: u64, up_to: u64) -> Result<(), LogError> {
    let events: Vec<_> = (after + 1..=up_to).map(event).collect();
    log.append(term, &batch(after, &sources(), &events, &clock(up_to)))
}

/// A batch that goes on from `expected`.
fn batch<'a>(
    expected: u64,
    sources: &'a [LoggedSource],
    events: &'a [LoggedEvent],
    clock: &'a LogClock,
) -> LogBatch<'a> {
    LogBatch { expected, sources, events, refused_future: 0, clock }
}

/// The events of a source between two offsets.
pub fn read(reader: &dyn LogReader, source: &str, after: u64, up_to: u64) -> Result<Vec<LoggedEvent>, LogError> {
    let mut events = Vec::new();
    reader.read(source, after, up_to, &mut |event| {
        events.push(event);
        ControlFlow::Continue(())
    })?;
    Ok(events)
}

fn expected(source: &str, after: u64, up_to: u64) -> Vec<LoggedEvent> {
    (after + 1..=up_to).map(event).filter(|event| event.source == source).collect()
}

/// That the log ends at `last` and holds all up to there.
fn holds(check: &'static str, reader: &dyn LogReader, last: u64) -> Result<(), Violation> {
    let head = given(check, reader.head())?;
    require(check, head.offset == last, || format!("it ends at {} instead of {last}", head.offset))?;
    if last > 0 {
        require(check, head.clock == clock(last), || format!("{:?} instead of {:?}", head.clock, clock(last)))?;
    }
    for source in ["a", "b"] {
        equal(check, read(reader, source, 0, u64::MAX), expected(source, 0, last))?;
    }
    Ok(())
}

fn events(log: &dyn Log) -> Result<(), Violation> {
    let reader = given(EVENTS, log.reader())?;
    equal(EVENTS, reader.head().map(|head| head.offset), 0)?;
    equal(EVENTS, reader.sources(), Vec::new())?;
    let term = given(EVENTS, log.begin_term())?;
    for (after, up_to) in [(0, 7), (7, 8), (8, 20)] {
        given(EVENTS, append(log, term, after, up_to))?;
    }
    equal(EVENTS, reader.sources(), sources())?;
    for offset in [1, 6, 20] {
        equal(EVENTS, reader.event_at(offset), Some(event(offset)))?;
    }
    equal(EVENTS, reader.event_at(21), None)?;
    equal(EVENTS, reader.event_with_id("a", "id 5"), Some(event(5)))?;
    equal(EVENTS, reader.event_with_id("b", "id 5"), None)?;
    equal(EVENTS, reader.count("a", 3, 9), 3)?;
    for (after, up_to) in [(0, u64::MAX), (3, 9), (20, 30), (9, 3)] {
        for source in ["a", "b", "none"] {
            equal(ORDER, read(&*reader, source, after, up_to), expected(source, after, up_to.min(20)))?;
        }
    }
    let mut found = Vec::new();
    let mut twice = |event: LoggedEvent| {
        found.push(event.offset);
        if found.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    given(EVENTS, reader.read_entity("a", &key(1), 1, u64::MAX, &mut twice))?;
    require(EVENTS, found == [7, 13], || format!("offsets {found:?} of one entity instead of [7, 13]"))?;
    for (as_of, offset) in [(99, 0), (100, 1), (1_050, 10), (9_999, 20)] {
        equal(EVENTS, reader.offset_at(AsOf::from_micros(as_of)), offset)?;
    }
    Ok(())
}

fn handles(log: &dyn Log) -> Result<(), Violation> {
    let reader = given(ACKNOWLEDGED, log.reader())?;
    let term = given(ACKNOWLEDGED, log.begin_term())?;
    for last in 1..20 {
        given(ACKNOWLEDGED, append(log, term, last - 1, last))?;
        holds(ACKNOWLEDGED, &*reader, last)?;
        holds(ACKNOWLEDGED, &*given(ACKNOWLEDGED, log.reader())?, last)?;
    }
    let later = LogClock { last_as_of: Some(i64::MAX), ..clock(19) };
    given(ACKNOWLEDGED, log.save_clock(term, &later))?;
    equal(ACKNOWLEDGED, reader.head().map(|head| head.clock), later)
}

fn refusals(log: &dyn Log) -> Result<(), Violation> {
    let term = given(REFUSAL, log.begin_term())?;
    given(REFUSAL, append(log, term, 0, 4))?;
    let reader = given(REFUSAL, log.reader())?;
    // The id of the third is that of an event of its source.
    let again = LoggedEvent { event_id: event(1).event_id, ..event(7) };
    let refused = log.append(term, &batch(4, &sources(), &[event(5), event(6), again], &clock(7)));
    require(REFUSAL, refused.is_err(), || "an id of its source was given to a second event".into())?;
    holds(REFUSAL, &*reader, 4)?;
    for wrong in [0, 3, 5] {
        let refused = append(log, term, wrong, wrong + 1);
        let is_right = matches!(refused, Err(LogError::Moved { expected, last: 4, .. }) if expected == wrong);
        require(EXPECTED, is_right, || format!("{refused:?} of a batch after {wrong}, where the log ends at 4"))?;
        holds(EXPECTED, &*reader, 4)?;
    }
    given(REFUSAL, append(log, term, 4, 6))?;
    holds(REFUSAL, &*reader, 6)
}

fn terms(stand: &dyn Stand) -> Result<(), Violation> {
    let log = stand.open();
    let first = given(TERM, log.begin_term())?;
    given(TERM, append(&*log, first, 0, 2))?;
    let second = given(TERM, log.begin_term())?;
    require(TERM, second > first, || format!("term {second} follows term {first}"))?;
    let history = History { up_to: AvailableAt::from_micros(1), sources: Vec::new() };
    for late in [
        append(&*log, first, 2, 3),
        log.save_clock(first, &clock(9)),
        log.record_history(first, &history, &clock(9)).map(|_| ()),
    ] {
        let is_right =
            matches!(late, Err(LogError::Fenced { term, current, .. }) if (term, current) == (first, second));
        require(TERM, is_right, || format!("{late:?} of a writer of term {first} in term {second}"))?;
    }
    given(TERM, append(&*log, second, 2, 3))?;
    holds(TERM, &*given(TERM, log.reader())?, 3)?;
    drop(log);
    let third = given(TERM, stand.open().begin_term())?;
    require(TERM, third > second, || format!("term {third} of a new process follows term {second}"))
}

fn histories(stand: &dyn Stand) -> Result<(), Violation> {
    let log = stand.open();
    let term = given(HISTORIES, log.begin_term())?;
    given(HISTORIES, append(&*log, term, 0, 2))?;
    equal(HISTORIES, given(HISTORIES, log.reader())?.latest_history(), None)?;
    let later = LogClock { last_as_of: Some(999), ..clock(2) };
    let of = |up_to| History { up_to: AvailableAt::from_micros(up_to), sources: Vec::new() };
    let first = given(HISTORIES, log.record_history(term, &of(90), &clock(2)))?;
    let second = given(HISTORIES, log.record_history(term, &of(80), &later))?;
    require(HISTORIES, second > first, || format!("history {second} follows history {first}"))?;
    let identity = given(HISTORIES, log.reader())?.identity().to_owned();
    drop(log);
    let reader = given(HISTORIES, stand.open().reader())?;
    equal(HISTORIES, reader.history(first), Some(of(90)))?;
    equal(HISTORIES, reader.latest_history(), Some((second, of(80))))?;
    equal(HISTORIES, reader.history(second + 1), None)?;
    equal(HISTORIES, reader.head().map(|head| head.clock), later)?;
    require(HISTORIES, reader.identity() == identity && !identity.is_empty(), || "the log has another name".into())
}

fn repairs(stand: &dyn Stand) -> Result<(), Violation> {
    let log = stand.open();
    let first = given(REPAIRS, log.begin_term())?;
    given(REPAIRS, append(&*log, first, 0, 4))?;
    let name = given(REPAIRS, log.reader())?.identity().to_owned();
    let later = LogClock { last_as_of: Some(251), epoch: 1, ..clock(4) };
    let repair = Repair { epoch: 1, repaired_at: 250, first_offset: 3, last_offset: 4, floor: 400 };
    given(REPAIRS, log.open_epoch(first, &repair, &later))?;
    let second = given(REPAIRS, log.begin_term())?;
    let late = log.open_epoch(first, &Repair { epoch: 2, ..repair.clone() }, &later);
    require(REPAIRS, matches!(late, Err(LogError::Fenced { .. })), || {
        format!("{late:?} of a writer whose term is over")
    })?;
    given(REPAIRS, append(&*log, second, 4, 6))?;
    drop(log);
    stand.lose_power();
    let log = stand.open();
    let reader = given(REPAIRS, log.reader())?;
    equal(REPAIRS, reader.repairs(), vec![repair])?;
    require(REPAIRS, reader.epoch_of(&name) == Some(0) && reader.epoch() == 1, || {
        "the epochs have other names".into()
    })?;
    let stamps = |reader: &dyn LogReader| {
        let stamp = |offset| Ok(reader.event_at(offset)?.map(|event| event.available_at.micros()));
        (1..=6).map(stamp).collect::<Result<Vec<_>, LogError>>()
    };
    equal(REPAIRS, stamps(&*reader), [100, 200, 250, 251, 500, 600].map(Some).to_vec())?;
    let before = given(REPAIRS, log.reader_of(0))?;
    equal(REPAIRS, stamps(&*before), [Some(100), Some(200), Some(300), Some(400), None, None].to_vec())?;
    equal(REPAIRS, before.last_offset(), 4)?;
    equal(REPAIRS, read(&*before, "a", 0, u64::MAX), expected("a", 0, 4))
}

fn durable(stand: &dyn Stand) -> Result<(), Violation> {
    let mut last = 0;
    for round in 0..12 {
        let log = stand.open();
        let term = given(DURABLE, log.begin_term())?;
        for _ in 0..round % 4 + 1 {
            given(DURABLE, append(&*log, term, last, last + 1 + round % 3))?;
            last += 1 + round % 3;
        }
        drop(log);
        stand.lose_power();
        holds(DURABLE, &*given(DURABLE, stand.open().reader())?, last)?;
    }
    Ok(())
}

fn torn(stand: &dyn Stand) -> Result<(), Violation> {
    let mut last = 0;
    for round in 0..12 {
        let up_to = last + 2 + round % 3;
        let events: Vec<_> = (last + 1..=up_to).map(event).collect();
        stand.append_torn(&batch(last, &sources(), &events, &clock(up_to)));
        let log = stand.open();
        let reader = given(BATCHES, log.reader())?;
        let found = given(BATCHES, reader.last_offset())?;
        require(BATCHES, found == last || found == up_to, || {
            format!("it ends at {found}, in the middle of a batch from {last} to {up_to}")
        })?;
        holds(BATCHES, &*reader, found)?;
        let term = given(BATCHES, log.begin_term())?;
        given(BATCHES, append(&*log, term, found, found + 2))?;
        last = found + 2;
    }
    Ok(())
}
