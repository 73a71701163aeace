//! One session, one watch and what keeps them going.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entourage_core::{Moment, Retryable, Verdict, planted, sleep, timeout};
use entourage_store::{
    Change, Condition, Entry, Error as StoreError, Listing, Operation, Order, Result as StoreResult, Session,
    SessionId, Test, Txn, Version, Watch, What,
};
use tokio::{
    sync::{Notify, OwnedMutexGuard},
    task::JoinHandle,
};

use crate::{
    hold::Hold,
    lease::{Event, Lease, Step},
    place::{Place, Queue},
    setup::Setup,
};

/// The right to contend, of which a lock has one.
pub(crate) type Turn = OwnedMutexGuard<Option<Arc<Membership>>>;

/// What is known of the fence key.
#[derive(Clone, Debug)]
struct Seen {
    test: Test,
    version: Version,
    /// Whether this contender wrote it.
    mine: bool,
    /// Whether whoever wrote it holds nothing any more.
    settled: bool,
}

/// What changes.
#[derive(Debug)]
struct State {
    lease: Lease,
    queue: Queue,
    fence: Seen,
    /// What is held, and when the key was created that it is held by.
    hold: Option<(Version, Arc<Hold>)>,
    /// Whether somebody contends here: otherwise a key of ours is litter.
    wanted: bool,
    litter: bool,
    /// The turn of who left before the litter was gone.
    parked: Option<Turn>,
    retired: bool,
    closed: bool,
}

/// One session, one watch and what keeps them going, for one contender of one name.
///
/// The driver is a task that this handle owns: it renews the session, follows the watch and
/// clears away the key of an acquisition that was given up. It ends when the handle is
/// dropped, when the session is lost, or when it is retired; what is held then ends by the clock.
#[derive(Debug)]
pub(crate) struct Membership {
    shared: Arc<Shared>,
    driver: JoinHandle<()>,
}

/// What the driver and the contender share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) setup: Arc<Setup>,
    pub(crate) session: Session,
    /// The contender's key.
    pub(crate) own: String,
    state: Mutex<State>,
    /// Something changed that a contender may wait for.
    news: Notify,
    /// The driver's own: the lease is to be looked at, litter is to be cleared.
    stir: Notify,
    mess: Notify,
}

impl Membership {
    /// Opens a session and the one watch, which begins where a listing ended.
    pub(crate) async fn open(setup: Arc<Setup>, resume: Option<SessionId>) -> StoreResult<Self> {
        // In this order: the listing is as of the fence that was read, or later.
        let fence = setup.store.get(&setup.fence_key).await?;
        let (entries, as_of) = list(&setup).await?;
        let watch = setup.store.watch(&setup.name.prefix(), Some(as_of)).await?;
        let sent = setup.clock.now();
        let session = match resume {
            Some(id) => setup.store.resume(id).await?,
            None => setup.store.session(setup.timings.ttl()).await?,
        };
        let number = session.id().number;
        let lease = Lease::granted(setup.timings, sent, session.granted_ttl(), setup.seed(number));
        let state = State {
            lease,
            queue: Queue::of(entries, as_of),
            fence: Seen::of(fence.as_ref()),
            hold: None,
            wanted: false,
            litter: false,
            parked: None,
            retired: false,
            closed: false,
        };
        let own = setup.name.key_of(session.id());
        let (state, news) = (Mutex::new(state), Notify::new());
        let (stir, mess) = (Notify::new(), Notify::new());
        let shared = Arc::new(Shared { setup, session, own, state, news, stir, mess });
        let driver = tokio::spawn(drive(Arc::clone(&shared), watch));
        Ok(Self { shared, driver })
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Seen {
    fn of(entry: Option<&Entry>) -> Self {
        match entry {
            Some(entry) => {
                let test = Test::Version(entry.version);
                Self { test, version: entry.version, mine: false, settled: false }
            }
            None => Self { test: Test::Absent, version: Version::ZERO, mine: false, settled: false },
        }
    }
}

/// The contenders, page by page. Later pages leave out who came after the first, whom the
/// watch will show; who went meanwhile is gone.
pub(crate) async fn list(setup: &Setup) -> StoreResult<(Vec<Entry>, Version)> {
    let prefix = What::prefix(setup.name.prefix()).ordered(Order::Key);
    let Listing { mut entries, as_of, mut more } = setup.store.list(&prefix).await?;
    let ceiling = Version::new(as_of.number().saturating_add(1));
    while let (true, Some(last)) = (more, entries.last()) {
        let page = prefix.clone().after(last.key.clone()).created_below(ceiling);
        let listing = setup.store.list(&page).await?;
        more = listing.more && !listing.entries.is_empty();
        entries.extend(listing.entries);
    }
    Ok((entries, as_of))
}

async fn drive(shared: Arc<Shared>, watch: Box<dyn Watch>) {
    /// Closes also when the driver is aborted, so that nobody waits for it.
    struct Closing(Arc<Shared>);
    impl Drop for Closing {
        fn drop(&mut self) {
            self.0.close();
        }
    }
    let closing = Closing(shared);
    tokio::select! {
        biased;
        () = closing.0.renew() => {}
        () = closing.0.follow(watch) => {}
        () = closing.0.tidy() => {}
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
                    let event = match timeout(clock, patience, self.session.renew()).await {
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
                }
                Err(error) => {
                    tracing::debug!(name = %self.setup.name, error = %error, "watch failed");
                    sleep(clock, backoff.next_delay()).await;
                }
            }
            while self.state().queue.is_stale() {
                match list(&self.setup).await {
                    Ok((entries, as_of)) => self.state().queue = Queue::of(entries, as_of),
                    Err(_) => sleep(clock, backoff.next_delay()).await,
                }
            }
            self.check();
            self.news.notify_waiters();
        }
    }

    /// Ends what is held by a key that is no more: an operator deleted it, or its session.
    fn check(&self) {
        let mut state = self.state();
        let gone =
            |(created, _): &(Version, Arc<Hold>)| state.queue.place(&self.own, *created) == Place::Gone;
        if state.hold.as_ref().is_some_and(gone)
            && let Some((_, hold)) = state.hold.take()
        {
            hold.end();
        }
    }

    fn saw(&self, change: Change) {
        let mut state = self.state();
        // A request that was given up may still arrive.
        if !state.wanted && matches!(&change, Change::Put(entry) if entry.key == self.own) {
            state.litter = true;
            self.mess.notify_one();
        }
        state.queue.apply(change);
    }

    /// Clears away what was left behind, then gives the turn back.
    async fn tidy(&self) {
        let mut backoff = self.setup.timings.backoff(self.setup.seed(self.session.id().number));
        loop {
            self.mess.notified().await;
            while self.is_littered() {
                match self.clear().await {
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
        let littered = state.litter && !state.wanted;
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
            hold.end();
        }
        drop(parked);
        self.news.notify_waiters();
    }
}

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

    /// The fence key was written by this contender.
    pub(crate) fn wrote_fence(&self, version: Version) {
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
        let hold = Arc::new(Hold::new(Arc::clone(clock), until, watchdog));
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

    /// Deletes the own key if it is the one that was created then.
    pub(crate) async fn withdraw(&self, created: Version) -> StoreResult<()> {
        let txn = Txn {
            conditions: vec![Condition::Key { key: self.own.clone(), test: Test::Created(created) }],
            operations: vec![Operation::Delete { key: self.own.clone() }],
        };
        // A refusal says that it is gone already.
        let _ = self.setup.store.transact(txn).await?;
        Ok(())
    }

    /// As [`Shared::withdraw`], again and again until the store confirms it or has ended the
    /// session by itself.
    pub(crate) async fn insist_on_withdrawing(&self, created: Version) -> StoreResult<()> {
        let setup = &self.setup;
        let ttl = self.session.granted_ttl();
        let give_up: Moment = setup.clock.now() + ttl;
        let mut backoff = setup.timings.backoff(setup.seed(created.number()));
        loop {
            let left = give_up.since(setup.clock.now());
            let answer = timeout(&*setup.clock, left, self.withdraw(created)).await;
            match answer {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if !is_worth_repeating(&error) => return Err(error),
                Ok(Err(error)) if left.is_zero() => return Err(error),
                Ok(Err(_)) => sleep(&*setup.clock, backoff.next_delay()).await,
                Err(elapsed) => return Err(StoreError::Unknown(elapsed.into())),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every update leaves a whole value behind, even if a holder of the lock panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the same call may succeed later, and repeating it does no harm here.
pub(crate) fn is_worth_repeating(error: &StoreError) -> bool {
    error.verdict() != Verdict::Permanent
}
