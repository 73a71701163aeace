//! One session, one watch and what keeps them going.

mod contending;
mod driver;
mod glance;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use entourage_core::{Retryable, Verdict};
use entourage_store::{
    Entry, Error as StoreError, Listing, Order, Result as StoreResult, Session, SessionId, Test, Version,
    What,
};
use tokio::{
    sync::{Notify, OwnedMutexGuard},
    task::JoinHandle,
};

use crate::{hold::Hold, lease::Lease, place::Queue, setup::Setup};

/// The right to contend, of which a lock has one.
pub(crate) type Turn = OwnedMutexGuard<Option<Arc<Membership>>>;

/// What is known of the fence key.
#[derive(Clone, Debug)]
struct Seen {
    test: Test,
    version: Version,
    /// Whether it is this contender's grant.
    mine: bool,
    /// Whether whoever was granted by it holds nothing any more.
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
        shared.setup.counts.opened(&shared);
        let driver = tokio::spawn(driver::drive(Arc::clone(&shared), watch));
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

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every update leaves a whole value behind, even if a holder of the lock panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the same call may succeed later, and repeating it does no harm here.
pub(crate) fn is_worth_repeating(error: &StoreError) -> bool {
    error.verdict() != Verdict::Permanent
}
