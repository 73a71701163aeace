//! What a contender asks of its membership, and tells it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use entourage_core::{Moment, planted, sleep, timeout};
use entourage_store::{Entry, Error as StoreError, Result as StoreResult, Test, Txn, Version, What};

use crate::{fence, hold::Hold, place::Place};

use super::{Seen, Shared, Turn, is_worth_repeating};

/// What the contender does.
impl Shared {
    /// Whether it is of no more use.
    pub(crate) fn is_closed(&self) -> bool {
        let state = self.state();
        state.closed || state.retired
    }

    /// Waits until it is of no more use. Cancel-safe.
    pub(crate) async fn closed(&self) {
        loop {
            let news = self.news.notified();
            if self.is_closed() {
                return;
            }
            news.await;
        }
    }

    /// Stops renewing: the session, and what is tied to it, is left to expire.
    pub(crate) fn retire(&self) {
        self.state().retired = true;
        self.stir.notify_one();
        self.news.notify_waiters();
    }

    /// Says that somebody contends here.
    pub(crate) fn enter(&self) {
        self.state().wanted = true;
    }

    /// Says that nobody contends here any more, and that nothing is left behind.
    pub(crate) fn leave(&self) {
        let mut state = self.state();
        state.wanted = false;
        state.hold = None;
        state.fence.settled |= state.fence.mine;
        state.lease.let_go();
    }

    /// As [`Shared::leave`], with something left behind, which the driver clears away before it
    /// gives back the turn.
    pub(crate) fn leave_litter(&self, turn: Option<Turn>) {
        self.leave();
        let mut state = self.state();
        state.fence.settled = false;
        if !state.closed {
            state.litter = true;
            state.parked = turn;
            self.mess.notify_one();
        }
    }

    /// What a claim at once must find under the fence key; `None` if somebody seems to be there.
    ///
    /// Nobody's ownership is disturbed if the fence is still the one that was seen and its
    /// claimer is gone: either it was this contender, or the queue was empty since.
    pub(crate) fn fence_if_free(&self) -> Option<Test> {
        let state = self.state();
        let settled = state.fence.settled || state.queue.through() >= state.fence.version;
        (settled && !state.queue.has_others(&self.own)).then(|| state.fence.test.clone())
    }

    /// The fence key was found so.
    pub(crate) fn saw_fence(&self, found: Option<&Entry>) {
        self.state().fence = Seen::of(found);
    }

    /// This contender was granted by this version of the fence key.
    pub(crate) fn took_fence(&self, version: Version) {
        self.state().fence = Seen { test: Test::Version(version), version, mine: true, settled: false };
    }

    /// Asks the store whether anybody else is there, and what the fence is.
    pub(crate) async fn look(&self) -> StoreResult<Option<Test>> {
        let fence = self.setup.store.get(&self.setup.fence_key).await?;
        let what = What::prefix(self.setup.name.prefix()).limit(2);
        let listing = self.setup.store.list(&what).await?;
        if listing.entries.iter().any(|entry| entry.key != self.own) {
            return Ok(None);
        }
        let seen = Seen::of(fence.as_ref());
        let test = seen.test.clone();
        self.state().fence = seen;
        Ok(Some(test))
    }

    /// Waits until the watch has come to the own key, and says whether nobody was there then.
    pub(crate) async fn came_alone(&self, created: Version) -> bool {
        let place = self.seen(created).await;
        if planted("election-first-by-now-is-enough") {
            return place == Place::First;
        }
        self.state().queue.came_alone(&self.own, created)
    }

    /// Waits until the watch has come to the own key, and says where it stands.
    pub(crate) async fn seen(&self, created: Version) -> Place {
        self.place_when(created, |place| place != Place::Unseen).await
    }

    /// Waits until nobody is before the own key, or it is gone. Sends nothing.
    pub(crate) async fn first(&self, created: Version) -> Place {
        self.place_when(created, |place| matches!(place, Place::First | Place::Gone)).await
    }

    async fn place_when(&self, created: Version, enough: impl Fn(Place) -> bool) -> Place {
        loop {
            let news = self.news.notified();
            let place = self.state().queue.place(&self.own, created);
            if enough(place) {
                return place;
            }
            news.await;
        }
    }

    /// Begins to hold; `None` if the lease has no moment left to believe in.
    pub(crate) fn hold(&self, created: Version) -> Option<Arc<Hold>> {
        let clock = &self.setup.clock;
        let mut state = self.state();
        if state.closed || state.retired {
            return None;
        }
        let until = state.lease.hold(clock.now())?;
        let bark = state.lease.bark();
        let watchdog = self.setup.alarm.as_ref().map(|alarm| {
            let alarm = Arc::clone(alarm);
            Arc::clone(clock).watchdog(bark, Box::new(move || alarm()))
        });
        let counts = Arc::clone(&self.setup.counts);
        let hold = Arc::new(Hold::new(Arc::clone(clock), until, watchdog, counts));
        state.hold = Some((created, Arc::clone(&hold)));
        drop(state);
        self.stir.notify_one();
        // The watch may have come to its end before there was anything to end.
        self.check();
        Some(hold)
    }

    /// How long guarded work may take to stop.
    pub(crate) fn grace(&self) -> Duration {
        self.state().lease.timings().grace()
    }

    /// Deletes the own key if it is the one that was created then, and no later life of this
    /// process has taken it over with the session.
    pub(crate) async fn withdraw(&self, created: Version) -> StoreResult<()> {
        let mut txn = Txn::new().when(&self.own, Test::Created(created)).delete(&self.own);
        if !planted("election-withdraws-a-later-life") {
            txn = txn.when_held(self.session.fence().clone());
        }
        if planted("election-unlocks-any-version") {
            txn.conditions.clear();
        }
        // A refusal says that it is gone already, or another's by now.
        let _ = self.setup.store.transact(txn).await?;
        Ok(())
    }

    /// Deletes the own key and writes the fence for whoever is next, in one commit, which is that
    /// one's grant: it need only look. Says whether this came about.
    ///
    /// That the heir's key stands is a condition: it goes with the heir's session.
    async fn hand_over(&self, created: Version) -> StoreResult<bool> {
        let heir = self.heir(created).filter(|_| !planted("election-releases-alone"));
        let Some((heir, came, record)) = heir else { return Ok(false) };
        let mut txn = Txn::new().delete(&self.own).put(&self.setup.fence_key, record);
        if !planted("election-hands-over-late") {
            txn = txn.when(&self.own, Test::Created(created)).when_held(self.session.fence().clone());
        }
        if !planted("election-hands-over-to-nobody") {
            txn = txn.when(heir, Test::Created(came));
        }
        let granted = self.setup.store.transact(txn).await?.applied();
        if let Some(version) = granted {
            self.state().fence = Seen { test: Test::Version(version), version, mine: false, settled: false };
        }
        Ok(granted.is_some())
    }

    /// Who is next, as the watch told it: its key, when that was created, and its record beside the
    /// fence. `None` if nobody is, or if the keys do not say who is who: proposals name nobody.
    fn heir(&self, created: Version) -> Option<(String, Version, Bytes)> {
        let state = self.state();
        let (_, own) = state.queue.first()?;
        if own.value != self.setup.identity.as_str() {
            return None;
        }
        let (key, next) = state.queue.next_after(&self.own, created)?;
        Some((key.clone(), next.created, fence::record_of(&next.value, key)?))
    }

    /// When the place of the first was left, the last time that the watch showed it.
    pub(crate) fn vacated(&self) -> Version {
        self.state().queue.vacated()
    }

    /// Hands over or withdraws, again and again until the store confirms it or has ended the
    /// session by itself.
    pub(crate) async fn insist_on_withdrawing(&self, created: Version) -> StoreResult<()> {
        let setup = &self.setup;
        let ttl = self.session.granted_ttl();
        let give_up: Moment = setup.clock.now() + ttl;
        let mut backoff = setup.timings.backoff(setup.seed(created.number()));
        loop {
            let left = give_up.since(setup.clock.now());
            let withdraw = async {
                // Where it applied and the answer was lost, what follows is refused and changes
                // nothing; a store that is full takes no fence, but a deletion.
                match self.hand_over(created).await {
                    Ok(true) => Ok(()),
                    Ok(false) | Err(_) => self.withdraw(created).await,
                }
            };
            let answer = timeout(&*setup.clock, left, withdraw).await;
            match answer {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if !is_worth_repeating(&error) => return Err(error),
                Ok(Err(error)) if left.is_zero() => return Err(error),
                Ok(Err(_)) => sleep(&*setup.clock, backoff.next_delay()).await,
                Err(elapsed) => return Err(StoreError::Unknown(elapsed.into())),
            }
        }
    }
}
