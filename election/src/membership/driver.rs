//! The task that keeps a membership going.

use std::{sync::Arc, time::Duration};

use entourage_core::{planted, sleep, timeout};
use entourage_store::{Change, Error as StoreError, Result as StoreResult, Version, Watch};

use crate::{
    counts::End,
    hold::Hold,
    lease::{Event, Step},
    place::{Place, Queue},
};

use super::{Shared, list};

/// Closes however the driver ends, so that nobody waits for it: also when it is aborted, or its
/// runtime ends before it has run at all.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        if !planted("election-driver-ends-unsaid") {
            self.0.close();
        }
    }
}

pub(super) fn drive(shared: Arc<Shared>, watch: Box<dyn Watch>) -> impl Future<Output = ()> + Send {
    let closing = Closing(shared);
    async move {
        tokio::select! {
            biased;
            () = closing.0.renew() => {}
            () = closing.0.follow(watch) => {}
            () = closing.0.tidy() => {}
        }
    }
}

/// What the driver does.
impl Shared {
    /// Renews the session until it is lost or retired.
    async fn renew(&self) {
        let clock = &*self.setup.clock;
        loop {
            let step = {
                let mut state = self.state();
                if state.retired {
                    return;
                }
                state.lease.step(clock.now())
            };
            match step {
                Step::Lost => return,
                Step::Rest(until) => {
                    tokio::select! {
                        biased;
                        () = self.stir.notified() => {}
                        () = clock.sleep_until(until) => {}
                    }
                }
                Step::Renew { patience } => {
                    let counts = &self.setup.counts;
                    counts.renewals_sent.increment();
                    let answer = timeout(clock, patience, self.session.renew()).await;
                    let is_answered = answer.is_ok();
                    let event = match answer {
                        Ok(Ok(sent)) => Event::Confirmed { sent, ttl: self.session.granted_ttl() },
                        Ok(Err(error)) if error.is_session_lost() => Event::SessionLost,
                        Ok(Err(error)) => {
                            tracing::debug!(name = %self.setup.name, error = %error, "renewal failed");
                            Event::Failed
                        }
                        Err(_) => Event::Failed,
                    };
                    let mut state = self.state();
                    let until = state.lease.on(event, clock.now());
                    counts.renewed(is_answered.then_some(&event), until.is_some());
                    if event == Event::SessionLost
                        && let Some((_, hold)) = &state.hold
                    {
                        hold.end(End::Session);
                    }
                    let bark = until.map(|_| state.lease.bark());
                    if let (Some(until), Some(bark), Some((_, hold))) = (until, bark, &state.hold) {
                        // One that ended for its readers is over for the driver too.
                        let _ = hold.extend(until, bark);
                    }
                }
            }
        }
    }

    /// Follows the one watch, and lists again where it says that there is a gap.
    async fn follow(&self, mut watch: Box<dyn Watch>) {
        let clock = &*self.setup.clock;
        let mut backoff = self.setup.timings.backoff(self.setup.seed(self.session.id().number));
        loop {
            match watch.next().await {
                Ok(change) => {
                    backoff.reset();
                    self.saw(change);
                    if planted("election-asks-at-every-change") {
                        let _ = list(&self.setup).await;
                    }
                }
                Err(error) => {
                    tracing::debug!(name = %self.setup.name, error = %error, "watch failed");
                    sleep(clock, backoff.next_delay()).await;
                }
            }
            while self.state().queue.is_stale() && !planted("election-lists-no-gap") {
                match self.in_time(list(&self.setup)).await {
                    Ok((entries, as_of)) => self.state().queue = Queue::of(entries, as_of),
                    Err(_) => sleep(clock, backoff.next_delay()).await,
                }
            }
            self.check();
            self.news.notify_waiters();
        }
    }

    /// Waits no longer than the session lasts: a call that is never answered is made again.
    async fn in_time<T>(&self, call: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
        let patience =
            if planted("election-awaits-for-ever") { Duration::MAX } else { self.session.granted_ttl() };
        let answer = timeout(&*self.setup.clock, patience, call).await;
        answer.unwrap_or_else(|elapsed| Err(StoreError::Unknown(elapsed.into())))
    }

    /// Ends what is held by a key that is no more: an operator deleted it, or its session.
    pub(super) fn check(&self) {
        let mut state = self.state();
        let gone =
            |(created, _): &(Version, Arc<Hold>)| state.queue.place(&self.own, *created) == Place::Gone;
        if state.hold.as_ref().is_some_and(gone)
            && let Some((_, hold)) = state.hold.take()
        {
            hold.end(End::Key);
        }
    }

    fn saw(&self, change: Change) {
        let mut state = self.state();
        let is_own = change.key() == Some(&*self.own);
        // A request that was given up may still arrive.
        if !state.wanted && is_own && matches!(change, Change::Put(_)) {
            state.litter = true;
            self.mess.notify_one();
        }
        let is_own_end = is_own && matches!(change, Change::Delete { .. });
        if !(is_own_end && planted("election-overlooks-its-own-end")) {
            state.queue.apply(change);
        }
    }

    /// Clears away what was left behind, then gives the turn back.
    async fn tidy(&self) {
        let mut backoff = self.setup.timings.backoff(self.setup.seed(self.session.id().number));
        loop {
            self.mess.notified().await;
            while self.is_littered() {
                match self.in_time(self.clear()).await {
                    Ok(()) => backoff.reset(),
                    Err(_) => {
                        self.state().litter = true;
                        sleep(&*self.setup.clock, backoff.next_delay()).await;
                    }
                }
            }
            let parked = self.state().parked.take();
            drop(parked);
        }
    }

    fn is_littered(&self) -> bool {
        let mut state = self.state();
        let littered = state.litter && !state.wanted && !planted("election-leaves-its-litter");
        state.litter = false;
        littered
    }

    /// Deletes the own key, if it is there.
    async fn clear(&self) -> StoreResult<()> {
        if let Some(entry) = self.setup.store.get(&self.own).await? {
            self.withdraw(entry.created).await?;
        }
        Ok(())
    }

    fn close(&self) {
        let (hold, parked) = {
            let mut state = self.state();
            state.closed = true;
            (state.hold.take(), state.parked.take())
        };
        // What is held and was not given back has ended; its watchdog stays until it is.
        if let Some((_, hold)) = hold {
            hold.end(End::Dropped);
        }
        drop(parked);
        self.news.notify_waiters();
    }
}
