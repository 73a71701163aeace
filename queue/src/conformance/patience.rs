//! How long a case waits before it says that something never happens.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use entourage_core::{SystemClock, timeout};

/// How long a case waits before it says that something never happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Everything happens on the case's own runtime: what has not happened after so many
    /// turns of it never will, and no time need pass to know.
    Turns,
    /// Threads or sockets take part.
    Wall,
}

impl Patience {
    const TURNS: usize = 2000;
    const WALL: Duration = Duration::from_secs(20);

    /// What `future` gives, or a panic that says `what` did not happen.
    pub(crate) async fn wait<F: Future>(self, what: &str, future: F) -> F::Output {
        let output = self.attempt(future).await;
        output.unwrap_or_else(|| panic!("{what}: it never happens"))
    }

    /// What `future` gives, or `None` if it never does.
    pub(crate) async fn attempt<F: Future>(self, future: F) -> Option<F::Output> {
        match self {
            Self::Turns => within_turns(Self::TURNS, pin!(future)).await,
            Self::Wall => timeout(&SystemClock::new(), Self::WALL, future).await.ok(),
        }
    }
}

/// Lets the other tasks of this runtime run for so many turns.
pub(crate) async fn turns(turns: usize) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

/// What `future` gives within so many turns; it may be asked again if that is nothing.
///
/// It is polled only when it was woken, so that a wake-up that is lost is found.
pub(crate) async fn within_turns<F: Future>(turns: usize, mut future: Pin<&mut F>) -> Option<F::Output> {
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&woken));
    for _ in 0..turns {
        if woken.0.swap(false, Ordering::Relaxed)
            && let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
        {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
