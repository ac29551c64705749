//! A temporary project and the command line upon it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use onepath::feature_store::OpenOptions;
use onepath::time::{Clock, SystemClock};
use tempfile::TempDir;

use super::{Session, at, components};

/// A clock that stands where a test puts it.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn set(&self, micros: i64) {
        self.0.store(micros, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A project in a folder of its own, which goes when the test ends.
pub struct Project {
    dir: TempDir,
    /// The clock of every store that the test opens; the command line has the machine's.
    pub clock: Arc<TestClock>,
}

/// What the command line did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Project {
    /// A project of the text of its `onepath.toml`, where `CHURN`, `TRACE`, `CART`, `WEIGH`, `KINDS`, `SCALED` and `SEEN` stand for component
    /// files.
    pub fn new(toml: &str) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        let project = Self { dir, clock: Arc::new(TestClock(AtomicI64::new(at("2030-01-01")))) };
        let built = components();
        let cache = project.path(".onepath/cache");
        copy_folder(&built.cache, &cache);
        project.configure(toml);
        project
    }

    /// The churn project with files of events; `source` is added to its source, `view` to its view.
    pub fn churn(files: &[&str], source: &str, view: &str) -> Self {
        Self::new(&churn_toml(files, source, view))
    }

    /// Replaces `onepath.toml`.
    pub fn configure(&self, toml: &str) {
        let built = components();
        let toml = toml
            .replace("CHURN", &built.churn.display().to_string())
            .replace("TRACE", &built.trace.display().to_string())
            .replace("CART", &built.cart.display().to_string())
            .replace("WEIGH", &built.weigh.display().to_string())
            .replace("KINDS", &built.kinds.display().to_string())
            .replace("SCALED", &built.scaled.display().to_string())
            .replace("SEEN", &built.seen.display().to_string());
        self.write("onepath.toml", &toml);
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a file of the project")).expect("makes a folder");
        std::fs::write(&path, contents).expect("writes a file");
        path
    }

    /// Gives what is opened the machine's clock as it is now, which the command line has: a log must not be ahead of it.
    pub fn at_machines_time(&self) {
        self.clock.set(SystemClock.now());
    }

    pub fn options(&self) -> OpenOptions {
        OpenOptions { threads: 1, clock: Arc::clone(&self.clock) as Arc<dyn Clock>, ..OpenOptions::default() }
    }

    pub fn open(&self) -> Session {
        self.open_with(|_| {})
    }

    pub fn open_with(&self, change: impl FnOnce(&mut OpenOptions)) -> Session {
        let mut options = self.options();
        change(&mut options);
        Session::open(self.dir(), options)
    }

    /// Opens a project in a folder within.
    pub fn open_at(&self, folder: &str) -> Session {
        Session::open(&self.path(folder), self.options())
    }

    /// Runs the command line in the project's folder, given as words. Paths are replaced by `DIR`.
    pub fn run(&self, words: &str) -> Ran {
        self.run_with(&words.split_whitespace().collect::<Vec<_>>(), "")
    }

    /// Runs the command line with something on its standard input.
    pub fn run_with(&self, arguments: &[&str], stdin: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onepath"));
        command.args(arguments).current_dir(self.dir()).env("COLUMNS", "120");
        let input = tempfile::tempfile().and_then(|mut file| {
            use std::io::{Seek, Write};
            file.write_all(stdin.as_bytes())?;
            file.rewind()?;
            Ok(file)
        });
        let output = command.stdin(Stdio::from(input.expect("a temporary file"))).output().expect("the command runs");
        let code = output.status.code().expect("the command ends by itself");
        Ran { code, stdout: self.hidden(&output.stdout), stderr: self.hidden(&output.stderr) }
    }

    /// All files of the project but those that every project has, sorted.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.dir().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("lists a folder") {
                let path = entry.expect("lists a folder").path();
                let name = path.strip_prefix(self.dir()).expect("is inside").display().to_string();
                match path.is_dir() {
                    true if name == ".onepath/cache" => {}
                    true => folders.push(path),
                    false => files.push(name),
                }
            }
        }
        files.sort();
        files
    }

    fn hidden(&self, output: &[u8]) -> String {
        let text = String::from_utf8(output.to_vec()).expect("the command prints UTF-8");
        let canonical = self.dir().canonicalize().expect("the folder is there");
        text.replace(&canonical.display().to_string(), "DIR")
            .replace(&self.dir().display().to_string(), "DIR")
            .replace(&components().dir.display().to_string(), "COMPONENTS")
    }
}

/// Copies the files of a folder and of those in it.
fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("makes a folder");
    for entry in std::fs::read_dir(from).expect("lists a folder") {
        let path = entry.expect("lists a folder").path();
        let copy = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_folder(&path, &copy),
            false => drop(std::fs::copy(&path, copy).expect("copies")),
        }
    }
}

/// The text of the churn project.
pub fn churn_toml(files: &[&str], source: &str, view: &str) -> String {
    format!(
        r#"[project]
name = "churn"

[entities.customer]
keys = {{ customer_id = "text" }}

[sources.events]
entity = "customer"
files = {files:?}
event_time = "event_timestamp"
{source}

[views.activity]
sources = ["events"]
transform = "CHURN"
{view}

[services.churn_v1]
features = ["activity:*"]
"#
    )
}
