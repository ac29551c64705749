//! What processes that died have left behind.

use std::fs::File;
use std::path::Path;

/// How the names of files and folders begin that are another process's business until it ends.
pub const SPILL_PREFIX: &str = ".onepath-";

/// How the name of a folder ends that a run keeps what memory does not hold in.
pub const SPILL_SUFFIX: &str = ".spill";

/// How the name of a file ends that is being written.
pub(super) const PARTIAL_SUFFIX: &str = ".partial";

/// The file in a folder that its process holds locked.
pub const LOCK_NAME: &str = "lock";

/// Removes the unfinished files and folders in `directory` whose processes are gone: those that nobody holds locked. What
/// cannot be removed only takes room.
pub fn remove_stale(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !name.starts_with(SPILL_PREFIX) {
            continue;
        }
        if name.ends_with(PARTIAL_SUFFIX) && is_free(&path) {
            let _ = std::fs::remove_file(&path);
        } else if name.ends_with(SPILL_SUFFIX) && (is_free(&path.join(LOCK_NAME)) || is_half_removed(&path)) {
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}

/// Whether a folder has files and no lock, which is made before them: a process died while it removed them.
fn is_half_removed(folder: &Path) -> bool {
    // The files first: a folder that is being made has none until its lock is there.
    let has_files = std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some());
    has_files && !folder.join(LOCK_NAME).exists()
}

/// Whether the file is there and no process holds it.
fn is_free(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_stays_and_what_is_not_goes() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = |name: &str| dir.path().join(name);
        let held = File::create(path(".onepath-a.partial")).expect("is made");
        held.try_lock().expect("is free");
        std::fs::write(path(".onepath-b.partial"), "").expect("writes");
        std::fs::write(path("c.partial"), "").expect("writes");
        std::fs::create_dir(path(".onepath-d.spill")).expect("is made");
        std::fs::write(path(".onepath-d.spill").join(LOCK_NAME), "").expect("writes");
        // Its process died while it removed it, or another that found it.
        std::fs::create_dir(path(".onepath-e.spill")).expect("is made");
        std::fs::write(path(".onepath-e.spill").join("events"), "").expect("writes");
        // One that is being made.
        std::fs::create_dir(path(".onepath-f.spill")).expect("is made");
        remove_stale(dir.path());
        let entries = std::fs::read_dir(dir.path()).expect("lists");
        let mut left: Vec<String> =
            entries.map(|e| e.expect("lists").file_name().to_string_lossy().into_owned()).collect();
        left.sort();
        assert_eq!(left, [".onepath-a.partial", ".onepath-f.spill", "c.partial"]);
    }
}
