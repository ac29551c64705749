//! What a component was built from, so that a package that has changed since is told from one that has not.
//!
//! Beside the component lies a record: the digest of the component, and those of the files that cargo read of packages that lie in
//! folders (the package itself, and those that it names by path), of their manifests, and of the lock file.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::sha256_hex;

/// What a component was built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltFrom {
    /// The SHA-256 of the component.
    component: String,
    /// By path, relative to the package's folder where that can be, the SHA-256 of each file; nothing where a file was changed
    /// while it was compiled.
    files: BTreeMap<PathBuf, String>,
}

/// How a component is not that of its package any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// What has changed, in words that go on with "since it was built".
    pub changed: String,
    /// The digest of the sources that it was built from.
    pub built_from: String,
    /// The digest of the sources that there are now.
    pub sources: String,
}

impl BuiltFrom {
    /// The record of a component that was built from `files`, of a package in `dir`; the compiler was started at `started`, in
    /// microseconds.
    pub(super) fn new(component: &[u8], dir: &Path, files: &[PathBuf], started: i64) -> Self {
        use std::os::unix::fs::MetadataExt;
        let digest = |file: &PathBuf| {
            let changed = std::fs::metadata(file).map(|found| found.mtime() * 1_000_000 + found.mtime_nsec() / 1_000);
            let is_older = changed.is_ok_and(|changed| changed < started);
            let digest = if is_older { digest_of(file) } else { String::new() };
            (relative(dir, file), digest)
        };
        Self { component: sha256_hex(component), files: files.iter().map(digest).collect() }
    }

    /// Where the record of the component at `component` lies.
    pub fn path_of(component: &Path) -> PathBuf {
        component.with_extension("built.json")
    }

    /// The record of the component at `component`; `None` where there is none that can be read: then nothing is known.
    pub fn load(component: &Path) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(Self::path_of(component)).ok()?)
    }

    /// A record as it is written; `None` where it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The record as it is written.
    pub(super) fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts are always JSON")
    }

    /// The SHA-256 of the component.
    pub fn component(&self) -> &str {
        &self.component
    }

    /// How the component with the SHA-256 `component` is not that of the package in `dir`, where it is not. Where there is no package
    /// any more, nothing has changed: a component may go where its sources do not.
    pub fn stale(&self, dir: &Path, component: &str) -> Option<Stale> {
        if !dir.join("Cargo.toml").exists() {
            return None;
        }
        let now: BTreeMap<PathBuf, String> =
            self.files.keys().map(|file| (file.clone(), digest_of(&dir.join(file)))).collect();
        let changed: Vec<&PathBuf> =
            self.files.iter().filter(|(file, digest)| now[*file] != **digest).map(|(file, _)| file).collect();
        let changed = match changed.as_slice() {
            [] if self.component != component => "the component itself has changed".to_owned(),
            [] => return None,
            [file] => format!("{} has changed", file.display()),
            [file, others @ ..] => format!("{} and {} more have changed", file.display(), others.len()),
        };
        Some(Stale { changed, built_from: digest_of_all(&self.files), sources: digest_of_all(&now) })
    }
}

/// The files that a makefile of cargo names as those that its target was made from.
pub(super) fn files_of(makefile: &str) -> Vec<PathBuf> {
    let Some((_, files)) = makefile.lines().next().and_then(|line| line.split_once(": ")) else { return Vec::new() };
    // A space within a name is escaped.
    let files = files.replace("\\ ", "\0");
    files.split(' ').filter(|file| !file.is_empty()).map(|file| PathBuf::from(file.replace('\0', " "))).collect()
}

/// The SHA-256 of a file; nothing where it cannot be read.
fn digest_of(file: &Path) -> String {
    std::fs::read(file).map_or_else(|_| String::new(), sha256_hex)
}

fn digest_of_all(files: &BTreeMap<PathBuf, String>) -> String {
    let lines = files.iter().map(|(file, digest)| format!("{digest} {}\n", file.display()));
    sha256_hex(lines.collect::<String>())
}

/// `file` as it is named from `dir`; both are absolute. So it stays where they share nothing but the root: wherever the package goes,
/// the file does not go with it.
fn relative(dir: &Path, file: &Path) -> PathBuf {
    let path = file;
    let (dir, file): (Vec<Component>, Vec<Component>) = (dir.components().collect(), file.components().collect());
    let common = dir.iter().zip(&file).take_while(|(one, other)| one == other).count();
    if common <= 1 {
        return path.to_owned();
    }
    let up = std::iter::repeat_n(Component::ParentDir, dir.len() - common);
    up.chain(file[common..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_package() {
        let named = |file| relative(Path::new("/a/b/c"), Path::new(file));
        assert_eq!(named("/a/b/c/src/lib.rs"), Path::new("src/lib.rs"));
        assert_eq!(named("/a/b/d/x"), Path::new("../d/x"));
        assert_eq!(named("/z"), Path::new("/z"));
        assert_eq!(named("/z/a"), Path::new("/z/a"));
    }

    #[test]
    fn a_makefile_names_files_with_spaces_too() {
        let files = files_of("/t/a.wasm: /p/src/lib.rs /p/my\\ data/x.rs\n\n/p/src/lib.rs:\n");
        assert_eq!(files, [Path::new("/p/src/lib.rs"), Path::new("/p/my data/x.rs")]);
        assert_eq!(files_of(""), [] as [PathBuf; 0]);
    }

    #[test]
    fn every_change_since_is_told_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("package");
        std::fs::create_dir_all(dir.join("src")).expect("makes");
        let files = ["Cargo.toml", "src/lib.rs", "../other.rs"].map(|file| dir.join(file));
        files.iter().for_each(|file| std::fs::write(file, "1").expect("writes"));
        let files = files.map(|file| file.canonicalize().expect("is there"));
        let dir = dir.canonicalize().expect("is there");
        let built = BuiltFrom::new(b"component", &dir, &files, i64::MAX);
        let digest = sha256_hex(b"component");
        assert_eq!(built.stale(&dir, &digest), None);
        let told = |built: &BuiltFrom| built.stale(&dir, &digest).map(|stale| stale.changed);
        for (file, name) in files.iter().zip(["Cargo.toml", "src/lib.rs", "../other.rs"]) {
            std::fs::write(file, "2").expect("writes");
            assert_eq!(told(&built).as_deref(), Some(&*format!("{name} has changed")));
            std::fs::write(file, "1").expect("writes");
            assert_eq!(told(&built), None, "as it was");
        }
        let other = built.stale(&dir, &sha256_hex(b"another")).map(|stale| stale.changed);
        assert_eq!(other.as_deref(), Some("the component itself has changed"));
        // What was written after the compiler was started may not be what it read.
        let early = BuiltFrom::new(b"component", &dir, &files, 0);
        assert_eq!(told(&early).as_deref(), Some("../other.rs and 2 more have changed"));
        std::fs::remove_file(&files[2]).expect("removes");
        assert_eq!(told(&built).as_deref(), Some("../other.rs has changed"));
        std::fs::remove_dir_all(&dir).expect("removes");
        assert_eq!(built.stale(&dir, &digest), None, "no sources, and nothing to compare");
    }
}
