//! What is known of every event with an id, sorted by id in bounded memory.
//!
//! Records beyond a limit go to one of 256 files by the first byte of their id, each of which is sorted by itself. The files
//! have no names: whatever becomes of the process, nothing is left behind. What comes back has the checksum of what was written.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use twox_hash::XxHash3_64;

use crate::events::ReadError;
use crate::threads;

/// An event with an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The hash of its id.
    pub(super) id: u128,
    /// The hash of its content.
    pub(super) content: u128,
    /// A hash of its entity's key. It tells the entities of one id apart, which are few.
    pub(super) entity: u64,
    /// When it was first known; before all times where it is in the log, whose copy counts.
    pub(super) available_at: i64,
    /// Where it is.
    pub(super) place: Place,
}

/// Where an event is: an offset of the log, or a file of the source and a row of it, from 0. Offsets come before rows, rows are in
/// the declared order of files and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u64);

/// The bit of places in files, and how many bits a row has.
const IN_FILE: u64 = 1 << 63;
const ROW_BITS: u32 = 40;

/// Bytes of a record on disk.
const RECORD_BYTES: usize = 56;

/// Files of records.
const BUCKETS: usize = 256;

/// Bytes of the buffer in front of each.
const BUFFER_BYTES: usize = 1 << 14;

/// Fewer records than so many are not worth a file.
const RECORDS_MIN: usize = 1 << 14;

impl Place {
    pub(super) fn logged(offset: u64) -> Self {
        Self(offset & !IN_FILE)
    }

    pub(super) fn row(file: usize, row: u64) -> Self {
        Self(IN_FILE | (file as u64) << ROW_BITS | row)
    }

    /// The offset in the log.
    pub(super) fn offset(self) -> Option<u64> {
        (self.0 & IN_FILE == 0).then_some(self.0)
    }

    /// The file and the row in it.
    pub(super) fn file_row(self) -> Option<(usize, u64)> {
        let place = self.0 & !IN_FILE;
        (self.0 & IN_FILE != 0).then_some(((place >> ROW_BITS) as usize, place & ((1 << ROW_BITS) - 1)))
    }
}

impl Record {
    fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..16].copy_from_slice(&self.id.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.content.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.entity.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.available_at.to_le_bytes());
        bytes[48..].copy_from_slice(&self.place.0.to_le_bytes());
        bytes
    }

    fn of_bytes(bytes: &[u8; RECORD_BYTES]) -> Self {
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        let wide = |at: usize| u128::from(word(at + 8)) << 64 | u128::from(word(at));
        Self { id: wide(0), content: wide(16), entity: word(32), available_at: word(40) as i64, place: Place(word(48)) }
    }
}

/// Records on their way to be sorted.
pub(super) struct Records {
    held: Vec<Record>,
    held_max: usize,
    dir: PathBuf,
    /// The files, once there are more records than may be held.
    buckets: Option<Vec<Bucket>>,
}

/// A file of records.
struct Bucket {
    file: BufWriter<File>,
    records: usize,
    /// XXH3-64 of its last record, seeded with that of the one before.
    checksum: u64,
}

impl Bucket {
    fn create(dir: &Path) -> std::io::Result<Self> {
        let file = BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile_in(dir)?);
        Ok(Self { file, records: 0, checksum: 0 })
    }

    fn write(&mut self, record: Record) -> std::io::Result<()> {
        let bytes = record.to_bytes();
        self.records += 1;
        self.checksum = XxHash3_64::oneshot_with_seed(self.checksum, &bytes);
        self.file.write_all(&bytes)
    }

    fn read(self) -> std::io::Result<Vec<Record>> {
        let mut file = self.file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.rewind()?;
        let mut file = BufReader::with_capacity(1 << 16, file);
        let (mut records, mut checksum) = (Vec::with_capacity(self.records), 0);
        let mut bytes = [0; RECORD_BYTES];
        for _ in 0..self.records {
            file.read_exact(&mut bytes)?;
            checksum = XxHash3_64::oneshot_with_seed(checksum, &bytes);
            records.push(Record::of_bytes(&bytes));
        }
        match checksum == self.checksum {
            true => Ok(records),
            false => Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "they are not as they were written")),
        }
    }
}

impl Records {
    /// None yet. Those beyond about `memory_bytes` go to files in `dir`.
    pub(super) fn new(memory_bytes: u64, dir: &Path) -> Self {
        let held_max = (memory_bytes as usize / size_of::<Record>()).max(RECORDS_MIN);
        Self { held: Vec::new(), held_max, dir: dir.to_owned(), buckets: None }
    }

    pub(super) fn extend(&mut self, records: impl Iterator<Item = Record>) -> Result<(), ReadError> {
        for record in records {
            if self.held.len() == self.held_max {
                self.spill()?;
            }
            self.held.push(record);
        }
        Ok(())
    }

    fn fail(&self, source: std::io::Error) -> ReadError {
        ReadError::Ids { dir: self.dir.clone(), source }
    }

    fn spill(&mut self) -> Result<(), ReadError> {
        if self.buckets.is_none() {
            std::fs::create_dir_all(&self.dir).map_err(|error| self.fail(error))?;
            let files = (0..BUCKETS).map(|_| Bucket::create(&self.dir)).collect::<Result<Vec<_>, _>>();
            self.buckets = Some(files.map_err(|error| self.fail(error))?);
        }
        let Some(buckets) = &mut self.buckets else { return Ok(()) };
        let mut written = Ok(());
        for record in self.held.drain(..) {
            written = written.and_then(|()| buckets[(record.id >> 120) as usize].write(record));
        }
        written.map_err(|error| self.fail(error))
    }

    /// Gives all records to `work`, those of consecutive ids at a time, sorted by id, on several threads; and what it makes of
    /// them to `take`, in the order of the ids.
    pub(super) fn each_sorted<T: Send>(
        mut self,
        threads: usize,
        work: impl Fn(&mut [Record]) -> T + Sync,
        mut take: impl FnMut(T) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        if self.buckets.is_none() {
            self.held.sort_unstable_by_key(|record| record.id);
            return take(work(&mut self.held));
        }
        self.spill()?;
        self.held = Vec::new();
        let files: Vec<_> = self.buckets.take().into_iter().flatten().map(|file| Mutex::new(Some(file))).collect();
        let make = |at: usize, give: &mut dyn FnMut(T) -> bool| {
            let file = files[at].lock().expect("no thread panics while it takes a file").take();
            let mut records = file.map(Bucket::read).transpose().map_err(|error| self.fail(error))?.unwrap_or_default();
            records.sort_unstable_by_key(|record| record.id);
            give(work(&mut records));
            Ok(())
        };
        // What one file gives may be large: few wait.
        threads::stream(threads, files.len(), 1, make, |_, made| take(made))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_a_disk_has_changed_are_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let record =
            |at: u64| Record { id: u128::from(at), content: 1, entity: 2, available_at: 3, place: Place::row(0, at) };
        for flipped in [None, Some(0), Some(5 * RECORD_BYTES + 17), Some(99 * RECORD_BYTES + 55)] {
            let mut bucket = Bucket::create(dir.path()).expect("begins");
            (0..100).try_for_each(|at| bucket.write(record(at))).expect("writes");
            bucket.file.flush().expect("writes");
            if let Some(place) = flipped {
                let (file, mut byte) = (bucket.file.get_mut(), [0]);
                file.seek(std::io::SeekFrom::Start(place as u64)).expect("seeks");
                file.read_exact(&mut byte).expect("reads");
                file.seek(std::io::SeekFrom::Start(place as u64)).expect("seeks");
                file.write_all(&[byte[0] ^ 4]).expect("writes");
            }
            assert_eq!(bucket.read().map(|records| records.len()).ok(), flipped.is_none().then_some(100));
        }
    }

    #[test]
    fn records_come_back_sorted_whether_memory_held_them_or_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let record = |at: u64| Record {
            id: u128::from(at % 30_000).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
            content: u128::MAX - u128::from(at),
            entity: at,
            available_at: -(at as i64),
            place: if at.is_multiple_of(2) { Place::row(at as usize % 7, at) } else { Place::logged(at) },
        };
        let sorted = |memory_bytes: u64| {
            let mut records = Records::new(memory_bytes, &dir.path().join("new"));
            records.extend((0..60_000).map(record)).expect("are kept");
            let mut all = Vec::new();
            let take = |part: Vec<Record>| {
                assert!(part.is_sorted_by_key(|record| record.id));
                all.extend(part);
                Ok(())
            };
            records.each_sorted(2, |part| part.to_vec(), take).expect("come back");
            all.sort_unstable_by_key(|record| (record.id, record.entity));
            all
        };
        let held = sorted(u64::MAX);
        assert_eq!(held.len(), 60_000);
        assert!(held == sorted(1));
        assert!(dir.path().join("new").read_dir().expect("was made").next().is_none(), "nothing has a name");
    }
}
