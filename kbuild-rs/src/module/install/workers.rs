//! The same work on many files, on several threads.

use std::sync::{Mutex, PoisonError};

use crate::sys::Signals;
use crate::{Error, Result};

/// Does `work` for each item, `jobs` at once; the results in the order of the items. The first
/// failure ends it.
pub(super) fn map<T: Send, R: Send>(
    items: Vec<T>,
    jobs: usize,
    work: &(dyn Fn(T) -> Result<R> + Sync),
) -> Result<Vec<R>> {
    let jobs = jobs.clamp(1, items.len().max(1));
    let queue = Mutex::new(items.into_iter().enumerate());
    let done = Mutex::new((Vec::new(), None::<Error>));
    let run = || {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((at, item)) = next else {
                return;
            };
            let result = Signals::check().and_then(|()| work(item));
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(result) => done.0.push((at, result)),
                Err(error) => drop(done.1.get_or_insert(error)),
            }
            if done.1.is_some() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            // This thread does it all if no other can be started.
            let _ = std::thread::Builder::new().spawn_scoped(scope, run);
        }
        run();
    });
    match done.into_inner().unwrap_or_else(PoisonError::into_inner) {
        (_, Some(error)) => Err(error),
        (mut results, None) => {
            results.sort_by_key(|(at, _)| *at);
            Ok(results.into_iter().map(|(_, result)| result).collect())
        }
    }
}
