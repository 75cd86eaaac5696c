//! A bounded queue from futures to threads.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Futures push and are suspended while it is full; threads take and block while it is empty.
pub(crate) struct Queue<T> {
    capacity: usize,
    state: Mutex<State<T>>,
    filled: Condvar,
}

struct State<T> {
    jobs: VecDeque<T>,
    /// The futures that found the queue full. All are woken when there is room: the order among
    /// them does not matter, and a future that was dropped meanwhile holds up nobody.
    waiting: Vec<Waker>,
    closed: bool,
}

impl<T> Queue<T> {
    /// A queue of at most `capacity` jobs.
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State {
            jobs: VecDeque::new(),
            waiting: Vec::new(),
            closed: false,
        };
        Self {
            capacity,
            state: Mutex::new(state),
            filled: Condvar::new(),
        }
    }

    /// Adds a job as soon as there is room. A job pushed to a closed queue is dropped.
    pub(crate) async fn push(&self, job: T) {
        let mut job = Some(job);
        poll_fn(|context| {
            let mut state = self.lock();
            if state.closed {
                return Poll::Ready(());
            }
            if state.jobs.len() < self.capacity {
                state.jobs.extend(job.take());
                self.filled.notify_one();
                return Poll::Ready(());
            }
            if !state
                .waiting
                .iter()
                .any(|waker| waker.will_wake(context.waker()))
            {
                state.waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Waits for jobs and takes at most `limit` of them, in order. `None` when the queue is closed
    /// and empty.
    pub(crate) fn take(&self, limit: usize) -> Option<Vec<T>> {
        let (jobs, waiting) = {
            let mut state = self.lock();
            while state.jobs.is_empty() {
                if state.closed {
                    return None;
                }
                state = self
                    .filled
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            let count = limit.min(state.jobs.len());
            let jobs: Vec<T> = state.jobs.drain(..count).collect();
            (jobs, std::mem::take(&mut state.waiting))
        };
        waiting.into_iter().for_each(Waker::wake);
        Some(jobs)
    }

    /// Accepts nothing more. What is queued can still be taken.
    pub(crate) fn close(&self) {
        let waiting = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.waiting)
        };
        self.filled.notify_all();
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Closes and drops what is queued, so that nobody waits for a thread that is gone.
    pub(crate) fn abandon(&self) {
        self.close();
        let jobs = std::mem::take(&mut self.lock().jobs);
        drop(jobs);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No code that can panic runs under the lock, so a poisoned queue is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;
    use crate::sqlite::tests::block_on;
    use std::future::Future as _;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_full_queue_suspends_until_there_is_room() {
        let queue = Queue::new(2);
        block_on(queue.push(1));
        block_on(queue.push(2));
        let woken = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let mut third = pin!(queue.push(3));
        assert_eq!(third.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(third.as_mut().poll(&mut context), Poll::Pending);

        assert_eq!(queue.take(1), Some(vec![1]));
        assert_eq!(
            woken.0.load(Ordering::Relaxed),
            1,
            "once, however often it was polled"
        );
        assert_eq!(third.as_mut().poll(&mut context), Poll::Ready(()));
        assert_eq!(queue.take(9), Some(vec![2, 3]));
    }

    #[test]
    fn a_closed_queue_gives_out_what_it_holds_and_takes_no_more() {
        let queue = Queue::new(1);
        block_on(queue.push(1));
        let mut context = Context::from_waker(Waker::noop());
        let mut waiting = pin!(queue.push(2));
        assert_eq!(waiting.as_mut().poll(&mut context), Poll::Pending);
        queue.close();
        assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready(()));
        assert_eq!(queue.take(9), Some(vec![1]));
        assert_eq!(queue.take(9), None);
        block_on(queue.push(3));
        assert_eq!(queue.take(9), None);
    }

    #[test]
    fn an_abandoned_queue_is_empty() {
        let queue = Queue::new(1);
        block_on(queue.push(1));
        queue.abandon();
        assert_eq!(queue.take(9), None);
    }
}
