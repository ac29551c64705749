//! A machine whose disk is slow, hangs or is full and whose clock is wrong, for processes that a test starts.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

/// What is preloaded.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/support/machine.c");

/// A disk and a clock that processes have which are started with it.
pub struct Machine {
    file: File,
    path: PathBuf,
    _dir: TempDir,
}

impl Machine {
    /// One without faults; none where no C compiler is, which is said.
    pub fn new() -> Option<Self> {
        library()?;
        let dir = TempDir::new().expect("a temporary folder");
        let path = dir.path().join("machine");
        std::fs::write(&path, [0; 16]).expect("writes a file");
        let file = File::options().write(true).open(&path).expect("opens a file");
        Some(Self { file, path, _dir: dir })
    }

    /// Lets a process have this disk and clock.
    pub fn preload(&self, command: &mut Command) {
        let library = library().expect("was compiled");
        command.env("LD_PRELOAD", library).env("ONEPATH_TEST_MACHINE", &self.path);
    }

    /// Every fsync takes so long.
    pub fn sync_takes(&self, ms: u32) {
        self.set(0, i64::from(ms));
    }

    /// No fsync returns until that changes.
    pub fn sync_hangs(&self) {
        self.set(0, -1);
    }

    /// Every fsync fails, as on a full disk.
    pub fn sync_fails(&self) {
        self.set(0, -2);
    }

    /// The wall clock is so far ahead of the true time; behind where negative.
    pub fn clock_is_ahead(&self, micros: i64) {
        self.set(1, micros);
    }

    fn set(&self, number: u64, value: i64) {
        self.file.write_all_at(&value.to_ne_bytes(), number * 8).expect("writes");
    }
}

/// The compiled library.
fn library() -> Option<&'static Path> {
    static COMPILED: OnceLock<Option<PathBuf>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("machine-{}.so", std::process::id()));
        let compiler = Command::new("cc").args(["-shared", "-fPIC", "-O1", SOURCE, "-ldl", "-o"]).arg(&path).status();
        let Ok(status) = compiler else {
            println!("skipped: there is no C compiler `cc`");
            return None;
        };
        assert!(status.success(), "{SOURCE} compiles");
        // One place for all runs; another process may have put its own there meanwhile, which is the same.
        let place = path.with_file_name("machine.so");
        std::fs::rename(&path, &place).expect("is put in place");
        Some(place)
    });
    compiled.as_deref()
}
