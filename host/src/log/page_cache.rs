//! Reading only what the system has in memory already: a page that it would have to fetch from a disk ends the reading instead.
//!
//! What was read lately is in the page cache, also of files that no process of ours has in its own. Reading it takes microseconds and
//! waits for nothing, so a thread that answers requests may do it, whatever the disk is about. SQLite reads by the functions that its
//! file layer has for the system's calls; [`prepare`] puts one in their place that can be told, thread by thread, not to wait.

use std::cell::Cell;

/// How the calling thread reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// It waits for the disk.
    Waits,
    /// It reads what is in memory, and found all of it.
    InMemory,
    /// It reads what is in memory, and something was not.
    Missed,
}

thread_local! {
    static READING: Cell<Reading> = const { Cell::new(Reading::Waits) };
}

/// While it is there, its thread does not wait for a disk.
struct InMemory;

impl InMemory {
    fn begin() -> Self {
        READING.set(Reading::InMemory);
        Self
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        READING.set(Reading::Waits);
    }
}

/// Runs `read`, which reads from SQLite, without waiting for a disk; `None` where something is not in memory, or where the system
/// cannot tell.
pub(crate) fn in_memory<T>(read: impl FnOnce() -> T) -> Option<T> {
    if !prepare() {
        return None;
    }
    let _reading = InMemory::begin();
    let read = read();
    (READING.get() == Reading::InMemory).then_some(read)
}

/// Makes SQLite read by a function of ours, once; `false` where it cannot be made to. Called before the first file is opened.
pub(super) fn prepare() -> bool {
    #[cfg(target_os = "linux")]
    return system::prepare();
    #[cfg(not(target_os = "linux"))]
    false
}

#[cfg(target_os = "linux")]
mod system {
    use std::ffi::c_void;
    use std::ptr::null;
    use std::sync::OnceLock;

    use rusqlite::ffi::{SQLITE_OK, sqlite3_syscall_ptr, sqlite3_vfs_find};

    use super::{READING, Reading};

    type Pread = unsafe extern "C" fn(libc::c_int, *mut c_void, libc::size_t, libc::off64_t) -> libc::ssize_t;

    /// SQLite reads by one of the two, whichever it was built for; the other has no function. Offsets have 64 bits in both.
    #[cfg(target_pointer_width = "64")]
    const CALLS: [&std::ffi::CStr; 2] = [c"pread", c"pread64"];
    #[cfg(not(target_pointer_width = "64"))]
    const CALLS: [&std::ffi::CStr; 1] = [c"pread64"];

    pub(super) fn prepare() -> bool {
        static IS_READY: OnceLock<bool> = OnceLock::new();
        *IS_READY.get_or_init(|| {
            // SAFETY: the file layer without a name is there for as long as the process is, and its functions take it and a text. What
            // is set is a function of the signature that SQLite calls it by, which any thread may call at any time.
            unsafe {
                let Some(vfs) = sqlite3_vfs_find(null()).as_mut() else { return false };
                let (Some(get), Some(set)) = (vfs.xGetSystemCall, vfs.xSetSystemCall) else { return false };
                let reads = CALLS.into_iter().filter(|call| get(vfs, call.as_ptr()).is_some()).collect::<Vec<_>>();
                let ours: sqlite3_syscall_ptr = Some(std::mem::transmute::<Pread, unsafe extern "C" fn()>(pread));
                !reads.is_empty() && reads.iter().all(|call| set(vfs, call.as_ptr(), ours) == SQLITE_OK)
            }
        })
    }

    /// As `pread`, which waits only if the calling thread may.
    unsafe extern "C" fn pread(
        file: libc::c_int,
        to: *mut c_void,
        bytes: libc::size_t,
        offset: libc::off64_t,
    ) -> libc::ssize_t {
        if READING.get() == Reading::Waits {
            // SAFETY: whoever calls gives what `pread` is given.
            return unsafe { libc::pread64(file, to, bytes, offset) };
        }
        let part = libc::iovec { iov_base: to, iov_len: bytes };
        // SAFETY: as above; the one part is what `pread` would fill.
        let read = unsafe { libc::preadv2(file, &raw const part, 1, offset, libc::RWF_NOWAIT) };
        if read < 0 {
            READING.set(Reading::Missed);
            // Other numbers mean to SQLite that the file is damaged.
            // SAFETY: the place of this thread's number is always there.
            unsafe { *libc::__errno_location() = libc::EAGAIN };
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::*;

    /// A file of a few hundred pages, none of which SQLite itself has in memory.
    fn file(path: &Path) -> Connection {
        prepare();
        let made = Connection::open(path).expect("opens");
        let fill = "PRAGMA journal_mode = WAL;
            CREATE TABLE t (x INTEGER PRIMARY KEY, y BLOB);
            WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 500) INSERT INTO t SELECT x, zeroblob(4000) FROM n;
            PRAGMA wal_checkpoint(TRUNCATE);";
        made.execute_batch(fill).expect("fills");
        drop(made);
        let file = Connection::open(path).expect("opens");
        file.pragma_update(None, "cache_size", 1).expect("sets");
        file
    }

    fn sum(file: &Connection) -> rusqlite::Result<i64> {
        file.query_row("SELECT sum(length(y)) FROM t", [], |row| row.get(0))
    }

    /// Has the system forget what it holds of the file; `false` where it does not.
    #[cfg(target_os = "linux")]
    fn forget(path: &Path) -> bool {
        use std::os::fd::AsRawFd;
        let file = std::fs::File::open(path).expect("opens");
        file.sync_all().expect("syncs");
        // SAFETY: it is given a file that is open.
        unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) == 0 }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_in_memory_is_read_and_what_is_not_ends_the_reading() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a folder on a disk");
        let path = folder.path().join("file");
        let file = file(&path);
        assert_eq!(sum(&file), Ok(2_000_000));
        if in_memory(|| sum(&file)).is_none() {
            return eprintln!("this file system cannot read without waiting: nothing is tried");
        }
        assert_eq!(in_memory(|| sum(&file)), Some(Ok(2_000_000)), "read just before");
        assert!(forget(&path));
        assert_eq!(in_memory(|| sum(&file)), None, "it is on the disk alone");
        assert_eq!(sum(&file), Ok(2_000_000), "whoever waits reads it, by the same connection");
        assert_eq!(in_memory(|| sum(&file)), Some(Ok(2_000_000)));
        let ends = std::panic::catch_unwind(|| in_memory(|| panic!("while it reads")));
        assert!(ends.is_err() && forget(&path));
        assert_eq!(sum(&file), Ok(2_000_000), "a panic leaves no thread that does not wait");
    }
}
