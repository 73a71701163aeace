//! One leader at a time, whom everybody can see.

use std::{future::Future, ops::ControlFlow, pin::pin, sync::Arc};

use bytes::Bytes;
use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Moment, Shutdown, sleep};
use entourage_store::{FencedStore, Outcome, SessionId, Store, Test, Txn};

use crate::{
    builder::Builder,
    contender::Contender,
    error::Result,
    held::Held,
    leadership::{Leadership, asked},
    membership::is_worth_repeating,
    observe::Observer,
    ownership::{Ownership, Ran},
    status::Status,
};

/// One leader at a time, elected in the order of arrival, with a value that everybody sees.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> entourage_election::Result<()> {
/// use entourage_election::{Election, Observed};
/// use entourage_store::MemoryStore;
///
/// let election = Election::builder(MemoryStore::new(), "scheduler").build()?;
/// let mut observer = election.observe();
/// assert_eq!(observer.next().await?, Observed::Vacant);
///
/// let mut leadership = election.campaign("host-1:8080").await?;
/// leadership.proclaim("host-1:9090").await?;
/// let Observed::Leader(leader) = observer.next().await? else { panic!("somebody leads") };
/// assert_eq!(leader.value, "host-1:8080");
/// leadership.resign().await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Election {
    contender: Contender,
    single: bool,
}

impl Election {
    /// An election of this name over `store`.
    pub fn builder(store: impl Into<FencedStore>, name: impl Into<String>) -> Builder<Self> {
        Builder::new(store.into().into_inner(), name, |contender| Self { contender, single: false })
    }

    /// The same program without rivals: [`Election::campaign`] wins at once, without a session, a
    /// queue or renewals, and is never lost.
    ///
    /// For a program that is deployed once, and restarted rather than elected. It still takes a
    /// new fence, so a second one that was started by mistake shuts the first out of whatever
    /// checks fences, instead of working beside it.
    pub fn single_replica(store: impl Into<FencedStore>, name: impl Into<String>) -> Builder<Self> {
        Builder::new(store.into().into_inner(), name, |contender| Self { contender, single: true })
    }

    /// Waits until it leads, and shows `value` to everybody from the first moment in the queue.
    ///
    /// # Errors
    /// As [`LeaseLock::acquire`](crate::LeaseLock::acquire).
    ///
    /// # Cancel safety
    /// As [`LeaseLock::acquire`](crate::LeaseLock::acquire).
    pub async fn campaign(&self, value: impl Into<Bytes>) -> Result<Leadership> {
        let value = value.into();
        let ownership =
            if self.single { self.take_over().await? } else { self.contender.acquire(&value).await? };
        Ok(Leadership::new(ownership))
    }

    /// As [`Election::campaign`] until `deadline` on the store's clock; `None` when it has come.
    ///
    /// # Errors
    /// As [`Election::campaign`].
    ///
    /// # Cancel safety
    /// As [`Election::campaign`].
    pub async fn campaign_until(
        &self,
        value: impl Into<Bytes>,
        deadline: Moment,
    ) -> Result<Option<Leadership>> {
        let campaign = pin!(self.campaign(value));
        tokio::select! {
            biased;
            leadership = campaign => leadership.map(Some),
            () = self.contender.setup().clock.sleep_until(deadline) => Ok(None),
        }
    }

    /// Takes over the leadership, or the place, of an earlier life, with a *new* epoch.
    ///
    /// # Errors
    /// As [`LeaseLock::resume`](crate::LeaseLock::resume).
    ///
    /// # Cancel safety
    /// As [`LeaseLock::resume`](crate::LeaseLock::resume).
    pub async fn resume(&self, session: SessionId, value: impl Into<Bytes>) -> Result<Leadership> {
        Ok(Leadership::new(self.contender.resume(session, &value.into()).await?))
    }

    /// Sees who leads from now on; needs no campaign.
    #[must_use]
    pub fn observe(&self) -> Observer {
        Observer::new(Arc::clone(self.contender.setup()))
    }

    /// As [`LeaseLock::leave`](crate::LeaseLock::leave); [`Election::run`] does it when it drains.
    ///
    /// # Cancel safety
    /// As [`LeaseLock::leave`](crate::LeaseLock::leave).
    pub async fn leave(&self) {
        self.contender.leave().await;
    }

    /// How it stands in this process; asks the store nothing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.contender.setup().status()
    }

    /// Asks whoever leads now to resign; false if nobody was ever elected.
    ///
    /// A leader under [`Election::run`] complies; others see it with
    /// [`Leadership::asked_to_resign`]. A leader that comes later is not meant.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) when the store cannot answer.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the leader asked or not; asking twice is asking once.
    pub async fn ask_to_resign(&self) -> Result<bool> {
        let setup = self.contender.setup();
        let ask = async {
            let Some(fence) = setup.store.get(&setup.fence_key).await? else { return Ok(false) };
            let epoch = fence.version.number().to_string();
            let _ = setup.store.transact(Txn::new().put(setup.name.resign_key(), epoch)).await?;
            Ok(true)
        };
        ask.await.map_err(|error| setup.failed(error))
    }

    /// Leads whenever it is elected, until `lead` breaks or `shutdown` drains.
    ///
    /// A leadership that is lost ends `lead` as [`Ownership::run`] says, and the campaign begins
    /// anew in this process: nothing exits. So it does when a follower asks the leader to
    /// resign, and when `lead` continues. While draining, it campaigns no more and awaits a
    /// `lead` that has a clone of `shutdown`; once stopped, it drops `lead` and leaves the lease to
    /// expire.
    ///
    /// # Errors
    /// As [`Election::campaign`].
    ///
    /// # Cancel safety
    /// Dropping the future drops `lead`, and leaves the lease to expire.
    pub async fn run<F, Fut, T>(
        &self,
        value: impl Into<Bytes>,
        shutdown: &Shutdown,
        mut lead: F,
    ) -> Result<Option<T>>
    where
        F: FnMut(Held) -> Fut,
        Fut: Future<Output = ControlFlow<T>>,
    {
        let value = value.into();
        loop {
            let leadership = tokio::select! {
                biased;
                () = shutdown.draining() => None,
                leadership = self.campaign(value.clone()) => Some(leadership?),
            };
            let Some(leadership) = leadership else {
                self.leave().await;
                return Ok(None);
            };
            let held = leadership.held();
            let mut asked = pin!(asked(held.setup(), held.fence().epoch()));
            let mut running = pin!(leadership.into_ownership().run(&mut lead));
            let mut stepping_down = false;
            let ran = loop {
                tokio::select! {
                    biased;
                    () = shutdown.stopped() => return Ok(None),
                    ran = &mut running => break ran,
                    () = &mut asked, if !stepping_down => {
                        // The work is told, and has its grace time: then it is released.
                        stepping_down = true;
                        held.step_down();
                    }
                }
            };
            if let Ran::Finished(ControlFlow::Break(output)) | Ran::Late(ControlFlow::Break(output)) = ran {
                return Ok(Some(output));
            }
        }
    }

    /// Takes a new epoch without asking who leads.
    async fn take_over(&self) -> Result<Ownership> {
        let setup = self.contender.setup();
        let waiting = setup.counts.waits(&setup.clock);
        let mut backoff = setup.timings.backoff(setup.seed(2));
        loop {
            let take = async {
                let found = setup.store.get(&setup.fence_key).await?;
                let test = found.map_or(Test::Absent, |entry| Test::Version(entry.version));
                // On this condition a request whose answer was lost cannot apply after the next.
                let txn = Txn::new()
                    .when(&setup.fence_key, test)
                    .put(&setup.fence_key, setup.record("single-replica"));
                setup.store.transact(txn).await
            };
            match take.await {
                Ok(Outcome::Applied { version }) => {
                    waiting.granted();
                    return Ok(Ownership::alone(setup, version));
                }
                Ok(Outcome::Refused { .. }) => {}
                Err(error) if is_worth_repeating(&error) => {
                    sleep(&*setup.clock, backoff.next_delay()).await;
                }
                Err(error) => return Err(setup.failed(error)),
            }
        }
    }
}

impl Describe for Election {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.contender.setup().describe(blueprint, "election", true);
    }
}
