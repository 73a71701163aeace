//! A clock that stands until a test moves it.

use std::{
    sync::{Arc, Mutex},
    task::{Poll, Waker},
    time::Duration,
};

use entourage_core::{Bark, Clock, Moment, Sleep, Timeline, Watchdog};

#[derive(Clone, Debug, Default)]
pub(crate) struct ManualClock {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    now: Moment,
    sleepers: Vec<(Moment, Waker)>,
}

impl ManualClock {
    pub(crate) fn advance(&self, duration: Duration) {
        let mut state = self.state.lock().unwrap();
        state.now = state.now + duration;
        let now = state.now;
        let due: Vec<_> = state.sleepers.extract_if(.., |(at, _)| *at <= now).collect();
        drop(state);
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// How many wait for the moment that is `duration` from now.
    pub(crate) fn sleepers_in(&self, duration: Duration) -> usize {
        let state = self.state.lock().unwrap();
        let at = state.now + duration;
        let mut tasks: Vec<Waker> = Vec::new();
        // A sleep that is polled twice is one sleeper.
        for (_, waker) in state.sleepers.iter().filter(|(sleeper, _)| *sleeper == at) {
            if !tasks.iter().any(|known| known.will_wake(waker)) {
                tasks.push(waker.clone());
            }
        }
        tasks.len()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        self.state.lock().unwrap().now
    }

    fn timeline(&self) -> Timeline {
        Timeline::new("manual")
    }

    fn sleep_until(&self, at: Moment) -> Sleep {
        let state = Arc::clone(&self.state);
        Box::pin(std::future::poll_fn(move |cx| {
            let mut state = state.lock().unwrap();
            if state.now >= at {
                return Poll::Ready(());
            }
            state.sleepers.push((at, cx.waker().clone()));
            Poll::Pending
        }))
    }

    fn watchdog(self: Arc<Self>, at: Moment, bark: Bark) -> Watchdog {
        Watchdog::on_runtime(self, at, bark)
    }
}
