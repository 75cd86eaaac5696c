//! One value from a thread to a future.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The two ends.
pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let slot = Arc::new(Mutex::new(Slot {
        value: None,
        waker: None,
        sender_gone: false,
    }));
    (
        Sender {
            slot: Arc::clone(&slot),
        },
        Receiver { slot },
    )
}

/// Sends at most one value.
pub(crate) struct Sender<T> {
    slot: Arc<Mutex<Slot<T>>>,
}

impl<T> Sender<T> {
    /// Sends the value; it is lost if nobody waits any more.
    pub(crate) fn send(self, value: T) {
        lock(&self.slot).value = Some(value);
        // The receiver is woken by the drop.
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waker = {
            let mut slot = lock(&self.slot);
            slot.sender_gone = true;
            slot.waker.take()
        };
        // Outside of the lock: waking may run the receiver at once.
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Resolves to the value, or to `None` if the sender was dropped without sending.
pub(crate) struct Receiver<T> {
    slot: Arc<Mutex<Slot<T>>>,
}

impl<T> Future for Receiver<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = lock(&self.slot);
        if slot.sender_gone {
            return Poll::Ready(slot.value.take());
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
    sender_gone: bool,
}

fn lock<T>(slot: &Mutex<Slot<T>>) -> MutexGuard<'_, Slot<T>> {
    // No code that can panic runs under the lock, so a poisoned slot is still whole.
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::channel;
    use crate::sqlite::tests::block_on;
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn a_value_sent_before_or_after_the_first_poll_arrives() {
        let (sender, receiver) = channel();
        sender.send(1);
        assert_eq!(block_on(receiver), Some(1));

        let (sender, receiver) = channel();
        let mut receiver = pin!(receiver);
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(receiver.as_mut().poll(&mut context), Poll::Pending);
        std::thread::scope(|scope| {
            scope.spawn(|| sender.send(2));
            assert_eq!(block_on(receiver), Some(2));
        });
    }

    #[test]
    fn a_dropped_sender_is_noticed() {
        let (sender, receiver) = channel::<()>();
        drop(sender);
        assert_eq!(block_on(receiver), None);
    }
}
