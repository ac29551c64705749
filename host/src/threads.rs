//! Parallel work whose results do not depend on the number of threads. Knows nothing of what the work is.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Values that are made once each, on first use. Making one does not hold up the others.
pub(crate) struct OnceMap<K, V>(Mutex<HashMap<K, Arc<Mutex<Option<V>>>>>);

impl<K, V> Default for OnceMap<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> OnceMap<K, V> {
    /// The value of `key`, which `make` makes where there is none. Who asks meanwhile waits; after an error the next one tries
    /// again.
    pub(crate) fn get_or_make<E>(&self, key: &K, make: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        let place = Arc::clone(unpoisoned(&self.0).entry(key.clone()).or_default());
        let mut value = unpoisoned(&place);
        if value.is_none() {
            *value = Some(make()?);
        }
        Ok(value.clone().expect("it was just made"))
    }

    /// The value of `key`, if it was made.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let place = unpoisoned(&self.0).get(key).map(Arc::clone)?;
        unpoisoned(&place).clone()
    }
}

/// The lock; a value that panicked on its way was not put in place, so there is nothing half made behind a poisoned one.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `work` of each of `order`, by at most `threads` threads; the results are in the order of their numbers, which are
/// `0..order.len()` in any order of being begun.
///
/// Of several errors the one of the lowest number is told: after an error, only lower numbers are still begun.
pub(crate) fn map_in<T: Send, E: Send>(
    threads: usize,
    order: &[usize],
    work: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let done: Mutex<Vec<Option<Result<T, E>>>> = Mutex::new(order.iter().map(|_| None).collect());
    let work_through = || {
        while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            if at > failed.load(Ordering::Relaxed) {
                continue;
            }
            let result = work(at);
            if result.is_err() {
                failed.fetch_min(at, Ordering::Relaxed);
            }
            lock(&done)[at] = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(order.len()) {
            scope.spawn(work_through);
        }
        work_through();
    });
    // What was not begun comes after an error.
    done.into_inner().expect(NO_PANIC).into_iter().flatten().collect()
}

/// As [`map_in`], begun in order.
pub(crate) fn map<T: Send, E: Send>(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    map_in(threads, &(0..count).collect::<Vec<_>>(), work)
}

/// `work` of each of `items`, by at most `threads` threads; the results are given to `take` in the order of the items, while work
/// goes on. The first error in this order is told.
pub(crate) fn feed<I: Send, T: Send, E: Send>(
    threads: usize,
    items: Vec<I>,
    work: impl Fn(I) -> Result<T, E> + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let items: Vec<Mutex<Option<I>>> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
    let make = |at: usize, give: &mut dyn FnMut(T) -> bool| {
        let item = lock(&items[at]).take();
        let made = item.map(&work).transpose()?;
        made.into_iter().for_each(|made| _ = give(made));
        Ok(())
    };
    stream(threads, items.len(), usize::MAX, make, |_, made| take(made))
}

/// `work` of each of `items`, by at most `threads` threads; the results are in their order. The first error in this
/// order is told.
pub(crate) fn map_each<I: Send, T: Send, E: Send>(
    threads: usize,
    items: Vec<I>,
    work: impl Fn(I) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let mut results = Vec::with_capacity(items.len());
    feed(threads, items, work, |result| {
        results.push(result);
        Ok(())
    })?;
    Ok(results)
}

/// Gives each of `items` to `take`, in order; with several threads, another one makes up to `ahead` of them in the meantime.
pub(crate) fn ahead<T: Send, E: Send>(
    threads: usize,
    ahead: usize,
    items: impl Iterator<Item = Result<T, E>> + Send,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let items = Mutex::new(items);
    let make = |_, give: &mut dyn FnMut(T) -> bool| {
        for item in &mut *lock(&items) {
            if !give(item?) {
                break;
            }
        }
        Ok(())
    };
    stream(threads, 1, ahead, make, |_, item| take(item))
}

/// What threads make in [`stream`], until it is taken.
struct Made<T, E> {
    /// Per maker, what waits.
    waiting: Vec<VecDeque<T>>,
    /// Per maker, how it ended.
    ended: Vec<Option<std::thread::Result<Result<(), E>>>>,
    /// The maker whose items are being taken.
    current: usize,
    /// How many items wait of all others.
    of_others: usize,
    /// Whether nothing is wanted any more.
    is_over: bool,
}

/// Gives all items that `make` makes for the numbers `0..count` to `take`, in order; at most `threads` threads make them. Of the
/// number whose items are being taken, and of all that follow it together, at most `waiting_max` items wait. `make` ends early
/// where the function that it is given says that no more is wanted.
///
/// The first error in the order of the items is told.
pub(crate) fn stream<T: Send, E: Send>(
    threads: usize,
    count: usize,
    waiting_max: usize,
    make: impl Fn(usize, &mut dyn FnMut(T) -> bool) -> Result<(), E> + Sync,
    mut take: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let made = Mutex::new(Made {
        waiting: (0..count).map(|_| VecDeque::new()).collect(),
        ended: (0..count).map(|_| None).collect(),
        current: 0,
        of_others: 0,
        is_over: false,
    });
    let (next, was_made, was_taken) = (AtomicUsize::new(0), Condvar::new(), Condvar::new());
    let give = |at: usize, item: T| {
        let is_full = |made: &mut Made<T, E>| {
            let waiting = if at == made.current { made.waiting[at].len() } else { made.of_others };
            waiting >= waiting_max && !made.is_over
        };
        let mut made = was_taken.wait_while(lock(&made), is_full).expect(NO_PANIC);
        made.of_others += usize::from(at != made.current);
        made.waiting[at].push_back(item);
        was_made.notify_one();
        !made.is_over
    };
    let work = || loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        if at >= count || lock(&made).is_over {
            break;
        }
        let ended = catch_unwind(AssertUnwindSafe(|| make(at, &mut |item| give(at, item))));
        lock(&made).ended[at] = Some(ended);
        was_made.notify_one();
    };
    let take_all = |take: &mut dyn FnMut(usize, T) -> Result<(), E>| {
        for at in 0..count {
            loop {
                let is_missing = |made: &mut Made<T, E>| made.waiting[at].is_empty() && made.ended[at].is_none();
                let mut made = was_made.wait_while(lock(&made), is_missing).expect(NO_PANIC);
                if let Some(item) = made.waiting[at].pop_front() {
                    drop(made);
                    was_taken.notify_all();
                    take(at, item)?;
                    continue;
                }
                let ended = made.ended[at].take();
                made.current = at + 1;
                made.of_others -= made.waiting.get(at + 1).map_or(0, VecDeque::len);
                drop(made);
                was_taken.notify_all();
                match ended {
                    Some(Ok(ended)) => ended?,
                    Some(Err(panic)) => resume_unwind(panic),
                    None => {}
                }
                break;
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let makers = if threads < 2 { 0 } else { threads.min(count) };
        let spawn = |_: &usize| std::thread::Builder::new().spawn_scoped(scope, work).is_ok();
        if (0..makers).take_while(spawn).count() == 0 {
            // One thread, or a system that gives no other: everything is made here.
            return (0..count).try_for_each(|at| {
                let mut taken = Ok(());
                let made = make(at, &mut |item| {
                    taken = take(at, item);
                    taken.is_ok()
                });
                taken.and(made)
            });
        }
        let take_all = || take_all(&mut take);
        let taken = catch_unwind(AssertUnwindSafe(take_all));
        lock(&made).is_over = true;
        was_taken.notify_all();
        taken.unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Why a lock is not poisoned: panics are caught, and told when the lock is free.
const NO_PANIC: &str = "no thread panics while it holds what is shared";

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect(NO_PANIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_and_the_lowest_error_is_told() {
        for threads in [1, 4] {
            let order: Vec<usize> = (0..100).rev().collect();
            assert_eq!(map_in::<_, ()>(threads, &order, |at| Ok(at * 2)), Ok((0..100).map(|at| at * 2).collect()));
            let error = map_in(threads, &order, |at| if at % 30 == 7 { Err(at) } else { Ok(()) });
            assert_eq!(error, Err(7));
            let mut taken = Vec::new();
            let take = |at| {
                taken.push(at);
                Ok(())
            };
            let error = feed(threads, (0..100).collect(), |at| if at == 70 { Err(at) } else { Ok(at) }, take);
            assert_eq!((error, taken), (Err(70), (0..70).collect()));
            let mut taken = Vec::new();
            let items = (0..100).map(|at| if at == 70 { Err(at) } else { Ok(at) });
            let error = ahead(threads, 3, items, |at| {
                taken.push(at);
                if at == 60 { Err(at) } else { Ok(()) }
            });
            assert_eq!((error, taken), (Err(60), (0..=60).collect()));
            for waiting_max in [1, 2, usize::MAX] {
                let make = |at: usize, give: &mut dyn FnMut((usize, usize)) -> bool| {
                    let is_wanted = (0..at % 7).all(|nth| give((at, nth)));
                    if at == 50 && is_wanted { Err("made") } else { Ok(()) }
                };
                let until = |last: usize| {
                    let mut taken = Vec::new();
                    let ended = stream(threads, 60, waiting_max, make, |at, item| {
                        taken.push(item);
                        if at == last { Err("taken") } else { Ok(()) }
                    });
                    (ended, taken)
                };
                let all =
                    |count: usize| (0..count).flat_map(|at| (0..at % 7).map(move |nth| (at, nth))).collect::<Vec<_>>();
                assert_eq!(until(60), (Err("made"), all(51)));
                assert_eq!(until(45), (Err("taken"), all(45).into_iter().chain([(45, 0)]).collect()));
            }
            assert_eq!(map_each::<_, _, ()>(threads, vec!["a"; 3], |text| Ok(text.len())), Ok(vec![1; 3]));
        }
    }

    #[test]
    fn a_panic_is_told_and_nobody_waits_for_ever() {
        for threads in [1, 4] {
            let make = |at: usize, give: &mut dyn FnMut(usize) -> bool| {
                assert!(at < 20, "no more");
                (0..10).all(|_| give(at));
                Ok::<_, ()>(())
            };
            let made = catch_unwind(AssertUnwindSafe(|| stream(threads, 30, 1, make, |_, _| Ok(()))));
            assert!(made.is_err());
            let make = |at: usize, give: &mut dyn FnMut(usize) -> bool| {
                (0..10).all(|_| give(at));
                Ok::<_, ()>(())
            };
            let take = |at, _| {
                assert!(at < 20, "no more");
                Ok(())
            };
            assert!(catch_unwind(AssertUnwindSafe(|| stream(threads, 30, 1, make, take))).is_err());
        }
    }
}
