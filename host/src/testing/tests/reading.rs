//! What readers make of a storage that delays, cuts reads short, fails and changes its objects.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;

use crate::batch::{Column, Value, Values};
use crate::files::storage::{Storage, StorageFault};
use crate::files::{
    self, FileSystem, InputError, InputFault, Nulls, Rest, TableWriter, Wanted, arrow_field, into_arrow, sha256_file,
};
use crate::schema::ValueType;
use crate::testing::broken::{BrokenStorage, StorageDefect};
use crate::testing::memory::{Faults, MemoryStorage};

const ROWS: i64 = 20_000;

/// One table in every format, by path.
fn files_of_table() -> &'static [(PathBuf, Vec<u8>)] {
    static FILES: OnceLock<Vec<(PathBuf, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let ids = Column::from_parts(Values::Int64s((1_000_000..1_000_000 + ROWS).collect()), None);
        let mut names = Column::new(ValueType::Text);
        for row in 0..ROWS {
            names.push(&Value::Text(format!("name {row} of some length"))).expect("fits");
        }
        let fields = [arrow_field("id", ValueType::Int64, true), arrow_field("name", ValueType::Text, true)];
        let schema = Arc::new(arrow::datatypes::Schema::new(fields.to_vec()));
        let arrays = vec![into_arrow(ids).expect("an array"), into_arrow(names).expect("an array")];
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).expect("a batch");
        let write = |name: &str| {
            let path = folder.path().join(name);
            let mut writer = TableWriter::create(&path, &schema, 1).expect("a file");
            writer.write(&batch).expect("writes");
            writer.finish(&[]).expect("finishes");
            (Path::new("/data").join(name), std::fs::read(&path).expect("reads"))
        };
        ["table.csv", "table.ndjson", "table.parquet"].map(write).to_vec()
    })
}

/// The table in every format, in a storage of its own.
fn table() -> (MemoryStorage, Vec<PathBuf>) {
    let storage = MemoryStorage::new();
    files_of_table().iter().for_each(|(path, bytes)| storage.put(path, bytes.clone()));
    let paths = storage.names();
    (storage, paths)
}

fn wanted() -> Vec<Wanted> {
    vec![Wanted::new("id", ValueType::Int64, Nulls::Refused), Wanted::new("name", ValueType::Text, Nulls::Refused)]
}

/// Everything that is read of a file: as tables with and without what passes through, as sheets, its names, its digest.
fn read(storage: &MemoryStorage, path: &Path) -> Result<String, InputError> {
    let mut text = format!("{:?} {}", files::column_names(storage, path)?, sha256_file(storage, path)?);
    for (wanted, rest) in [(wanted(), Rest::Ignore), (Vec::new(), Rest::Keep), (Vec::new(), Rest::AsWritten)] {
        for table in files::open(storage, path, &wanted, rest)? {
            let table = table?;
            text += &format!("{:?} {:?}", table.columns, table.rest);
        }
    }
    let input = files::Input::open(&(Arc::new(storage.clone()) as Arc<dyn Storage>), path)?;
    for part in 0..input.parts().len() {
        input.read(part, &wanted(), &mut |sheet| {
            text += &format!("{:?}", sheet.lanes);
            Ok::<(), InputError>(())
        })?;
    }
    for column in files::natural_columns(storage, path, &|_| true)? {
        text += &format!("{column:?}");
    }
    Ok(text)
}

#[test]
fn delays_and_short_reads_change_nothing() {
    let (storage, paths) = table();
    let expected: Vec<String> = paths.iter().map(|path| read(&storage, path).expect("reads")).collect();
    for seed in 0..6 {
        storage.set_faults(Faults { seed, delayed: 200, short: 500, ..Faults::default() });
        for (path, expected) in paths.iter().zip(&expected) {
            let found = read(&storage, path).expect("reads");
            assert!(found == *expected, "seed {seed}: {} reads otherwise", path.display());
        }
    }
    assert!(storage.happened().short.load(Ordering::Relaxed) > 100);
}

/// Every failure of the storage comes out as what it is, through whatever decoder it went.
#[test]
fn a_failure_keeps_its_kind_in_every_format() {
    let (mut of_kind, mut ok) = ([0, 0], 0);
    for seed in 0..20 {
        let (storage, paths) = table();
        storage.set_faults(Faults { seed, short: 300, retryable: 40, failing: 40, ..Faults::default() });
        for path in &paths {
            let failed = storage.happened().failed.load(Ordering::Relaxed);
            match read(&storage, path) {
                Ok(_) => {
                    ok += 1;
                    assert_eq!(storage.happened().failed.load(Ordering::Relaxed), failed, "seed {seed}: swallowed");
                }
                Err(error) => match &*error.fault {
                    InputFault::Storage(StorageFault::Failed { retryable, source }) => {
                        assert_eq!(error.file, *path);
                        assert_eq!(
                            source.to_string(),
                            if *retryable { "the twin is busy" } else { "the twin is broken" }
                        );
                        of_kind[usize::from(*retryable)] += 1;
                    }
                    other => panic!("seed {seed}: {}: {other}", path.display()),
                },
            }
        }
    }
    assert!(of_kind[0] > 5 && of_kind[1] > 5 && ok > 0, "{of_kind:?} failures, {ok} without");
}

/// The wanted columns, as they are read table by table.
fn columns(storage: &dyn Storage, path: &Path, rest: Rest) -> Result<Vec<Column>, InputError> {
    let tables = files::open(storage, path, &wanted(), rest)?;
    Ok(tables.collect::<Result<Vec<_>, _>>()?.into_iter().flat_map(|table| table.columns).collect())
}

/// An object that becomes another of the same length, which decodes as well, never gives rows of both.
#[test]
fn a_change_while_reading_is_an_error_and_never_a_mixture() {
    let (storage, paths) = table();
    let of = |columns: &[Column]| columns.iter().map(|column| format!("{column:?}")).collect::<String>();
    let before = of(&columns(&storage, &paths[0], Rest::Ignore).expect("reads"));
    let (mut changed, mut ok) = (0, 0);
    for seed in 0..40 {
        for (path, rest) in paths.iter().flat_map(|path| [(path, Rest::Ignore), (path, Rest::Keep)]) {
            let (storage, _) = table();
            storage.set_faults(Faults { seed, changing: 30, ..Faults::default() });
            let read = columns(&storage, path, rest);
            let has_changed = storage.happened().changed.load(Ordering::Relaxed) > 0;
            match read {
                Ok(columns) => {
                    ok += 1;
                    assert!(!has_changed, "seed {seed}: {} changed unseen", path.display());
                    assert!(of(&columns) == before, "seed {seed}: {} has other rows", path.display());
                }
                Err(error) => {
                    changed += 1;
                    let is_change = matches!(*error.fault, InputFault::Storage(StorageFault::Changed(_)));
                    assert!(has_changed && is_change, "seed {seed}: {error}");
                }
            }
        }
    }
    assert!(changed > 5 && ok > 5, "{changed} changes, {ok} without");
}

/// The same on disk, in words: what is cut, what grows, what is replaced, what goes.
#[test]
fn a_file_that_changes_under_its_reader_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = |row: usize| format!("{{\"id\": {row}, \"name\": \"x\"}}\n");
    let text: String = (0..30_000).map(line).collect();
    let path = folder.path().join("events.ndjson");
    let other = folder.path().join("other");
    let changes: [(&str, &dyn Fn()); 4] = [
        ("it was cut from 798890 to 100 bytes", &|| std::fs::write(&path, &text[..100]).expect("writes")),
        ("it grew from 798890 to 798891 bytes", &|| std::fs::write(&path, format!("{text} ")).expect("writes")),
        ("another was put in its place", &|| {
            std::fs::write(&other, &text).expect("writes");
            std::fs::rename(&other, &path).expect("renames");
        }),
        ("it was removed", &|| std::fs::remove_file(&path).expect("removes")),
    ];
    for (expected, change) in changes {
        std::fs::write(&path, &text).expect("writes");
        assert_eq!(text.len(), 798_890);
        let mut tables = files::open(&FileSystem, &path, &wanted(), Rest::Ignore).expect("opens");
        assert!(tables.next().is_some_and(|first| first.is_ok()));
        change();
        let error = tables.find_map(Result::err).expect("it is told");
        let told = error.to_string().replace(&folder.path().display().to_string(), "DIR");
        assert_eq!(
            told,
            format!("DIR/events.ndjson: changed while it was read: {expected}; run again when nothing writes to it")
        );
        assert!(tables.next().is_none(), "nothing follows an error");
    }
}

/// A storage that does not keep its promises gives an error, never fewer rows.
#[test]
fn what_a_broken_storage_swallows_is_missed() {
    let (memory, paths) = table();
    for path in &paths {
        let storage = BrokenStorage { inner: Arc::new(memory.clone()), defect: StorageDefect::SwallowedTail };
        let error = columns(&storage, path, Rest::Ignore).expect_err("a byte is missing");
        let InputFault::Storage(StorageFault::Failed { source, .. }) = &*error.fault else { panic!("{error}") };
        assert!(source.to_string().starts_with("it ends after "), "{source}");
    }
}
