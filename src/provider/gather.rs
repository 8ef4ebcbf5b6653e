//! Independent calls at the same time, answers in a fixed order.

use std::future::Future;
use std::pin::Pin;

use futures_util::stream::{self, StreamExt, TryStreamExt};

/// A future whose type is forgotten: naming the futures of closures over references is more than the compiler can do
/// inside another `Send` future.
pub(super) type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Runs the tasks, at most `width` at a time, and answers in their order. The first failure ends all.
///
/// Everything runs inside the caller's own task (the clouds do the overlapping), so nothing outlives the caller and
/// the order of starts is the same in every run.
pub(super) fn gather<'a, T, E, F>(width: usize, tasks: impl IntoIterator<Item = F>) -> Task<'a, Result<Vec<T>, E>>
where
    F: Future<Output = Result<T, E>> + Send + 'a,
    T: Send + 'a,
    E: Send + 'a,
{
    let numbered = tasks.into_iter().enumerate();
    let tasks: Vec<Task<'a, Result<(usize, T), E>>> =
        numbered.map(|(number, task)| Box::pin(async move { Ok((number, task.await?)) }) as _).collect();
    Box::pin(async move {
        let mut answers: Vec<(usize, T)> = stream::iter(tasks).buffer_unordered(width.max(1)).try_collect().await?;
        answers.sort_by_key(|(number, _)| *number);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
    }

    #[test]
    fn answers_keep_their_order_and_no_more_than_width_run() {
        let now = AtomicUsize::new(0);
        let most = AtomicUsize::new(0);
        let tasks = (0..20_usize).map(|number| {
            let (now, most) = (&now, &most);
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..(number % 3) {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, ()>(number)
            }
        });
        assert_eq!(run(gather(4, tasks)), Ok((0..20).collect::<Vec<_>>()));
        assert!((2..=4).contains(&most.load(Ordering::SeqCst)));
    }

    #[test]
    fn the_first_failure_ends_all() {
        let tasks = (0..5).map(|number| async move { if number == 2 { Err(number) } else { Ok(number) } });
        assert_eq!(run(gather(2, tasks)), Err(2));
        assert_eq!(run(gather(0, [async { Ok::<_, ()>(1) }])), Ok(vec![1]));
    }
}
