//! The events of some entities, out of an index.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::HistoryIndexError;
use super::format::{Batch, ENTRY_BYTES, FOOTER_BYTES_MAX, Footer, MAGIC, Stored, TRAILER_BYTES, word};
use crate::batch::{Column, Lane, Value};
use crate::entity::{KeyInterner, KeyRows, KeyValue, hash_bytes};
use crate::events::times::times;
use crate::events::{EventBatch, EventSource, Position, ReadError, SourcePart};
use crate::files::storage::StoredObject;
use crate::files::{FileSystem, Storage, decode_rows};
use crate::project::Key;
use crate::schema::Field;

/// Where the index of a digest lies in the folder of indexes.
pub(super) fn path_of(dir: &Path, of: &str) -> PathBuf {
    dir.join(format!("{of}.events"))
}

/// The events of a history, of one source and for the views of one entity. A clone is the same open file.
#[derive(Clone)]
pub(crate) struct HistoryIndex(Arc<OpenIndex>);

struct OpenIndex {
    path: PathBuf,
    file: Arc<dyn StoredObject>,
    footer: Footer,
    table: Vec<Batch>,
}

impl HistoryIndex {
    /// Opens what was built from what has the digest `of`, in the folder `dir`; `None` where there is none of this meaning. Its table
    /// is read.
    pub(crate) fn open(dir: &Path, of: &str) -> Result<Self, HistoryIndexError> {
        let path = path_of(dir, of);
        let read = |source| HistoryIndexError::Read { path: path.clone(), source };
        let file = FileSystem.open(&path).map_err(|error| read(std::io::Error::other(error)))?;
        let found = read_table(&*file).map_err(read)?;
        // Under the name of another it is not what was written there.
        match found.filter(|(footer, _)| footer.of == of) {
            Some((footer, table)) => Ok(Self(Arc::new(OpenIndex { path, file, footer, table }))),
            None => Err(HistoryIndexError::Damaged { path }),
        }
    }

    /// The fields of its events.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        let field = |stored: &Stored| Field {
            name: stored.name.clone(),
            value_type: stored.value_type,
            nullable: stored.nullable,
            documentation: String::new(),
        };
        self.0.footer.fields.iter().map(field)
    }

    /// What the source said of these fields.
    pub(crate) fn meaning(&self) -> &str {
        &self.0.footer.meaning
    }

    /// The events of the entities that are `asked` for, whose keys have the columns `keys`, with the columns `fields`; events of others
    /// may be among them. `None` where it does not have these columns.
    pub(in crate::events) fn events(&self, keys: &[Key], fields: &[Field], asked: &KeyInterner) -> Option<IndexSource> {
        let OpenIndex { footer, table, .. } = &*self.0;
        let is_key =
            |(stored, key): (&Stored, &Key)| stored.name == key.name && stored.value_type == key.key_type.value_type();
        if footer.keys.len() != keys.len() || !footer.keys.iter().zip(keys).all(is_key) {
            return None;
        }
        let place = |field: &Field| footer.fields.iter().position(|stored| *stored == Stored::from(field));
        let fields = fields.iter().map(place).collect::<Option<Vec<usize>>>()?;
        let batches = wanted(table, &hashes_of(keys, asked));
        let part = |batch: &usize| {
            let Batch { rows, bytes, .. } = table[*batch];
            SourcePart { file: 0, rows: Some(u64::from(rows)), bytes: u64::from(bytes) }
        };
        let parts = batches.iter().map(part).collect();
        Some(IndexSource { index: self.clone(), fields, batches, parts })
    }
}

/// The hashes of the keys that are asked for, in order.
fn hashes_of(keys: &[Key], asked: &KeyInterner) -> Vec<u64> {
    let mut columns: Vec<Column> = keys.iter().map(|key| Column::new(key.key_type.value_type())).collect();
    for id in 0..asked.len() as u32 {
        for (column, value) in columns.iter_mut().zip(asked.key(id).0) {
            let value = match value {
                KeyValue::Int64(value) => Value::Int64(value),
                KeyValue::Text(value) => Value::Text(value),
            };
            // A key of another type names no event.
            let _ = column.push(&value);
        }
    }
    let mut hashes = Vec::with_capacity(asked.len());
    let rows = columns.iter().map(Column::len).min().unwrap_or(0);
    KeyRows::of_columns(&columns).hashes(rows, &mut hashes);
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// The batches that may have events of these hashes, which are in order.
fn wanted(table: &[Batch], hashes: &[u64]) -> Vec<usize> {
    let (mut batches, mut next) = (Vec::new(), 0);
    for hash in hashes {
        let mut at = next.max(table.partition_point(|batch| batch.last < *hash));
        while at < table.len() && table[at].first <= *hash {
            batches.push(at);
            at += 1;
        }
        next = at;
    }
    batches
}

/// Some batches of an index: a part each.
pub(in crate::events) struct IndexSource {
    index: HistoryIndex,
    /// The places of the fields that are asked for.
    fields: Vec<usize>,
    batches: Vec<usize>,
    parts: Vec<SourcePart>,
}

impl EventSource for IndexSource {
    fn parts(&self) -> &[SourcePart] {
        &self.parts
    }

    fn read(
        &self,
        part: usize,
        after: Position,
        take: &mut dyn FnMut(EventBatch) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let batch = self.index.batch(self.batches[part], &self.fields)?;
        if after >= batch.until { Ok(()) } else { take(batch) }
    }
}

impl HistoryIndex {
    /// The events of a batch, with some of its fields.
    fn batch(&self, at: usize, fields: &[usize]) -> Result<EventBatch, ReadError> {
        let OpenIndex { path, file, footer, table } = &*self.0;
        let Batch { offset, bytes, rows, checksum, .. } = table[at];
        let read = file.read_range(offset..offset + u64::from(bytes));
        let read = read.map_err(|error| {
            let source = std::io::Error::other(error);
            ReadError::HistoryIndex(HistoryIndexError::Read { path: path.clone(), source })
        })?;
        let damaged = || ReadError::HistoryIndex(HistoryIndexError::Damaged { path: path.clone() });
        if read.len() != bytes as usize || hash_bytes(&read) != checksum {
            return Err(damaged());
        }
        let types = footer.types();
        let lanes = decode_rows(&read, &types).ok().flatten().ok_or_else(damaged)?;
        let rows = rows as usize;
        if lanes.len() != types.len() || lanes.iter().any(|lane| lane.len() != rows) {
            return Err(damaged());
        }
        let mut lanes = lanes.into_iter();
        let keys = lanes.by_ref().take(footer.keys.len()).collect();
        let event_times = lanes.next().map(times).transpose()?.unwrap_or_default();
        let available_at = if footer.has_available { lanes.next().map(times).transpose()? } else { None };
        let mut stored: Vec<Option<Lane>> = lanes.map(Some).collect();
        let last_use = |at: usize| !fields[at + 1..].contains(&fields[at]);
        let take = |at: usize| {
            let lane = &mut stored[fields[at]];
            if last_use(at) { lane.take() } else { lane.clone() }
        };
        let fields = (0..fields.len()).map(take).collect::<Option<Vec<Lane>>>().ok_or_else(damaged)?;
        let until = Position { group: 0, at: rows as u64 };
        Ok(EventBatch {
            rows,
            keys,
            event_times,
            available_at,
            arrivals: None,
            log_offsets: None,
            fields,
            rounded: 0,
            until,
        })
    }
}

/// The footer and the table of an index; `None` where it is not one that was written whole.
fn read_table(file: &dyn StoredObject) -> std::io::Result<Option<(Footer, Vec<Batch>)>> {
    let read = |range: std::ops::Range<u64>| file.read_range(range).map_err(std::io::Error::other);
    let bytes = file.identity().bytes;
    if bytes < TRAILER_BYTES {
        return Ok(None);
    }
    let end = bytes - TRAILER_BYTES;
    let trailer = read(end..bytes)?;
    if trailer.len() as u64 != TRAILER_BYTES || trailer[16..] != MAGIC[..] {
        return Ok(None);
    }
    let length = word(&trailer, 0);
    if length > FOOTER_BYTES_MAX || length > end {
        return Ok(None);
    }
    let footer = read(end - length..end)?;
    let is_whole = hash_bytes(&footer) == word(&trailer, 8);
    let Some(footer) = serde_json::from_slice::<Footer>(&footer).ok().filter(|_| is_whole) else { return Ok(None) };
    let table_bytes = footer.batches.checked_mul(ENTRY_BYTES as u64).filter(|bytes| *bytes <= end - length);
    let Some(table_bytes) = table_bytes else { return Ok(None) };
    let start = end - length - table_bytes;
    let table = read(start..end - length)?;
    if table.len() as u64 != table_bytes || hash_bytes(&table) != footer.checksum {
        return Ok(None);
    }
    let (entries, _) = table.as_chunks::<ENTRY_BYTES>();
    let table: Vec<Batch> = entries.iter().map(Batch::of_bytes).collect();
    let fits = |batch: &Batch| batch.offset.checked_add(u64::from(batch.bytes)).is_some_and(|end| end <= start);
    Ok(table.iter().all(fits).then_some((footer, table)))
}
