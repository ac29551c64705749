//! Work on several threads, whose results do not tell how many there were.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

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
            done.lock().expect("no thread panics while it holds the list")[at] = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(order.len()) {
            scope.spawn(work_through);
        }
        work_through();
    });
    // What was not begun comes after an error.
    done.into_inner().expect("no thread panics while it holds the list").into_iter().flatten().collect()
}

/// As [`map_in`], begun in order.
pub(crate) fn map<T: Send, E: Send>(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    map_in(threads, &(0..count).collect::<Vec<_>>(), work)
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
        }
    }
}
