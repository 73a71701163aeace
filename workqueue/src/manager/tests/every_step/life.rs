//! The life of a manager, which ends at one of its calls as that of a process does.

use std::{
    any::Any,
    future::{Future, pending, poll_fn},
    pin::pin,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use tokio::sync::Notify;

/// On which side of a call's effect its caller is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    /// The effect is there, and nobody hears the answer.
    After,
}

/// The call at which a manager is killed, numbered from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kill {
    pub(super) call: usize,
    pub(super) side: Side,
}

/// Counts what a manager says to the world, and ends it at one call.
///
/// From then on whatever is still dropped or polled of it has no effect: nobody hears it, nobody
/// answers it, and what it holds is not given back.
#[derive(Debug, Default)]
pub(super) struct Life {
    kill: Option<Kill>,
    calls: Mutex<Vec<&'static str>>,
    is_over: AtomicBool,
    over: Notify,
    graves: Mutex<Vec<Box<dyn Any + Send>>>,
}

impl Life {
    /// A life that ends so, or else by itself.
    pub(super) fn until(kill: Option<Kill>) -> Self {
        Self { kill, ..Self::default() }
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Waits until it is over.
    pub(super) async fn over(&self) {
        while !self.is_over() {
            self.over.notified().await;
        }
    }

    /// What was called, in its order.
    pub(super) fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().clone()
    }

    /// Keeps what a living manager would give back by dropping it, as long as this is looked at.
    pub(super) fn bury(&self, what: impl Any + Send) {
        self.graves.lock().unwrap().push(Box::new(what));
    }

    /// Makes a call, of which only the effect happens, or not even that, if it is the last one.
    pub(super) async fn call<T>(&self, what: &'static str, effect: impl Future<Output = T>) -> T {
        if self.is_over() {
            return pending().await;
        }
        let side = self.count(what);
        if side == Some(Side::Before) {
            self.end();
            return pending().await;
        }
        let mut effect = pin!(effect);
        // Dropped before the effect is: a call that nobody waits for any longer is answered too.
        let ending = (side == Some(Side::After)).then(|| Ending(self));
        // Another call may have been the last one while this one waits.
        let answer =
            poll_fn(|context| if self.is_over() { Poll::Pending } else { effect.as_mut().poll(context) })
                .await;
        if ending.is_none() {
            return answer;
        }
        drop(ending);
        drop(answer);
        pending().await
    }

    /// Where the manager is killed if this is the call.
    fn count(&self, what: &'static str) -> Option<Side> {
        let mut calls = self.calls.lock().unwrap();
        calls.push(what);
        self.kill.filter(|kill| kill.call == calls.len()).map(|kill| kill.side)
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.over.notify_one();
    }
}

/// Ends a life when it is dropped.
struct Ending<'a>(&'a Life);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
