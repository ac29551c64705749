//! The file of an index.
//!
//! Format 1. Batches one after the other, each an Arrow IPC stream of its own: the key columns, the event time, when each event was
//! first known (where the source has arrival times), and the fields. Rows are in the order of a hash of their key, those of one
//! entity in the order of their files and rows. After the batches: the table, 40 bytes for each of them ([`Batch`], all numbers
//! little-endian); the footer, one JSON document; then its length, its checksum, and [`MAGIC`], 8 bytes each.

use std::io::{BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::batch::FieldLane;
use crate::entity::hash_bytes;
use crate::files::{SPILL_PREFIX, encode_rows};
use crate::schema::{Field, ValueType};

/// How a file ends.
pub(super) const MAGIC: &[u8; 8] = b"1pHis\0\x00\x01";

/// Rows of a batch.
pub(super) const BATCH_ROWS: usize = 2_048;

/// Bytes of a batch in the table.
pub(super) const ENTRY_BYTES: usize = 40;

pub(super) const TRAILER_BYTES: u64 = 24;

/// A footer has no more bytes.
pub(super) const FOOTER_BYTES_MAX: u64 = 1 << 24;

/// What the events are, and how many batches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Footer {
    /// What they were built from, in one digest: also the name of the file.
    pub(super) of: String,
    /// What the source says of the fields.
    pub(super) meaning: String,
    pub(super) keys: Vec<Stored>,
    pub(super) fields: Vec<Stored>,
    /// Whether it is stored when each event was first known; else they were known when they happened.
    pub(super) has_available: bool,
    pub(super) events: u64,
    pub(super) batches: u64,
    /// Of the table.
    pub(super) checksum: u64,
}

/// A stored column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) value_type: ValueType,
    pub(super) nullable: bool,
}

impl From<&Field> for Stored {
    fn from(field: &Field) -> Self {
        Self { name: field.name.clone(), value_type: field.value_type, nullable: field.nullable }
    }
}

impl Footer {
    /// The types of the stored columns.
    pub(super) fn types(&self) -> Vec<ValueType> {
        let times = std::iter::repeat_n(ValueType::Time, 1 + usize::from(self.has_available));
        let of = |columns: &[Stored]| columns.iter().map(|column| column.value_type).collect::<Vec<_>>();
        of(&self.keys).into_iter().chain(times).chain(of(&self.fields)).collect()
    }
}

/// A batch, by its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// The hashes of its first and of its last key.
    pub(super) first: u64,
    pub(super) last: u64,
    /// Where it begins in the file, and its length.
    pub(super) offset: u64,
    pub(super) bytes: u32,
    pub(super) rows: u32,
    pub(super) checksum: u64,
}

impl Batch {
    pub(super) fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..8].copy_from_slice(&self.first.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.last.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.offset.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.rows.to_le_bytes());
        bytes[32..].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    pub(super) fn of_bytes(bytes: &[u8; ENTRY_BYTES]) -> Self {
        let half = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        let (bytes_, rows) = (half(24), half(28));
        Self {
            first: word(bytes, 0),
            last: word(bytes, 8),
            offset: word(bytes, 16),
            bytes: bytes_,
            rows,
            checksum: word(bytes, 32),
        }
    }
}

pub(super) fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]))
}

/// Rows that are encoded, on their way to a file.
pub(super) struct Encoded {
    bytes: Vec<u8>,
    first: u64,
    last: u64,
    rows: u32,
}

impl Encoded {
    /// Rows with the hashes of their first and last key.
    pub(super) fn new(columns: Vec<FieldLane>, (first, last): (u64, u64), rows: usize) -> std::io::Result<Self> {
        let bytes = encode_rows(columns).map_err(std::io::Error::other)?;
        Ok(Self { bytes, first, last, rows: rows as u32 })
    }
}

/// A file that is being written. Dropped before its end, it leaves nothing.
pub(super) struct IndexFile {
    file: BufWriter<tempfile::NamedTempFile>,
    table: Vec<u8>,
    offset: u64,
    events: u64,
}

impl IndexFile {
    /// Begins a file in the folder `dir`, which is made if there is none.
    pub(super) fn create(dir: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(SPILL_PREFIX).suffix(".partial");
        // Readable for whom other files of the project are.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(dir)?;
        // Held until it has its name, so that nobody takes it for what a process that died has left.
        let _ = file.as_file().try_lock();
        Ok(Self { file: BufWriter::with_capacity(1 << 18, file), table: Vec::new(), offset: 0, events: 0 })
    }

    pub(super) fn write(&mut self, batch: &Encoded) -> std::io::Result<()> {
        let Encoded { bytes, first, last, rows } = batch;
        let too_large = |_| std::io::Error::other("a batch of more than 4 GiB");
        let entry = Batch {
            first: *first,
            last: *last,
            offset: self.offset,
            bytes: u32::try_from(bytes.len()).map_err(too_large)?,
            rows: *rows,
            checksum: hash_bytes(bytes),
        };
        self.file.write_all(bytes)?;
        self.table.extend_from_slice(&entry.to_bytes());
        self.offset += bytes.len() as u64;
        self.events += u64::from(*rows);
        Ok(())
    }

    /// Ends the file, which is on disk then, under the name `path`. `footer` lacks the numbers.
    pub(super) fn finish(mut self, path: &Path, footer: Footer) -> std::io::Result<()> {
        let (events, batches) = (self.events, (self.table.len() / ENTRY_BYTES) as u64);
        let footer = Footer { events, batches, checksum: hash_bytes(&self.table), ..footer };
        let footer = serde_json::to_vec(&footer)?;
        self.file.write_all(&self.table)?;
        self.file.write_all(&footer)?;
        self.file.write_all(&(footer.len() as u64).to_le_bytes())?;
        self.file.write_all(&hash_bytes(&footer).to_le_bytes())?;
        self.file.write_all(MAGIC)?;
        let file = self.file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        // The name is on disk too before a history is recorded that it belongs to.
        let dir = path.parent().map(std::fs::File::open);
        dir.and_then(Result::ok).map_or(Ok(()), |dir| dir.sync_all())
    }
}
