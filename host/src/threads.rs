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

/// `work` of each of `items`, by at most `threads` threads; the results are given to `take` in the order of the items, each as
/// soon as those before it were, by one of these threads while the others work on.
///
/// Of several errors the one of the first item is told; what comes after an error is not taken.
pub(crate) fn feed<I: Send, T: Send, E: Send>(
    threads: usize,
    items: Vec<I>,
    work: impl Fn(I) -> Result<T, E> + Sync,
    take: impl FnMut(T) -> Result<(), E> + Send,
) -> Result<(), E> {
    let items: Vec<Mutex<Option<I>>> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
    let done: Vec<Mutex<Option<T>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let taker = Mutex::new((0, take));
    map(threads, items.len(), |at| {
        if let Some(item) = lock(&items[at]).take() {
            *lock(&done[at]) = Some(work(item)?);
        }
        // A thread that takes already sees this one too, or leaves it to the next.
        taker.try_lock().map_or(Ok(()), |mut taker| take_ready(&done, &mut taker))
    })?;
    take_ready(&done, &mut lock(&taker))
}

/// Takes what is done from the one that is next on.
fn take_ready<T, E>(
    done: &[Mutex<Option<T>>],
    (next, take): &mut (usize, impl FnMut(T) -> Result<(), E>),
) -> Result<(), E> {
    while let Some(result) = done.get(*next).and_then(|done| lock(done).take()) {
        take(result)?;
        *next += 1;
    }
    Ok(())
}

/// `work` of each of `items`, by at most `threads` threads; the results are in their order. Errors are told as by [`map_in`].
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics while it holds what is shared")
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
            assert_eq!(map_each::<_, _, ()>(threads, vec!["a"; 3], |text| Ok(text.len())), Ok(vec![1; 3]));
        }
    }
}
