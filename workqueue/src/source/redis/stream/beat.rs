//! The task that keeps a consumer's entries while the source lives.

use std::{sync::Arc, time::Duration};

use entourage_core::{Clock, sleep};
use tokio::{runtime::Handle, task::JoinHandle};

use super::group::Consumer;

/// Beats at a third of the silence that others bear; ends when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Beat(Option<JoinHandle<()>>);

impl Beat {
    /// Begins, unless it goes on; where there is no runtime, nothing beats.
    pub(super) fn begin(&mut self, consumer: &Consumer, clock: &Arc<dyn Clock>, idle: Duration) {
        let beats = self.0.as_ref().is_some_and(|task| !task.is_finished());
        if let (false, Ok(runtime)) = (beats, Handle::try_current()) {
            let (consumer, clock) = (consumer.clone(), Arc::clone(clock));
            self.0 = Some(runtime.spawn(async move {
                loop {
                    sleep(&*clock, idle / 3).await;
                    // Another beat comes before the time is up; and what is lost is told apart.
                    if let Err(fault) = consumer.beat().await {
                        tracing::debug!(error = &fault as &dyn std::error::Error, "a stream's beat failed");
                    }
                }
            }));
        }
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
