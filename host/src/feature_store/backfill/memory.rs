//! How much memory a backfill would take, from what its files say of themselves, and into how many partitions to cut it.

use std::sync::Arc;

use super::spine_file::SpineFile;
use crate::Error;
use crate::events::SourceInput;
use crate::feature_store::feeds::Feed;
use crate::feature_store::{FeaturePlan, PlannedView};
use crate::files::{Input, Part, Storage, TABLE_ROWS_MAX};
use crate::schema::ValueType;

/// What a run takes whatever its input: the program, its components and their instances.
const FIXED_BYTES: u64 = 48 << 20;

/// What each thread takes: a row group on its way in, one on its way out, an instance.
const THREAD_BYTES: u64 = 24 << 20;

/// Of what is left, partitions that are worked on at the same time take one part in so many; the rest is for buffers, for
/// partitions larger than the mean, and for what the allocator keeps.
const PARTITION_SHARE: u64 = 3;

/// At most so many partitions, as a power of two: each has files and buffers open.
const BITS_MAX: u32 = 8;

/// At most so many slices of a partition: each has files and buffers open.
const SLICES_MAX: u64 = 64;

/// A slice has about so many rows at least.
const SLICE_ROWS_MIN: u64 = 16;

/// What of a spine is read ahead, and how many tables of a file that does not tell the length of its rows, and of any other.
const AHEAD_BYTES: u64 = 24 << 20;
const TABLES_AHEAD: (usize, usize) = (4, 32);

/// What the key of an entity takes, of which each event may have its own.
const ENTITY_BYTES: u64 = 64;

/// A row of a file whose format does not tell how many it has is taken to be so long.
const ROW_BYTES: u64 = 32;

/// Bytes of a row in memory.
fn width(value_type: ValueType) -> u64 {
    match value_type {
        ValueType::Bool => 1,
        ValueType::Int64 | ValueType::Float64 | ValueType::Time => 8,
        ValueType::Text => 16,
        ValueType::Float64List => 64,
    }
}

/// Bytes of the features of views for one question.
pub(super) fn feature_bytes(views: &[PlannedView]) -> u64 {
    let of = |view: &PlannedView| {
        let fields = &view.program.description().output_features;
        fields.iter().map(|field| width(field.value_type)).sum::<u64>() + 1
    };
    views.iter().map(of).sum()
}

/// The rows of files, and what they take by their own account.
fn rows<'a>(
    storage: &Arc<dyn Storage>,
    files: impl Iterator<Item = &'a std::path::PathBuf>,
) -> Result<(u64, u64), Error> {
    let (mut rows, mut bytes) = (0, 0);
    for file in files {
        for Part { rows: known, bytes: size } in Input::open(storage, file)?.parts() {
            rows += known.unwrap_or(size / ROW_BYTES);
            bytes += size;
        }
    }
    Ok((rows, bytes))
}

/// Where the questions of a run come from.
pub(super) enum Questions<'a> {
    /// A file.
    Spine(&'a SpineFile),
    /// A rule that made so many rows, with so many bytes of keys and as-of.
    Rule { rows: u64, bytes: u64 },
}

/// What a run has before it.
pub(in crate::feature_store) struct Needed {
    /// Bytes of memory, if it holds all.
    pub(in crate::feature_store) bytes: u64,
    /// Rows to evaluate, at most.
    pub(in crate::feature_store) rows: u64,
}

/// What a run in memory takes beside [`FIXED_BYTES`] and [`THREAD_BYTES`].
pub(super) fn needed(
    storage: &Arc<dyn Storage>,
    plan: &FeaturePlan,
    questions: &Questions<'_>,
    feeds: &[(Feed, Vec<SourceInput<'_>>)],
) -> Result<Needed, Error> {
    let (questions, bytes) = match questions {
        Questions::Spine(spine) => rows(storage, std::iter::once(&spine.path))?,
        Questions::Rule { rows, bytes } => (*rows, *bytes),
    };
    let mut needed = Needed {
        bytes: bytes * 2 + questions * question_bytes(feature_bytes(&plan.views)),
        rows: questions * plan.views.len() as u64,
    };
    for (feed, sources) in feeds {
        let (from_files, _) = rows(storage, sources.iter().flat_map(|source| &source.files))?;
        // The log holds the events of all sources: so many at most are those of these.
        let pushed = sources.iter().filter_map(|source| source.pushed.as_ref()).map(|pushed| pushed.up_to).max();
        let events = from_files + pushed.unwrap_or(0);
        needed.bytes += events * event_bytes(feed);
        needed.rows += events * feed.views.len() as u64;
    }
    Ok(needed)
}

/// How many events a fold of a feed has before it, at most, and what it takes in memory beside [`FIXED_BYTES`] and
/// [`THREAD_BYTES`]: states go on to the store as they are made.
pub(in crate::feature_store) fn needed_to_fold(
    storage: &Arc<dyn Storage>,
    feed: &Feed,
    sources: &[SourceInput<'_>],
) -> Result<Needed, Error> {
    let (from_files, _) = rows(storage, sources.iter().flat_map(|source| &source.files))?;
    let pushed = sources.iter().filter_map(|source| source.pushed.as_ref()).map(|pushed| pushed.up_to).max();
    let events = from_files + pushed.unwrap_or(0);
    Ok(Needed { bytes: events * (event_bytes(feed) + ENTITY_BYTES), rows: events * feed.views.len() as u64 })
}

/// How many tables of a spine may wait in memory for the one that is worked on, with so many bytes of features a row: together
/// about [`AHEAD_BYTES`], as far as the file tells how long its rows are.
pub(super) fn tables_ahead(spine: &SpineFile, features: u64) -> Result<usize, Error> {
    let input = Input::open(&spine.storage, &spine.path)?;
    let parts = input.parts();
    let Some(rows) = parts.iter().map(|part| part.rows).sum::<Option<u64>>() else { return Ok(TABLES_AHEAD.0) };
    let width = parts.iter().map(|part| part.bytes).sum::<u64>() / rows.max(1) + features + 8;
    Ok(((AHEAD_BYTES / (width * TABLE_ROWS_MAX as u64)) as usize).clamp(1, TABLES_AHEAD.1))
}

/// What the input may take of `memory`.
fn available(memory: u64, threads: usize) -> u64 {
    let fixed = FIXED_BYTES + THREAD_BYTES * threads as u64;
    // Less than the program itself is too little in any case; then partitions are as small as they would be with a little.
    memory.saturating_sub(fixed).max(memory / 4).max(1)
}

/// Into how many partitions to cut what needs so many bytes, as a power of two; `None` where it fits.
pub(in crate::feature_store) fn partition_bits(needed: u64, memory: u64, threads: usize) -> Option<u32> {
    let share = available(memory, threads) / PARTITION_SHARE;
    (!fits(needed, memory, threads)).then(|| bits(needed.saturating_mul(threads as u64), share))
}

/// Whether what needs so many bytes fits in memory.
pub(super) fn fits(needed: u64, memory: u64, threads: usize) -> bool {
    needed <= available(memory, threads)
}

/// Into how many slices to cut a partition that needs so many bytes for so many rows; 1 where it fits.
pub(in crate::feature_store) fn slices(needed: u64, rows: u64, memory: u64, threads: usize) -> usize {
    let share = (available(memory, threads) / PARTITION_SHARE / threads as u64).max(1);
    if needed <= share.saturating_mul(2) {
        return 1;
    }
    needed.div_ceil(share).min(rows / SLICE_ROWS_MIN).clamp(1, SLICES_MAX) as usize
}

/// What a question takes, with so many bytes of features: its keys as text and as numbers, their order, and the answers before
/// and after they are put into it.
pub(super) fn question_bytes(features: u64) -> u64 {
    64 + features * 3 / 2
}

/// What an event takes.
pub(in crate::feature_store) fn event_bytes(feed: &Feed) -> u64 {
    let fields: u64 = feed.fields.iter().map(|field| width(field.value_type)).sum();
    (20 + fields) * 9 / 8
}

fn bits(needed: u64, of_partitions: u64) -> u32 {
    let partitions = needed.div_ceil(of_partitions.max(1)).max(2);
    partitions.checked_next_power_of_two().map_or(BITS_MAX, |partitions| partitions.ilog2().min(BITS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_into_enough_partitions() {
        let gib = 1 << 30;
        assert_eq!(partition_bits(gib / 2, gib, 2), None);
        assert_eq!(partition_bits(5 * gib, gib, 1), Some(5));
        assert_eq!(partition_bits(5 * gib, gib, 2), Some(6));
        assert_eq!(partition_bits(u64::MAX, 1, 2), Some(BITS_MAX));
        assert_eq!(slices(gib / 8, 1 << 20, gib, 1), 1);
        assert_eq!(slices(gib, 1 << 20, gib, 1), 4);
        assert_eq!(slices(u64::MAX, 1 << 20, 1, 1), SLICES_MAX as usize);
        assert_eq!(slices(u64::MAX, 10, 1, 1), 1);
    }
}
