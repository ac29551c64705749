//! What the machine has, what this process took of it, and how it takes memory, where the system has a word for it: on Linux,
//! elsewhere nothing. Knows nothing of the rest of the host.

use std::time::Duration;

/// The share of the machine's memory that a run may take where nothing else is said: one half.
const MEMORY_SHARE: u64 = 2;

/// The memory that a run may take on a machine that does not tell how much it has: 4 GiB.
const MEMORY_BYTES_UNKNOWN: u64 = 4 << 30;

/// The memory that a run may take where nothing else is said: half of the machine's, or of what its control group allows.
pub fn memory_bytes_default() -> u64 {
    let group = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limits = group.iter().filter_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    let machine = field("/proc/meminfo", "MemTotal:").map(|kib| kib << 10);
    limits.chain(machine).min().map_or(MEMORY_BYTES_UNKNOWN, |bytes| bytes / MEMORY_SHARE)
}

/// The most memory that this process had at once, in bytes.
pub fn peak_memory_bytes() -> Option<u64> {
    field("/proc/self/status", "VmHWM:").map(|kib| kib << 10)
}

/// The most memory that another process had at once so far, in bytes.
pub(crate) fn peak_memory_bytes_of(process: u32) -> Option<u64> {
    field(&format!("/proc/{process}/status"), "VmHWM:").map(|kib| kib << 10)
}

/// The processor time that this process took, in seconds.
pub fn cpu_seconds() -> Option<f64> {
    ticks("/proc/self/stat").map(|ticks| ticks as f64 / TICKS_PER_SECOND as f64)
}

/// The processor time that a process took so far.
pub(crate) fn cpu_time_of(process: u32) -> Option<Duration> {
    ticks(&format!("/proc/{process}/stat")).map(|ticks| Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

/// Ticks that Linux has in a second, on every architecture.
const TICKS_PER_SECOND: u64 = 100;

/// The ticks of a process: fields 14 and 15, after the name of the program, which may hold anything but ends at the last parenthesis.
fn ticks(stat: &str) -> Option<u64> {
    let stat = std::fs::read_to_string(stat).ok()?;
    let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
    fields.map(|field| field.parse::<u64>().ok()).sum()
}

/// The processor time of all threads of this process.
pub(crate) fn cpu_time() -> Option<Duration> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    return clock(libc::CLOCK_PROCESS_CPUTIME_ID);
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    None
}

/// The files that this process may have open at once.
pub(crate) fn files_max() -> Option<u64> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    return files_limit().map(|limit| limit.rlim_cur);
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    None
}

/// Lets this process have as many files open as it may without asking anybody, and tells how many.
pub(crate) fn raise_files_max() -> Option<u64> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if let Some(mut limit) = files_limit()
        && limit.rlim_cur < limit.rlim_max
    {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: `setrlimit` reads the structure that it is given. Should it fail, the limit stays as it was.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
    files_max()
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn files_limit() -> Option<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `getrlimit` writes the structure that it is given.
    (unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0).then_some(limit)
}

/// What a piece of work costs the thread that does it: its time, but without that in which the machine gave the processor to others.
pub(crate) struct ThreadTime(Option<Duration>);

impl ThreadTime {
    /// Begins now.
    pub(crate) fn start() -> Self {
        Self(thread_time())
    }

    /// What the work of this thread cost, which took `whole` since it began; `whole` where the system does not tell.
    pub(crate) fn of(&self, whole: Duration) -> Duration {
        match (self.0, thread_time()) {
            (Some(before), Some(now)) => whole.min(now.saturating_sub(before)),
            _ => whole,
        }
    }
}

/// The processor time of this thread.
fn thread_time() -> Option<Duration> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    return clock(libc::CLOCK_THREAD_CPUTIME_ID);
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    None
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn clock(clock: libc::clockid_t) -> Option<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `clock_gettime` writes the structure that it is given.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return None;
    }
    let seconds = u64::try_from(time.tv_sec).ok()?;
    Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?))
}

/// From now on large blocks of memory that are freed stay with the process for the next use, where the system's allocator would
/// give each back at once. A run that works chunk by chunk otherwise takes the same pages from the system again and again: a third
/// of its processor time.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // Before version 2.35, glibc takes no more than half of an arena.
        const THRESHOLDS: [libc::c_int; 2] = [1 << 30, 32 << 20];
        // SAFETY: `mallopt` only sets how the allocator works from now on; it takes any values, from any thread.
        unsafe {
            if THRESHOLDS.iter().any(|bytes| libc::mallopt(libc::M_MMAP_THRESHOLD, *bytes) == 1) {
                libc::mallopt(libc::M_TRIM_THRESHOLD, THRESHOLDS[0]);
            }
        }
    }
}

/// From now on this thread, and those that it starts, give way to others: where several want the processor, each of them gets about a
/// tenth of what another gets, so that none stands still for ever. Where the system knows no priorities of threads, nothing changes.
pub(crate) fn give_way() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        /// Of 19, which would stand still on a machine that others fill.
        const NICE: libc::c_int = 10;
        // SAFETY: `setpriority` takes any values. On Linux, 0 is the calling thread. It may always be made nicer.
        unsafe {
            libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
        }
    }
}

/// The number after `name` in a file of the kernel.
fn field(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_what_was_taken() {
        assert!(memory_bytes_default() > 1 << 20);
        if cfg!(target_os = "linux") {
            assert!(peak_memory_bytes().is_some_and(|bytes| bytes > 1 << 20));
            assert!(cpu_seconds().is_some());
            assert!(files_max().is_some_and(|files| files > 0));
        }
    }

    #[test]
    fn the_cost_of_work_is_the_time_of_its_thread() {
        let (time, whole) = (ThreadTime::start(), Duration::from_secs(1_000));
        let cost = time.of(whole);
        assert!(cost < Duration::from_secs(500) || !cfg!(target_os = "linux"), "{cost:?}");
        assert_eq!(time.of(Duration::ZERO), Duration::ZERO);
    }

    /// The nice value of the calling thread.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn niceness() -> i64 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("the kernel tells");
        let fields = stat.rsplit_once(')').expect("a name").1;
        fields.split_whitespace().nth(16).and_then(|nice| nice.parse().ok()).expect("a number")
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_thread_gives_way_and_so_do_those_that_it_starts() {
        let here = niceness();
        let (own, started) = std::thread::spawn(|| {
            give_way();
            (niceness(), std::thread::spawn(niceness).join().expect("ends"))
        })
        .join()
        .expect("ends");
        assert_eq!((own, started, niceness()), (10, 10, here));
    }
}
