//! The file, as the consumer over it sees it.

use std::{
    collections::HashMap,
    future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entourage_core::{Clock, Realm, planted};
use entourage_engine::sqlite::{Durability, EPOCHS_PER_JOB, SqliteFile};

use crate::{
    ask::Ask,
    broker::{Activity, Broker, ConsumerId, Leased, Pending},
    capabilities::Capabilities,
    counts::{Counts, Verbs},
    delivery::Receipt,
    error::{Error, Result},
    item::{Group, Topic},
    limits,
    options::{SubscribeOptions, TopicOptions},
    sqlite::{
        consumer::{self, Member},
        fault::Fault,
        lease, publish, state,
        step::{self, Plan},
        stirs::{Lookout, Stirs},
        work::Work,
    },
    state::Record,
    step::{Applied, Step},
};

const CAPABILITIES: Capabilities = Capabilities::new().with_durable(true).with_shared(true);

// One job leases all of an answer, an epoch each.
const _: () = assert!(CAPABILITIES.max_batch as u64 <= EPOCHS_PER_JOB);

/// A queue's file, and the consumers of this process.
#[derive(Debug)]
pub(super) struct SqliteBroker {
    pub(super) file: SqliteFile,
    pub(super) name: String,
    pub(super) topics: TopicOptions,
    pub(super) counts: Counts,
    pub(super) lookout: Arc<Lookout>,
    members: Mutex<HashMap<ConsumerId, Known>>,
}

/// A consumer whose receiver or settler is there.
#[derive(Clone, Debug)]
struct Known {
    member: Arc<Member>,
    /// It gets nothing any more; only its steps are still known.
    has_left: bool,
}

impl SqliteBroker {
    pub(super) fn new(file: SqliteFile, name: String, topics: TopicOptions) -> Self {
        let lookout = Arc::new(Lookout::over(&file));
        Self { file, name, topics, counts: Counts::new(), lookout, members: Mutex::default() }
    }

    fn members(&self) -> MutexGuard<'_, HashMap<ConsumerId, Known>> {
        // No caller's code runs under the lock.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, consumer: ConsumerId) -> Result<Known> {
        self.members().get(&consumer).cloned().ok_or(Error::Closed)
    }

    /// A consumer that has not left.
    fn member(&self, consumer: ConsumerId) -> Result<Arc<Member>> {
        let Known { member, has_left } = self.known(consumer)?;
        if has_left { Err(Error::Closed) } else { Ok(member) }
    }
}

fn at_once<T: Send + 'static>(answer: Result<T>) -> Pending<T> {
    Box::pin(future::ready(answer))
}

/// Submitting is the effect: whoever holds or drops the answer changes nothing.
fn answer<T: Send + 'static>(pending: entourage_engine::sqlite::Pending<T, Fault>) -> Pending<T> {
    Box::pin(async move { Ok(pending.await?) })
}

#[async_trait::async_trait]
impl Broker for SqliteBroker {
    fn clock(&self) -> &Arc<dyn Clock> {
        self.file.clock()
    }

    fn realm(&self) -> Realm {
        self.file.realm()
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn activity(&self) -> Box<dyn Activity> {
        Box::new(Stirs::new(&self.lookout))
    }

    /// A consumer may be forgotten with the power: nobody is left who would use it. A group's
    /// first joining may not, because it decides what the group is entitled to.
    async fn join(&self, topics: &[Topic], group: &Group, options: SubscribeOptions) -> Result<ConsumerId> {
        let of = (topics.to_vec(), group.clone());
        let joined = self.file.write(Durability::Relaxed, {
            let (topics, group) = of.clone();
            move |tx| consumer::join(tx, &topics, &group, options, None)
        });
        let member = match joined.await? {
            Some(member) => member,
            None => {
                let new = self.topics;
                let joined = self.file.write(Durability::Durable, move |tx| {
                    consumer::join(tx, &of.0, &of.1, options, Some(&new))
                });
                joined.await?.ok_or_else(|| Error::Failed("a new group could not join".into()))?
            }
        };
        let id = member.consumer();
        self.members().insert(id, Known { member: Arc::new(member), has_left: false });
        Ok(id)
    }

    /// Relaxed: epochs are reserved on the disk before they are granted, so none is granted
    /// twice, and the loss of power ends the lease in any case.
    fn lease(&self, consumer: ConsumerId, ask: Ask) -> Pending<Leased> {
        let member = match self.member(consumer) {
            Ok(member) => member,
            Err(error) => return at_once(Err(error)),
        };
        let counts = self.counts.clone();
        answer(self.file.submit(Durability::Relaxed, move |tx| {
            let (leased, swept) = lease::lease(tx, &member, &ask)?;
            swept.count(&counts);
            counts.leased.add(leased.items.len() as u64);
            Ok(leased)
        }))
    }

    /// Relaxed: no deadline outlives the loss of power.
    async fn beat(&self, consumer: ConsumerId) -> Result<()> {
        let (member, counts) = (self.member(consumer)?, self.counts.clone());
        let beaten = self.file.write(Durability::Relaxed, move |tx| {
            consumer::beat(tx, &member)?.count(&counts);
            Ok::<_, Fault>(())
        });
        Ok(beaten.await?)
    }

    /// Relaxed: the loss of power gives everything back. Who leaves again may not have left the
    /// file the first time.
    fn leave(&self, consumer: ConsumerId) -> Pending<()> {
        let left = self.members().get_mut(&consumer).map(|known| {
            known.has_left = true;
            Arc::clone(&known.member)
        });
        let Some(member) = left else { return at_once(Ok(())) };
        let counts = self.counts.clone();
        answer(self.file.submit(Durability::Relaxed, move |tx| {
            let (released, swept) = consumer::leave(tx, member.id)?;
            swept.count(&counts);
            counts.released.add(released);
            Ok(())
        }))
    }

    fn forget(&self, consumer: ConsumerId) {
        self.members().remove(&consumer);
    }

    /// Relaxed, as [`Broker::leave`].
    fn give_back(&self, consumer: ConsumerId, receipts: Vec<Receipt>) -> Pending<()> {
        let Ok(member) = self.member(consumer) else { return at_once(Ok(())) };
        let counts = self.counts.clone();
        answer(self.file.submit(Durability::Relaxed, move |tx| {
            let (released, swept) = consumer::give_back(tx, member.id, &receipts)?;
            swept.count(&counts);
            counts.released.add(released);
            Ok(())
        }))
    }

    fn apply(&self, consumer: ConsumerId, step: &Step) -> Pending<Applied> {
        let Ok(Known { member, has_left }) = self.known(consumer) else {
            return at_once(Err(limits::left(step)));
        };
        let (plan, verbs) = (Plan::of(step), Verbs::of(step));
        let (new, counts) = (self.topics, self.counts.clone());
        if planted("queue-steps-not-atomic") {
            let (batch, counts) = (plan.publish.clone(), counts.clone());
            drop(
                self.file.submit(Durability::Durable, move |tx| publish::publish(tx, &batch, &new, &counts)),
            );
        }
        let swept = counts.clone();
        let left = has_left.then(|| limits::left(step));
        let applied = answer(self.file.submit(Durability::Durable, move |tx| {
            if let Some(left) = left {
                return step::recall(tx, &member, &plan)?.ok_or_else(|| left.into());
            }
            let (applied, ended) = step::apply(tx, &member, &plan, &new)?;
            ended.count(&swept);
            Ok(applied)
        }));
        Box::pin(async move {
            let applied = applied.await;
            counts.settled(verbs, &applied);
            applied
        })
    }

    /// Relaxed: no deadline outlives the loss of power.
    async fn renew(&self, consumer: ConsumerId, receipt: Receipt, time: Duration) -> Result<()> {
        let member = self.member(consumer).map_err(|_| Error::Stale { ids: Vec::new() })?;
        let counts = self.counts.clone();
        let renewed = self.file.write(Durability::Relaxed, move |tx| {
            step::renew(tx, member.id, receipt, time)?.count(&counts);
            Ok::<_, Fault>(())
        });
        Ok(renewed.await?)
    }

    async fn state(&self, consumer: ConsumerId, key: &str) -> Result<Option<Record>> {
        let (Known { member, .. }, key) = (self.known(consumer)?, key.to_owned());
        let clock = Arc::clone(self.file.clock());
        let record = self.file.read(move |conn| {
            Ok::<_, Fault>(state::record(&Work::new(conn, clock.now()), member.group, &key)?)
        });
        Ok(record.await?)
    }
}
