//! Files and their names: which names mean one physical file, and how a project records where a file lies.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::files::Storage;

/// What no two physical files share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum PhysicalFile {
    /// Device and inode: the same for a link, hard or symbolic, and its target.
    #[cfg(unix)]
    Inode(u64, u64),
    /// The canonical path; of a file that cannot be looked at, the path as it is named.
    Path(PathBuf),
}

impl PhysicalFile {
    fn of(path: &Path) -> Self {
        #[cfg(unix)]
        if let Ok(metadata) = std::fs::metadata(path) {
            use std::os::unix::fs::MetadataExt;
            return Self::Inode(metadata.dev(), metadata.ino());
        }
        Self::Path(canonical(path))
    }
}

/// The canonical path of a file; of one that is not there, its absolute path.
fn canonical(path: &Path) -> PathBuf {
    let absolute = || std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    std::fs::canonicalize(path).unwrap_or_else(|_| absolute())
}

/// Each physical file of a storage once, under the name of its first place.
pub(crate) fn distinct_files(storage: &dyn Storage, files: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut seen = HashSet::new();
    // A file without an identity, such as one that is missing, counts by its name; opening it reports the error.
    let named = |file: &PathBuf| canonical(file).to_string_lossy().into_owned();
    let of = |file: &PathBuf| storage.identity(file).map_or_else(|_| named(file), |identity| identity.object);
    files.into_iter().filter(|file| seen.insert(of(file))).collect()
}

/// Whether two names mean one physical file, which is there.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    one.exists() && PhysicalFile::of(one) == PhysicalFile::of(other)
}

/// How a file is recorded: relative to the folder `root` where it lies in it, so that a project that was moved or copied finds
/// its own files; absolute where it does not. Links are followed first.
pub(super) fn recorded_path(root: &Path, path: &Path) -> PathBuf {
    let path = canonical(path);
    match path.strip_prefix(canonical(root)) {
        Ok(relative) => relative.to_owned(),
        Err(_) => path,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::files::FileSystem;

    #[test]
    fn a_physical_file_counts_once_whatever_its_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("data")).expect("a folder");
        std::fs::write(path("data/1.csv"), "a").expect("a file");
        std::fs::write(path("data/2.csv"), "a").expect("a file");
        symlink(path("data/1.csv"), path("soft.csv")).expect("a link");
        std::fs::hard_link(path("data/1.csv"), path("hard.csv")).expect("a link");
        symlink(path("data"), path("folder")).expect("a link");
        let names = ["soft.csv", "data/2.csv", "data/1.csv", "./data/1.csv", "data/../data/2.csv", "hard.csv", "gone"];
        let names = names.into_iter().chain(["folder/2.csv", "gone"]).map(path);
        assert_eq!(distinct_files(&FileSystem, names), ["soft.csv", "data/2.csv", "gone"].map(path));
        assert!(is_same_file(&path("hard.csv"), &path("folder/1.csv")));
        assert!(!is_same_file(&path("gone"), &path("gone")));
    }

    #[test]
    fn files_of_a_project_are_recorded_by_their_place_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("p/data")).expect("a folder");
        std::fs::write(path("p/data/1.csv"), "").expect("a file");
        std::fs::write(path("outside.csv"), "").expect("a file");
        symlink(path("p"), path("q")).expect("a link");
        symlink(path("outside.csv"), path("p/linked.csv")).expect("a link");
        let outside = path("outside.csv").canonicalize().expect("is there");
        for (root, file, expected) in [
            ("p", "p/data/1.csv", Path::new("data/1.csv")),
            ("p/data/..", "q/data/../data/1.csv", Path::new("data/1.csv")),
            ("q", "p/data/1.csv", Path::new("data/1.csv")),
            ("p", "outside.csv", &outside),
            ("p", "p/linked.csv", &outside),
        ] {
            assert_eq!(recorded_path(&path(root), &path(file)), expected, "{file} of {root}");
        }
    }
}
