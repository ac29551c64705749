//! The compiled SDK, kept for all projects of a user.
//!
//! The first build of a project compiles the SDK and the crates that it needs, nine tenths of its time. An *entry* of this cache holds
//! what cargo made of them. A project that has built nothing yet gets a copy of it as its target folder, and its cargo finds all of
//! it fresh. Each project keeps its SDK and its target folder, so that projects wait for no lock and mix no files.
//!
//! Cargo itself decides what is fresh: of crates of the registry by version, features, settings and flags, but of sources in folders by
//! their times alone. So an entry is named by what it was made from: the compiler, the flags, the resolved packages, and the
//! digest of the SDK's sources. A file that is not the one that was kept is noticed by its digest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::TARGET;
use crate::digest::sha256_hex;
use crate::time::{Clock, SystemClock};

/// What an entry is; another number where it would be something else.
const FORMAT: u32 = 1;

/// The file of an entry that lists the others.
const INDEX: &str = "entry.json";

/// Entries that no project has used for so long are removed, in microseconds.
const UNUSED_MAX: i64 = 90 * 86_400_000_000;

/// A folder of compiled SDKs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdkCache {
    folder: PathBuf,
}

/// A copy of the SDK within a workspace.
pub(super) struct Sdk {
    pub folder: PathBuf,
    /// The same from the workspace's folder on.
    pub within: PathBuf,
    /// The packages that it is compiled from, by name.
    pub names: BTreeSet<String>,
    /// Their versions, sources and features.
    pub resolved: String,
}

/// What a build may take from the cache, or give to it.
pub(super) struct Entry<'a> {
    sdk: &'a Sdk,
    /// Where it lies.
    path: PathBuf,
    /// The digest of the SDK's sources.
    sources: String,
    /// When it was looked at, in microseconds.
    started: i64,
}

/// The files of an entry, by their path within a target folder.
#[derive(Serialize, Deserialize)]
struct Index {
    /// The SHA-256 of each.
    files: BTreeMap<PathBuf, String>,
}

impl SdkCache {
    /// The cache in `folder`, which is made where it does not exist.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The entry of a copy of the SDK, compiled by `compiler` with `settings`.
    pub(super) fn entry<'a>(&self, sdk: &'a Sdk, compiler: &str, settings: &[String]) -> io::Result<Entry<'a>> {
        let started = SystemClock.now();
        let sources = sources(&sdk.folder, started)?.digest;
        let made_from = (FORMAT, compiler, settings, &sdk.within, &sdk.resolved, &sources);
        let path = self.folder.join("sdk").join(&sha256_hex(serde_json::to_vec(&made_from)?)[..32]);
        Ok(Entry { sdk, path, sources, started })
    }
}

impl Entry<'_> {
    /// Makes `target_dir`, which must not exist, a copy of the entry. Without an entry nothing is done.
    pub(super) fn take(&self, target_dir: &Path) -> io::Result<bool> {
        let index = match std::fs::read(self.path.join(INDEX)) {
            Ok(index) => serde_json::from_slice::<Index>(&index)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let beside = target_dir.parent().unwrap_or(target_dir);
        std::fs::create_dir_all(beside)?;
        let temporary = tempfile::Builder::new().prefix(".onepath-sdk-").tempdir_in(beside)?;
        // A folder within, because a temporary one is closed to all others, and the target folder should not be.
        let made = temporary.path().join("target");
        for (name, digest) in &index.files {
            if !name.components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(damaged(name));
            }
            let copied = copy(&self.path.join(name), &made.join(name))?;
            if copied != *digest {
                return Err(damaged(name));
            }
            // All of one time, that of the copy: cargo takes what is older than its sources, or than what it needs, for stale.
            set_time(&made.join(name), self.started)?;
        }
        // Another build of this project may have been faster.
        if std::fs::rename(&made, target_dir).is_err() && !target_dir.exists() {
            return Err(io::Error::other(format!("{} cannot be made", target_dir.display())));
        }
        // Whoever may only read the cache does not say that it is used.
        let _ = set_time(&self.path.join(INDEX), self.started);
        Ok(true)
    }

    /// Removes an entry that is not what was kept. Where that cannot be done, it is found again.
    pub(super) fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps what was built of the SDK in `target_dir`, unless that is kept already.
    pub(super) fn keep(&self, target_dir: &Path) -> io::Result<()> {
        if self.path.exists() {
            return Ok(());
        }
        // No other cargo writes while this reads. One that does is of this project, and its build keeps what it makes.
        let mut locks = Vec::new();
        for name in ["release/.cargo-lock", &format!("{TARGET}/release/.cargo-lock")] {
            let lock = File::options().read(true).write(true).open(target_dir.join(name))?;
            match lock.try_lock() {
                Ok(()) => locks.push(lock),
                Err(TryLockError::WouldBlock) => return Ok(()),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        // What was compiled is what the entry is named by.
        let now = sources(&self.sdk.folder, self.started)?;
        if now.digest != self.sources || !now.are_older {
            return Ok(());
        }
        let all = self.path.parent().unwrap_or(&self.path);
        std::fs::create_dir_all(all)?;
        let temporary = tempfile::Builder::new().prefix(".new-").tempdir_in(all)?;
        let made = temporary.path().join("entry");
        let mut files = BTreeMap::new();
        for name in self.built(target_dir)? {
            let digest = copy(&target_dir.join(&name), &made.join(&name))?;
            files.insert(name, digest);
        }
        std::fs::write(made.join(INDEX), serde_json::to_vec_pretty(&Index { files })?)?;
        match std::fs::rename(&made, &self.path) {
            Err(error) if !self.path.exists() => Err(error),
            _ => self.remove_unused(all),
        }
    }

    /// The files of the SDK's packages in a target folder.
    fn built(&self, target_dir: &Path) -> io::Result<Vec<PathBuf>> {
        let crates: BTreeSet<String> = self.sdk.names.iter().map(|name| name.replace('-', "_")).collect();
        // That it is a cache, for whoever makes copies of a disk.
        let tags = [PathBuf::from("CACHEDIR.TAG"), Path::new(TARGET).join("CACHEDIR.TAG")];
        let mut built: Vec<PathBuf> = tags.into_iter().filter(|tag| target_dir.join(tag).exists()).collect();
        for profile in ["release".to_owned(), format!("{TARGET}/release")] {
            for folder in [".fingerprint", "build", "deps"].map(|folder| Path::new(&profile).join(folder)) {
                for name in names(&target_dir.join(&folder))? {
                    // `libm-0123456789abcdef`, `liblibm-0123456789abcdef.rlib`.
                    let Some((package, _)) = name.rsplit_once('-') else { continue };
                    let is_of = |package: &str| self.sdk.names.contains(package) || crates.contains(package);
                    if is_of(package) || package.strip_prefix("lib").is_some_and(is_of) {
                        files(target_dir, &folder.join(&name), &mut built)?;
                    }
                }
            }
        }
        Ok(built)
    }

    /// Removes entries that no project has used for a long time.
    fn remove_unused(&self, all: &Path) -> io::Result<()> {
        let oldest = self.started.saturating_sub(UNUSED_MAX);
        for name in names(all)? {
            let entry = all.join(&name);
            // One that was not finished has no index.
            let used = time_of(&entry.join(INDEX)).or_else(|_| time_of(&entry));
            if used.is_ok_and(|used| used < oldest) {
                std::fs::remove_dir_all(entry)?;
            }
        }
        Ok(())
    }
}

/// What the files of a folder are.
struct Sources {
    /// One digest of all names and contents.
    digest: String,
    /// Whether all are older than the time that was asked about.
    are_older: bool,
}

/// Reads the sources in `folder`; `time` is in microseconds.
fn sources(folder: &Path, time: i64) -> io::Result<Sources> {
    let mut found = Vec::new();
    files(folder, Path::new(""), &mut found)?;
    found.sort();
    let (mut lines, mut are_older) = (String::new(), true);
    for name in found.iter().filter(|name| !name.starts_with("target")) {
        let path = folder.join(name);
        are_older &= time_of(&path)? < time;
        lines += &format!("{} {name:?}\n", sha256_hex(std::fs::read(path)?));
    }
    Ok(Sources { digest: sha256_hex(lines), are_older })
}

/// Adds the files of `root` below `name`, by their paths from `root` on.
fn files(root: &Path, name: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let path = root.join(name);
    if !path.is_dir() {
        found.push(name.to_owned());
        return Ok(());
    }
    for entry in names(&path)? {
        files(root, &name.join(entry), found)?;
    }
    Ok(())
}

/// The names in a folder; none where there is no such folder.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// Copies a file with its permissions, and gives the SHA-256 of what it holds.
fn copy(from: &Path, to: &Path) -> io::Result<String> {
    let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", from.display()));
    let bytes = std::fs::read(from).map_err(told)?;
    std::fs::create_dir_all(to.parent().unwrap_or(to))?;
    let mut file = File::create(to)?;
    file.write_all(&bytes)?;
    file.set_permissions(std::fs::metadata(from)?.permissions())?;
    Ok(sha256_hex(&bytes))
}

fn damaged(name: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{} is not what was kept", name.display()))
}

/// Gives a file a time, in microseconds.
fn set_time(path: &Path, micros: i64) -> io::Result<()> {
    let time = UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or_default());
    File::options().append(true).open(path)?.set_modified(time)
}

/// When a file was changed, in microseconds.
fn time_of(path: &Path) -> io::Result<i64> {
    let file = std::fs::metadata(path)?;
    Ok(file.mtime() * 1_000_000 + file.mtime_nsec() / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdk(folder: &Path) -> Sdk {
        std::fs::create_dir_all(folder.join("src")).expect("makes a folder");
        std::fs::write(folder.join("src/lib.rs"), "1").expect("writes");
        Sdk { folder: folder.to_owned(), within: "sdk".into(), names: BTreeSet::new(), resolved: "libm 1".to_owned() }
    }

    #[test]
    fn an_entry_is_of_all_that_it_was_made_from_and_of_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let cache = SdkCache::new(dir.path().join("cache"));
        let name = |sdk: &Sdk, compiler: &str, setting: &str| {
            cache.entry(sdk, compiler, &[setting.to_owned()]).expect("reads").path().to_owned()
        };
        let of = |sdk: &Sdk| name(sdk, "1.95", "LTO=true");
        let (one, other) = (sdk(&dir.path().join("one")), sdk(&dir.path().join("other")));
        let expected = of(&one);
        assert_eq!(of(&other), expected, "where it lies decides nothing");
        assert_ne!(name(&one, "1.96", "LTO=true"), expected);
        assert_ne!(name(&one, "1.95", "LTO=false"), expected);
        assert_ne!(of(&Sdk { within: "vendor/sdk".into(), ..sdk(&one.folder) }), expected);
        assert_ne!(of(&Sdk { resolved: "libm 2".to_owned(), ..sdk(&one.folder) }), expected);
        std::fs::create_dir(one.folder.join("target")).expect("makes a folder");
        std::fs::write(one.folder.join("target/built"), "").expect("writes");
        assert_eq!(of(&one), expected, "what is built of it is no source");
        for (file, text) in [("src/lib.rs", "2"), ("src/more.rs", "")] {
            let other = sdk(&other.folder);
            std::fs::write(other.folder.join(file), text).expect("writes");
            assert_ne!(of(&other), expected, "{file}");
        }
    }

    #[test]
    fn entries_that_nobody_uses_are_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let sdk = sdk(&dir.path().join("sdk"));
        let entry = SdkCache::new(dir.path().join("cache")).entry(&sdk, "", &[]).expect("reads");
        let all = entry.path().parent().expect("has a folder");
        let now = entry.started;
        for (name, time) in [("used", now - UNUSED_MAX), ("unused", now - UNUSED_MAX - 1)] {
            std::fs::create_dir_all(all.join(name)).expect("makes a folder");
            std::fs::write(all.join(name).join(INDEX), "").expect("writes");
            set_time(&all.join(name).join(INDEX), time).expect("sets the time");
        }
        std::fs::create_dir(all.join(".new-1")).expect("makes a folder");
        entry.remove_unused(all).expect("removes");
        let mut left = names(all).expect("lists");
        left.sort();
        assert_eq!(left, [".new-1", "used"], "another is being written");
    }

    #[test]
    fn an_entry_is_copied_whole_or_not_at_all() {
        let dir = tempfile::tempdir().expect("a folder");
        let sdk = sdk(&dir.path().join("sdk"));
        let entry = SdkCache::new(dir.path().join("cache")).entry(&sdk, "", &[]).expect("reads");
        let target = dir.path().join("project/target/onepath");
        assert!(!entry.take(&target).expect("there is none") && !dir.path().join("project").exists());
        std::fs::create_dir_all(entry.path().join("deps")).expect("makes a folder");
        std::fs::write(entry.path().join("deps/a"), "a").expect("writes");
        let index = |name: &str, text: &str| {
            let files = BTreeMap::from([(PathBuf::from(name), sha256_hex(text))]);
            std::fs::write(entry.path().join(INDEX), serde_json::to_vec(&Index { files }).expect("is JSON"))
                .expect("writes");
        };
        for (name, text) in [("deps/a", "b"), ("deps/b", "a"), ("../entry/deps/a", "a"), ("/etc/hostname", "a")] {
            index(name, text);
            entry.take(&target).expect_err("is refused");
            let left = names(&dir.path().join("project/target")).expect("lists");
            assert!(left.is_empty(), "{name}: {left:?}");
        }
        index("deps/a", "a");
        assert!(entry.take(&target).expect("copies"));
        assert_eq!(std::fs::read_to_string(target.join("deps/a")).expect("reads"), "a");
        assert!(entry.take(&target).expect("another build was faster"), "it stays as it is");
    }
}
