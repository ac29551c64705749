//! Questions about the past wait in a queue of their own and are replayed by threads of their own, which give way to all others.
//!
//! A replay reads and folds history, which takes seconds where an ordinary question takes microseconds. So there are few at a
//! time, few may wait, and each ends early when nobody waits for it any more: its [`Replaying`] was dropped.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ServerError;
use crate::usage;

/// The name of the threads that replay.
const REPLAYER: &str = "onepath-replay";

/// How long a server that closes waits for replays that were told to stop. One that hangs in a storage is left behind.
const CLOSE_MS_MAX: u64 = 5_000;

/// What a thread does for a question; it ends early once the flag is set.
type Work = Box<dyn FnOnce(&Arc<AtomicBool>) + Send>;

/// The limits of questions about the past.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Replays at a time.
    pub(super) running_max: usize,
    /// Questions that may wait for their turn.
    pub(super) waiting_max: usize,
    /// Whether the threads give way to all others.
    pub(super) give_way: bool,
}

/// The threads that replay, and what waits for them.
pub(super) struct Replays(Arc<Pool>);

struct Pool {
    limits: Limits,
    queue: Mutex<Queue>,
    /// Told of new work, of the end of work, and of the end of all.
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    /// The flags of what is being worked on.
    running: Vec<Arc<AtomicBool>>,
    threads: usize,
    is_closed: bool,
}

struct Job {
    stop: Arc<AtomicBool>,
    work: Work,
}

/// A replay that somebody waits for. Dropped, it ends early, or never begins.
#[must_use]
pub(crate) struct Replaying(Arc<AtomicBool>);

impl Drop for Replaying {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Replays {
    /// No thread yet: each is started when there is work for it.
    pub(super) fn new(limits: Limits) -> Self {
        let running_max = limits.running_max.max(1);
        let pool = Pool { limits: Limits { running_max, ..limits }, queue: Mutex::default(), changed: Condvar::new() };
        Self(Arc::new(pool))
    }

    /// Lets a thread do `work`, as soon as one is free; refused where too much waits already.
    pub(super) fn submit(
        &self,
        work: impl FnOnce(&Arc<AtomicBool>) + Send + 'static,
    ) -> Result<Replaying, ServerError> {
        let mut queue = self.0.queue();
        if queue.is_closed {
            return Err(ServerError::Closed);
        }
        let busy = queue.running.len() + queue.waiting.len();
        if busy >= queue.threads && queue.threads < self.0.limits.running_max {
            match start(&self.0) {
                Ok(()) => queue.threads += 1,
                // Those that there are do it.
                Err(_) if queue.threads > 0 => {}
                Err(source) => return Err(ServerError::Thread { name: REPLAYER, source }),
            }
        }
        // What nobody waits for any more takes no room.
        queue.waiting.retain(|job| !job.stop.load(Ordering::Relaxed));
        let idle = queue.threads - queue.running.len();
        if queue.waiting.len() >= self.0.limits.waiting_max + idle {
            let Limits { running_max, waiting_max, .. } = self.0.limits;
            return Err(ServerError::PastBusy { running_max, waiting_max });
        }
        let stop = Arc::new(AtomicBool::new(false));
        queue.waiting.push_back(Job { stop: Arc::clone(&stop), work: Box::new(work) });
        drop(queue);
        self.0.changed.notify_all();
        Ok(Replaying(stop))
    }

    /// How many replays run, and how many questions wait for their turn.
    pub(super) fn count(&self) -> (usize, usize) {
        let queue = self.0.queue();
        let is_wanted = |job: &&Job| !job.stop.load(Ordering::Relaxed);
        (queue.running.len(), queue.waiting.iter().filter(is_wanted).count())
    }
}

impl Drop for Replays {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.is_closed = true;
        // Who waits for one of these is told that the server is closed, by its sender that is dropped.
        queue.waiting.clear();
        queue.running.iter().for_each(|stop| stop.store(true, Ordering::Relaxed));
        self.0.changed.notify_all();
        let is_running = |queue: &mut Queue| queue.threads > 0;
        let patience = Duration::from_millis(CLOSE_MS_MAX);
        drop(self.0.changed.wait_timeout_while(queue, patience, is_running).map_err(PoisonError::into_inner));
    }
}

impl Pool {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works until the pool is closed.
    fn run(&self) {
        let mut queue = self.queue();
        while !queue.is_closed {
            let Some(Job { stop, work }) = queue.waiting.pop_front() else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if stop.load(Ordering::Relaxed) {
                continue;
            }
            queue.running.push(Arc::clone(&stop));
            drop(queue);
            // A panic is told by the sender that it drops; the thread goes on.
            let _ = catch_unwind(AssertUnwindSafe(|| work(&stop)));
            queue = self.queue();
            queue.running.retain(|running| !Arc::ptr_eq(running, &stop));
        }
        queue.threads -= 1;
        drop(queue);
        self.changed.notify_all();
    }
}

fn start(pool: &Arc<Pool>) -> std::io::Result<()> {
    let pool = Arc::clone(pool);
    let run = move || {
        if pool.limits.give_way {
            usage::give_way();
        }
        pool.run();
    };
    std::thread::Builder::new().name(REPLAYER.to_owned()).spawn(run).map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Work that tells that it has begun, and goes on until it is told to end or to stop.
    fn held(replays: &Replays, begun: &Sender<()>) -> Result<(Replaying, Sender<()>), ServerError> {
        let ((end, ended), begun) = (channel::<()>(), begun.clone());
        let work = move |stop: &Arc<AtomicBool>| {
            begun.send(()).expect("the test listens");
            while !stop.load(Ordering::Relaxed) && ended.recv_timeout(Duration::from_millis(1)).is_err() {}
        };
        Ok((replays.submit(work)?, end))
    }

    fn until(what: &str, is_so: impl Fn() -> bool) {
        for _ in 0..50_000_000 {
            if is_so() {
                return;
            }
            std::thread::yield_now();
        }
        panic!("{what}");
    }

    fn pool(running_max: usize, waiting_max: usize) -> (Replays, Sender<()>, Receiver<()>) {
        let (begun, seen) = channel();
        (Replays::new(Limits { running_max, waiting_max, give_way: true }), begun, seen)
    }

    #[test]
    fn beyond_its_limits_work_is_refused_and_what_nobody_waits_for_takes_no_room() {
        let (replays, begun, seen) = pool(2, 3);
        let mut all: Vec<_> = (0..2).map(|_| held(&replays, &begun).expect("a thread is free")).collect();
        (0..2).for_each(|_| seen.recv().expect("begins"));
        all.extend((0..3).map(|_| held(&replays, &begun).expect("may wait")));
        assert_eq!(replays.count(), (2, 3));
        let refused = held(&replays, &begun).map(drop).expect_err("no room");
        assert_eq!(
            refused.to_string(),
            "2 questions about the past are being replayed and 3 wait, the most that may: try again"
        );
        // One of those that wait leaves, and another takes its room; what left never begins.
        drop(all.pop());
        assert_eq!(replays.count(), (2, 2));
        let (last, end) = held(&replays, &begun).expect("has its room");
        // One of those that run is left: it ends, and the next begins.
        drop(all.remove(0));
        seen.recv().expect("the next begins");
        until("one has begun", || replays.count() == (2, 2));
        drop(all);
        end.send(()).expect("it waits for it");
        until("all are over", || replays.count() == (0, 0));
        drop(last);
    }

    #[test]
    fn a_panic_ends_neither_thread_nor_pool() {
        let (replays, ..) = pool(1, 1);
        for _ in 0..5 {
            let (send, answered) = channel::<()>();
            let work = move |_: &Arc<AtomicBool>| {
                let _send = send;
                panic!("of a test");
            };
            let _replaying = replays.submit(work).expect("has room");
            answered.recv().expect_err("the sender is gone");
            until("it is over", || replays.count() == (0, 0));
        }
    }

    #[test]
    fn closing_ends_what_runs_and_forgets_what_waits() {
        let (replays, begun, seen) = pool(1, 5);
        let (first, second) = (held(&replays, &begun).expect("runs"), held(&replays, &begun).expect("waits"));
        seen.recv().expect("begins");
        let pool = Arc::clone(&replays.0);
        drop(replays);
        let queue = pool.queue();
        assert_eq!((queue.threads, queue.waiting.len()), (0, 0));
        drop(queue);
        assert!(seen.try_recv().is_err(), "what waited never began");
        drop((first, second));
    }
}
