//! Time that stands still until a test moves it, on a timeline of its choice.

use std::{sync::Arc, time::Duration};

use entourage_core::{Bark, Clock, Moment, Sleep, Timeline, Watchdog};
use tokio::sync::watch;

#[derive(Debug)]
pub(in crate::sqlite) struct TestClock {
    now: watch::Sender<Moment>,
    boot: &'static str,
}

impl TestClock {
    pub(in crate::sqlite) fn new(boot: &'static str, start: Duration) -> Arc<Self> {
        Arc::new(Self { now: watch::Sender::new(Moment::ZERO + start), boot })
    }

    pub(in crate::sqlite) fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = *now + by);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Moment {
        *self.now.borrow()
    }

    fn timeline(&self) -> Timeline {
        Timeline::new(self.boot)
    }

    fn sleep_until(&self, at: Moment) -> Sleep {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            if now.wait_for(|now| *now >= at).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }

    fn watchdog(self: Arc<Self>, at: Moment, bark: Bark) -> Watchdog {
        Watchdog::on_runtime(self, at, bark)
    }
}
