//! The ids of a materialized history in a file: sorted, and read where a push looks.
//!
//! Format 1. Blocks of 4,096 bytes, each with up to 127 entries of 32 bytes (the hash of an id, then that of its event's
//! content, both little-endian), then from byte 4,064 the number of entries and a checksum of all before it, 8 bytes each.
//! Entries increase by id, from block to block. After the blocks: the footer, one JSON document; then its length, its
//! checksum, and [`MAGIC`], 8 bytes each.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::hash::RowHash;
use crate::entity::hash_bytes;
use crate::events::ReadError;
use crate::schema::{Field, ValueType};

/// How a file of ids ends.
const MAGIC: &[u8; 8] = b"1pIDs\0\x00\x01";

const BLOCK_BYTES: usize = 4_096;
const ENTRY_BYTES: usize = 32;
const BLOCK_ENTRIES: usize = 127;
const COUNT_AT: usize = BLOCK_ENTRIES * ENTRY_BYTES;
const CHECKSUM_AT: usize = COUNT_AT + 8;
const TRAILER_BYTES: u64 = 24;

/// A footer has no more bytes.
const FOOTER_BYTES_MAX: u64 = 1 << 20;

/// What the ids are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Footer {
    /// The column that they were read from.
    column: String,
    /// The fields that the contents are made of.
    fields: Vec<IndexField>,
    entries: u64,
    blocks: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct IndexField {
    name: String,
    #[serde(rename = "type")]
    value_type: ValueType,
}

/// A file of ids that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It is not there, or cannot be read.
    #[error(
        "the ids of the materialized history of source {source_name} cannot be read from {}: run `onepath materialize` to write \
         them anew", path.display()
    )]
    Read {
        /// The source.
        source_name: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what was written.
    #[error(
        "the ids of the materialized history of source {source_name} in {} are damaged: run `onepath materialize` to write them \
         anew", path.display()
    )]
    Damaged {
        /// The source.
        source_name: String,
        /// The file.
        path: PathBuf,
    },
    /// The history has none of this source, or those of another column.
    #[error(
        "the materialized history of source {source_name} does not have the ids of column {column}: run `onepath materialize`"
    )]
    Missing {
        /// The source.
        source_name: String,
        /// The column that names its events.
        column: String,
    },
}

/// A file of ids that is being written. Dropped before its end, it leaves nothing.
pub(crate) struct IdIndexWriter {
    dir: PathBuf,
    file: BufWriter<tempfile::NamedTempFile>,
    block: Vec<u8>,
    footer: Footer,
    /// Of all checksums; it names the file.
    digest: RowHash,
}

impl IdIndexWriter {
    /// Begins a file in `dir`, of ids from `column` with contents made of `fields`.
    pub(crate) fn create(dir: &Path, column: &str, fields: &[Field]) -> Result<Self, ReadError> {
        let begin = || {
            std::fs::create_dir_all(dir)?;
            let mut builder = tempfile::Builder::new();
            builder.prefix(".onepath-").suffix(".partial");
            // Readable for whom other files of the project are.
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
            builder.tempfile_in(dir)
        };
        let file = begin().map_err(|source| ReadError::Ids { dir: dir.to_owned(), source })?;
        let field = |field: &Field| IndexField { name: field.name.clone(), value_type: field.value_type };
        let fields = fields.iter().map(field).collect();
        Ok(Self {
            dir: dir.to_owned(),
            file: BufWriter::with_capacity(1 << 16, file),
            block: Vec::with_capacity(BLOCK_BYTES),
            footer: Footer { column: column.to_owned(), fields, entries: 0, blocks: 0 },
            digest: RowHash::new(),
        })
    }

    /// Appends an id, which is not below the one before.
    pub(crate) fn add(&mut self, id: u128, content: u128) -> Result<(), ReadError> {
        self.block.extend_from_slice(&id.to_le_bytes());
        self.block.extend_from_slice(&content.to_le_bytes());
        self.footer.entries += 1;
        if self.block.len() == COUNT_AT { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> Result<(), ReadError> {
        let count = (self.block.len() / ENTRY_BYTES) as u64;
        self.block.resize(COUNT_AT, 0);
        self.block.extend_from_slice(&count.to_le_bytes());
        let checksum = hash_bytes(&self.block);
        self.block.extend_from_slice(&checksum.to_le_bytes());
        self.block.resize(BLOCK_BYTES, 0);
        self.digest.word(checksum);
        self.footer.blocks += 1;
        let written = self.file.write_all(&self.block);
        self.block.clear();
        written.map_err(|source| ReadError::Ids { dir: self.dir.clone(), source })
    }

    /// Ends the file, which is on disk then, and gives its name within its folder: that of its content.
    pub(crate) fn finish(mut self) -> Result<String, ReadError> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        let footer = serde_json::to_vec(&self.footer).expect("names and numbers are always JSON");
        let checksum = hash_bytes(&footer);
        self.digest.word(checksum);
        let name = format!("{:032x}.ids", self.digest.finish());
        let (dir, path) = (self.dir.clone(), self.dir.join(&name));
        let write = || {
            self.file.write_all(&footer)?;
            self.file.write_all(&(footer.len() as u64).to_le_bytes())?;
            self.file.write_all(&checksum.to_le_bytes())?;
            self.file.write_all(MAGIC)?;
            let file = self.file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            // The name is on disk too before a history names it. Where folders cannot be opened, the next materialize mends it.
            File::open(&self.dir).map_or(Ok(()), |dir| dir.sync_all())
        };
        write().map(|()| name).map_err(|source| ReadError::Ids { dir, source })
    }
}

/// The ids of the history of one source.
#[derive(Debug)]
pub(crate) struct IdIndex {
    source_name: String,
    path: PathBuf,
    file: File,
    footer: Footer,
    block: Box<[u8; BLOCK_BYTES]>,
    /// Which block is held.
    held: Option<u64>,
}

impl IdIndex {
    /// Opens the file at `path` of the ids in `column` of a source. Only its end is read.
    pub(crate) fn open(path: &Path, source_name: &str, column: &str) -> Result<Self, IndexError> {
        let source_name = source_name.to_owned();
        let read = |source| IndexError::Read { source_name: source_name.clone(), path: path.to_owned(), source };
        let mut file = File::open(path).map_err(read)?;
        let footer = read_footer(&mut file).map_err(read)?;
        let Some(footer) = footer else { return Err(IndexError::Damaged { source_name, path: path.to_owned() }) };
        if footer.column != column {
            return Err(IndexError::Missing { source_name, column: column.to_owned() });
        }
        Ok(Self { source_name, path: path.to_owned(), file, footer, block: Box::new([0; BLOCK_BYTES]), held: None })
    }

    /// The fields that the contents are made of.
    pub(crate) fn fields(&self) -> Vec<Field> {
        let field = |field: &IndexField| Field {
            name: field.name.clone(),
            value_type: field.value_type,
            nullable: true,
            documentation: String::new(),
        };
        self.footer.fields.iter().map(field).collect()
    }

    /// The contents of the events that have the id of this hash: none, one, or where it is of several entities, some.
    pub(crate) fn contents(&mut self, id: u128) -> Result<Vec<u128>, IndexError> {
        let (mut contents, mut block) = (Vec::new(), self.last_before(id)?);
        while block < self.footer.blocks {
            self.load(block)?;
            for entry in 0..self.count() {
                match self.entry(entry) {
                    (found, content) if found == id => contents.push(content),
                    (found, _) if found > id => return Ok(contents),
                    _ => {}
                }
            }
            block += 1;
        }
        Ok(contents)
    }

    /// The last block whose first id is below `id`; 0 where none is. Ids are hashes, so their place is near to their share of
    /// all numbers: it is looked for from there.
    fn last_before(&mut self, id: u128) -> Result<u64, IndexError> {
        let blocks = self.footer.blocks;
        if blocks == 0 {
            return Ok(0);
        }
        let guess = (((id >> 64) * u128::from(blocks)) >> 64) as u64;
        // Below `low` all begin before the id; from `high` on none does.
        let (mut low, mut high, mut step) = (0, blocks, 1);
        if self.begins_before(guess, id)? {
            low = guess + 1;
            while low < high {
                let next = (guess + step).min(blocks - 1);
                if !self.begins_before(next, id)? {
                    high = next;
                    break;
                }
                low = next + 1;
                step *= 2;
            }
        } else {
            high = guess;
            while low < high {
                let next = guess.saturating_sub(step);
                if self.begins_before(next, id)? {
                    low = next + 1;
                    break;
                }
                high = next;
                step *= 2;
            }
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.begins_before(middle, id)? { low = middle + 1 } else { high = middle }
        }
        Ok(low.saturating_sub(1))
    }

    fn begins_before(&mut self, block: u64, id: u128) -> Result<bool, IndexError> {
        self.load(block)?;
        Ok(self.entry(0).0 < id)
    }

    /// Reads a block, and checks it.
    fn load(&mut self, block: u64) -> Result<(), IndexError> {
        if self.held == Some(block) {
            return Ok(());
        }
        self.held = None;
        let sought = self.file.seek(SeekFrom::Start(block * BLOCK_BYTES as u64));
        let read = sought.and_then(|_| self.file.read_exact(&mut self.block[..]));
        let (source_name, path) = (|| self.source_name.clone(), || self.path.clone());
        read.map_err(|source| IndexError::Read { source_name: source_name(), path: path(), source })?;
        let is_whole = hash_bytes(&self.block[..CHECKSUM_AT]) == word(&self.block[..], CHECKSUM_AT);
        if !is_whole || self.count() == 0 || self.count() > BLOCK_ENTRIES {
            return Err(IndexError::Damaged { source_name: source_name(), path: path() });
        }
        self.held = Some(block);
        Ok(())
    }

    fn count(&self) -> usize {
        word(&self.block[..], COUNT_AT) as usize
    }

    fn entry(&self, at: usize) -> (u128, u128) {
        let wide = |at: usize| u128::from(word(&self.block[..], at + 8)) << 64 | u128::from(word(&self.block[..], at));
        (wide(at * ENTRY_BYTES), wide(at * ENTRY_BYTES + 16))
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]))
}

/// The footer of a file; `None` where it is not one that was written whole.
fn read_footer(file: &mut File) -> std::io::Result<Option<Footer>> {
    let bytes = file.metadata()?.len();
    if bytes < TRAILER_BYTES {
        return Ok(None);
    }
    let mut trailer = [0; TRAILER_BYTES as usize];
    file.seek(SeekFrom::Start(bytes - TRAILER_BYTES))?;
    file.read_exact(&mut trailer)?;
    let length = word(&trailer, 0);
    if trailer[16..] != MAGIC[..] || length > FOOTER_BYTES_MAX || length > bytes - TRAILER_BYTES {
        return Ok(None);
    }
    let mut footer = vec![0; length as usize];
    file.seek(SeekFrom::Start(bytes - TRAILER_BYTES - length))?;
    file.read_exact(&mut footer)?;
    let is_whole = hash_bytes(&footer) == word(&trailer, 8);
    let footer: Option<Footer> = serde_json::from_slice(&footer).ok().filter(|_| is_whole);
    let fits = |footer: &Footer| footer.blocks.checked_mul(BLOCK_BYTES as u64) == Some(bytes - TRAILER_BYTES - length);
    Ok(footer.filter(fits))
}
