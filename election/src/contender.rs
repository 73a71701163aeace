//! Comes first for a name, again and again: what locks and elections have in common.

use std::{mem, pin::pin, sync::Arc};

use bytes::Bytes;
use entourage_core::{Moment, planted, sleep, timeout};
use entourage_store::SessionId;
use tokio::sync::Mutex;

use crate::{
    counts::Waiting,
    error::Result,
    membership::{Membership, Turn, is_worth_repeating},
    ownership::Ownership,
    seat::{Seat, Setback},
    setup::Setup,
};

/// Comes first for a name, again and again. Its clones take turns, first come, first served.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    setup: Arc<Setup>,
    /// The session is kept from one acquisition to the next, and so is its watch.
    turn: Arc<Mutex<Option<Arc<Membership>>>>,
}

impl Contender {
    pub(crate) fn new(setup: Setup) -> Self {
        Self { setup: Arc::new(setup), turn: Arc::default() }
    }

    pub(crate) const fn setup(&self) -> &Arc<Setup> {
        &self.setup
    }

    /// Waits for the turn in this process, then among all contenders.
    pub(crate) async fn acquire(&self, value: &Bytes) -> Result<Ownership> {
        let waiting = self.waits();
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let ownership = self.acquire_with(turn, value, None).await?;
        waiting.granted();
        Ok(ownership)
    }

    /// As [`Contender::acquire`] until `deadline`; `None` when it has come.
    pub(crate) async fn acquire_until(&self, value: &Bytes, deadline: Moment) -> Result<Option<Ownership>> {
        let acquired = pin!(self.acquire(value));
        tokio::select! {
            biased;
            acquired = acquired => acquired.map(Some),
            () = self.setup.clock.sleep_until(deadline) => Ok(None),
        }
    }

    /// Takes over a session of an earlier life, with the place in the queue that it has.
    pub(crate) async fn resume(&self, id: SessionId, value: &Bytes) -> Result<Ownership> {
        let waiting = self.waits();
        let mut turn = Arc::clone(&self.turn).lock_owned().await;
        *turn = None;
        let ownership = self.acquire_with(turn, value, Some(id)).await?;
        waiting.granted();
        Ok(ownership)
    }

    /// Acquires at once, or not at all.
    pub(crate) async fn try_acquire(&self, value: &Bytes) -> Result<Option<Ownership>> {
        let waiting = self.waits();
        let Ok(mut turn) = Arc::clone(&self.turn).try_lock_owned() else { return Ok(None) };
        let mut renewed = false;
        loop {
            let membership =
                self.membership(&mut turn, None).await.map_err(|error| self.setup.failed(error))?;
            let mut seat = Seat::take(membership, turn);
            match seat.contend_now(value).await {
                Ok(None) => return Ok(None),
                Ok(Some(claim)) => {
                    waiting.granted();
                    return Ok(Some(Ownership::new(&self.setup, seat, claim)));
                }
                Err(Setback::Store(error)) => return Err(self.setup.failed(error)),
                Err(Setback::Lost) => {
                    let Some(again) = seat.abandon() else { return Ok(None) };
                    turn = again;
                    *turn = None;
                    // A session that ended while nobody looked says nothing of the lock.
                    if mem::replace(&mut renewed, true) {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Ends the session that is kept for the next acquisition, and with it what one that was given
    /// up has left in the queue.
    pub(crate) async fn leave(&self) {
        let clock = &*self.setup.clock;
        let left = async {
            let membership = self.turn.lock().await.take()?;
            // A session that was given up with what is owned under it is left to expire.
            let shared = membership.shared();
            if shared.is_closed() { None } else { shared.session.end().await.err() }
        };
        if let Ok(Some(error)) = timeout(clock, self.setup.timings.ttl(), left).await {
            tracing::debug!(name = %self.setup.name, %error, "the session was not ended, and expires");
        }
    }

    async fn acquire_with(
        &self,
        mut turn: Turn,
        value: &Bytes,
        mut resume: Option<SessionId>,
    ) -> Result<Ownership> {
        let setup = &self.setup;
        let mut backoff = setup.timings.backoff(setup.seed(0));
        loop {
            let membership = match self.membership(&mut turn, resume).await {
                Ok(membership) => membership,
                Err(error) if is_worth_repeating(&error) => {
                    sleep(&*setup.clock, backoff.next_delay()).await;
                    continue;
                }
                Err(error) => return Err(setup.failed(error)),
            };
            // A second time it would be another's, or nobody's.
            resume = None;
            let seat = Seat::take(membership, turn);
            loop {
                match seat.contend(value).await {
                    Ok(claim) => return Ok(Ownership::new(setup, seat, claim)),
                    Err(Setback::Lost) => break,
                    Err(Setback::Store(error)) if is_worth_repeating(&error) => {
                        sleep(&*setup.clock, backoff.next_delay()).await;
                    }
                    Err(Setback::Store(error)) => return Err(setup.failed(error)),
                }
            }
            if planted("election-dies-with-its-session") {
                return Err(setup.lost());
            }
            setup.counts.relined.increment();
            tracing::debug!(name = %setup.name, "the session was lost; contending with another");
            turn = match seat.abandon() {
                Some(turn) => turn,
                None => Arc::clone(&self.turn).lock_owned().await,
            };
            *turn = None;
            sleep(&*setup.clock, backoff.next_delay()).await;
        }
    }

    fn waits(&self) -> Waiting {
        self.setup.counts.waits(&self.setup.clock)
    }

    /// The membership of this turn, opened anew if there is none that lives.
    async fn membership(
        &self,
        turn: &mut Turn,
        resume: Option<SessionId>,
    ) -> entourage_store::Result<Arc<Membership>> {
        match &**turn {
            Some(membership) if resume.is_none() && !membership.shared().is_closed() => {
                Ok(Arc::clone(membership))
            }
            _ => {
                let opened = Arc::new(Membership::open(Arc::clone(&self.setup), resume).await?);
                **turn = Some(Arc::clone(&opened));
                Ok(opened)
            }
        }
    }
}
