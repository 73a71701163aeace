//! The task that keeps a receiver's leases while the receiver lives.

use std::{sync::Arc, time::Duration};

use entourage_core::{Moment, planted};
use tokio::{runtime::Handle, task::JoinHandle};

use crate::{
    broker::{Broker, ConsumerId},
    error::{Error, Result},
};

/// Beats every third of a lease; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Heartbeat {
    lease: Duration,
    task: Option<JoinHandle<()>>,
}

impl Heartbeat {
    /// Refuses to subscribe where no task can beat.
    pub(super) fn check_runtime() -> Result<()> {
        let no_runtime =
            |_| Error::Invalid("no tokio runtime to send heartbeats; subscribe inside one".to_owned());
        Handle::try_current().map(drop).map_err(no_runtime)
    }

    /// For a consumer whose last sign of life was sent at `alive`.
    pub(super) fn new(
        broker: &Arc<dyn Broker>,
        consumer: ConsumerId,
        lease: Duration,
        alive: Moment,
    ) -> Self {
        let mut heartbeat = Self { lease, task: None };
        heartbeat.start(broker, consumer, alive);
        heartbeat
    }

    /// Starts it again where the runtime that it ran on has ended, for a consumer that is about
    /// to give a sign of life.
    pub(super) fn revive(&mut self, broker: &Arc<dyn Broker>, consumer: ConsumerId) {
        let beating = self.task.as_ref().is_some_and(|task| !task.is_finished());
        if !beating {
            self.start(broker, consumer, broker.clock().now());
        }
    }

    /// The first beat is due a third of a lease after `alive`, however late the runtime gets
    /// to run the task.
    fn start(&mut self, broker: &Arc<dyn Broker>, consumer: ConsumerId, alive: Moment) {
        if let Ok(runtime) = Handle::try_current() {
            let beating = beat(Arc::clone(broker), consumer, self.lease, alive + self.lease / 3);
            self.task = Some(runtime.spawn(beating));
        }
    }

    pub(super) fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Two of three beats may fail or be late before a lease is lost.
async fn beat(broker: Arc<dyn Broker>, consumer: ConsumerId, lease: Duration, first: Moment) {
    let clock = Arc::clone(broker.clock());
    let mut next = first;
    let mut failures = 0_u32;
    loop {
        clock.sleep_until(next).await;
        // The backend counts the lease from when it handles the beat, never from earlier.
        let sent = clock.now();
        let answer = if planted("queue-heart-stops") { Ok(()) } else { broker.beat(consumer).await };
        match answer {
            Ok(()) => {
                failures = 0;
                next = sent + lease / 3;
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                if failures == 1 {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "heartbeat failed; trying again"
                    );
                }
                next = clock.now() + lease / 10;
            }
        }
    }
}
