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
use tokio::task;

/// How long a case waits before it says that something never happens.
///
/// A case never sleeps and hopes: it waits for what must come, and is given up on after this.
/// So a correct backend costs no more time than it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Everything happens on the case's own runtime: what has not happened after so many
    /// turns of it never will, and no time need pass to know.
    Turns(usize),
    /// Threads or sockets take part: what has not happened by so much real time never will.
    Wall(Duration),
}

impl Patience {
    /// For a backend that lives on the case's own runtime.
    pub const TURNS: Self = Self::Turns(1000);
    /// For a backend with threads or sockets, on a machine that may be busy.
    pub const WALL: Self = Self::Wall(Duration::from_secs(15));

    /// The same after `time` has gone by. Only real time adds to it: turns take none.
    #[must_use]
    pub const fn beyond(self, time: Duration) -> Self {
        match self {
            Self::Turns(turns) => Self::Turns(turns),
            Self::Wall(limit) => Self::Wall(limit.saturating_add(time)),
        }
    }

    /// The patience that so many waits of this patience need together.
    #[must_use]
    pub const fn times(self, waits: u32) -> Self {
        match self {
            Self::Turns(turns) => Self::Turns(turns.saturating_mul(waits as usize)),
            Self::Wall(limit) => Self::Wall(limit.saturating_mul(waits)),
        }
    }

    /// What `future` gives.
    ///
    /// # Panics
    /// When that never happens, saying `what` did not.
    pub async fn wait<F: Future>(self, what: &str, future: F) -> F::Output {
        let output = self.attempt(future).await;
        output.unwrap_or_else(|| panic!("{what}: it never happens"))
    }

    /// What `future` gives, or `None` if that never happens.
    pub async fn attempt<F: Future>(self, future: F) -> Option<F::Output> {
        match self {
            Self::Turns(turns) => within_turns(turns, pin!(future)).await,
            Self::Wall(limit) => timeout(&SystemClock::new(), limit, future).await.ok(),
        }
    }
}

/// Lets the other tasks of this runtime run for so many turns.
pub async fn turns(turns: usize) {
    for _ in 0..turns {
        task::yield_now().await;
    }
}

/// What `future` gives within so many turns; it may be asked again if that is nothing.
///
/// It is polled only when it was woken, so that a wake-up that is lost is found.
pub async fn within_turns<F: Future>(turns: usize, mut future: Pin<&mut F>) -> Option<F::Output> {
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&woken));
    for _ in 0..turns {
        if woken.0.swap(false, Ordering::Relaxed)
            && let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
        {
            return Some(output);
        }
        task::yield_now().await;
    }
    None
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};

    use super::*;

    #[tokio::test]
    async fn what_never_happens_ends_and_what_happens_is_given() {
        for patience in [Patience::Turns(10), Patience::Wall(Duration::from_millis(10))] {
            assert_eq!(patience.attempt(pending::<()>()).await, None, "{patience:?}");
            assert_eq!(patience.attempt(task::yield_now()).await, Some(()), "{patience:?}");
        }
    }

    #[tokio::test]
    async fn a_future_that_forgets_to_be_woken_is_found() {
        let mut polls = 0;
        let forgetful = poll_fn(|_| {
            polls += 1;
            if polls == 1 { Poll::Pending } else { Poll::Ready(()) }
        });
        assert_eq!(Patience::TURNS.attempt(forgetful).await, None);
        assert_eq!(polls, 1);
    }

    #[tokio::test]
    async fn what_was_asked_too_early_may_be_asked_again() {
        let mut future = pin!(turns(5));
        assert_eq!(within_turns(3, future.as_mut()).await, None);
        assert_eq!(within_turns(9, future).await, Some(()));
    }
}
