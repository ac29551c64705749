//! What every [`EventSource`] must do: a suite of named checks.

use super::{Violation, require};
use crate::batch::Lane;
use crate::events::{EventBatch, EventSource, Position, ReadError};

/// All events are there.
pub const ONCE: &str = "the parts have every event once";
/// They are in order.
pub const ORDER: &str = "events are in the declared order";
/// Positions grow.
pub const POSITIONS: &str = "positions grow from batch to batch";
/// Reading goes on.
pub const RESUMES: &str = "reading after a position goes on with the next event";
/// Parts do not depend on each other.
pub const ALONE: &str = "a part is the same whatever was read before it";
/// Batches do not matter.
pub const CHUNKING: &str = "events are the same whatever the batches";
/// The reader decides when to stop.
pub const STOPS: &str = "an error of whoever takes the events ends the reading";

/// Runs the suite on one source, cut in different ways: `sources` give the same events, those of `expected`, as [`rows`] shows them,
/// in their order. Returns the first check that fails.
pub fn conformance(sources: &[Box<dyn EventSource + '_>], expected: &[String]) -> Result<(), Violation> {
    for (number, source) in sources.iter().enumerate() {
        match number {
            0 => once_and_in_order(&**source, expected)?,
            _ => {
                let all = all(&**source, CHUNKING)?;
                require(CHUNKING, all == expected, || format!("cut number {number} has {} events", all.len()))?;
            }
        }
        positions(&**source)?;
        stops(&**source)?;
    }
    Ok(())
}

/// The events of a batch as texts: keys, event time, when it was known, offset, fields.
pub fn rows(batch: &EventBatch) -> Vec<String> {
    let column = |lane: &Lane| lane.clone().into_column().expect("a batch is no larger than a column");
    let lanes = |lanes: &[Lane]| lanes.iter().map(column).collect::<Vec<_>>();
    let (keys, fields) = (lanes(&batch.keys), lanes(&batch.fields));
    let row = |row: usize| {
        let keys = keys.iter().map(|key| key.value(row).to_string());
        let times = [batch.event_times[row].to_string(), batch.available()[row].to_string()];
        let offset = batch.log_offsets.iter().map(|offsets| format!("#{}", offsets[row]));
        let fields = fields.iter().map(|field| field.value(row).to_string());
        keys.chain(times).chain(offset).chain(fields).collect::<Vec<_>>().join(" ")
    };
    (0..batch.rows).map(row).collect()
}

/// The events of one part after a position, batch by batch, each with the position after it.
fn part(
    source: &dyn EventSource,
    part: usize,
    after: Position,
    check: &'static str,
) -> Result<Vec<(Vec<String>, Position)>, Violation> {
    let mut batches = Vec::new();
    let read = source.read(part, after, &mut |batch| {
        batches.push((rows(&batch), batch.until));
        Ok(())
    });
    read.map_err(|error| Violation { check, found: error.to_string() })?;
    Ok(batches)
}

/// The events of all parts.
fn all(source: &dyn EventSource, check: &'static str) -> Result<Vec<String>, Violation> {
    let mut all = Vec::new();
    for number in 0..source.parts().len() {
        all.extend(part(source, number, Position::START, check)?.into_iter().flat_map(|(rows, _)| rows));
    }
    Ok(all)
}

fn once_and_in_order(source: &dyn EventSource, expected: &[String]) -> Result<(), Violation> {
    let all = all(source, ONCE)?;
    let (mut found, mut wanted) = (all.clone(), expected.to_vec());
    found.sort();
    wanted.sort();
    require(ONCE, found == wanted, || format!("{} events, not {}", found.len(), wanted.len()))?;
    let first = all.iter().zip(expected).find(|(found, expected)| found != expected);
    require(ORDER, all == expected, || format!("{first:?}"))
}

fn positions(source: &dyn EventSource) -> Result<(), Violation> {
    let parts = source.parts().len();
    let whole =
        (0..parts).map(|number| part(source, number, Position::START, POSITIONS)).collect::<Result<Vec<_>, _>>()?;
    // Backwards: what was read before is another part than in the order of the parts.
    for number in (0..parts).rev() {
        let again = part(source, number, Position::START, ALONE)?;
        require(ALONE, again == whole[number], || format!("part {number}"))?;
        let mut last = Position::START;
        for (at, (rows, until)) in whole[number].iter().enumerate() {
            require(POSITIONS, *until > last, || format!("part {number}: {until:?} follows {last:?}"))?;
            require(POSITIONS, !rows.is_empty(), || format!("part {number}: batch {at} is empty"))?;
            last = *until;
            let rest: Vec<String> =
                part(source, number, *until, RESUMES)?.into_iter().flat_map(|(rows, _)| rows).collect();
            let expected: Vec<String> = whole[number][at + 1..].iter().flat_map(|(rows, _)| rows.clone()).collect();
            require(RESUMES, rest == expected, || {
                format!("part {number} after {until:?}: {} events, not {}", rest.len(), expected.len())
            })?;
        }
    }
    Ok(())
}

fn stops(source: &dyn EventSource) -> Result<(), Violation> {
    for number in 0..source.parts().len() {
        let mut taken = 0;
        let read = source.read(number, Position::START, &mut |_| {
            taken += 1;
            Err(ReadError::Stopped)
        });
        let is_told = match taken {
            0 => read.is_ok(),
            _ => matches!(read, Err(ReadError::Stopped)),
        };
        require(STOPS, is_told && taken <= 1, || format!("part {number} gave {taken} batches"))?;
    }
    Ok(())
}
