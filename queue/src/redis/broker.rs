//! The server, as the consumer over it sees it.

use std::{
    collections::HashMap,
    future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entourage_core::{Clock, Realm, planted};
use tokio::sync::watch;

use crate::{
    ask::Ask,
    broker::{Activity, Broker, ConsumerId, Leased, Pending},
    capabilities::Capabilities,
    counts::Verbs,
    delivery::Receipt,
    error::{Error, Result},
    item::{Group, Topic},
    limits,
    options::SubscribeOptions,
    redis::{
        CAPABILITIES,
        bell::Changes,
        core::{Core, packed},
        hands::Hands,
        member::Member,
        publication::Parcel,
        scripts, span,
        step::{Plan, place_of, ranges},
    },
    state::Record,
    step::{Applied, Step},
};

/// A queue's server, and the consumers of this process.
#[derive(Debug)]
pub(super) struct RedisBroker {
    pub(super) core: Arc<Core>,
    pub(super) hands: Hands,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) changes: watch::Receiver<()>,
    pub(super) name: String,
    /// Those whose receiver or settler is there.
    members: Mutex<HashMap<ConsumerId, Arc<Member>>>,
}

impl RedisBroker {
    pub(super) fn new(
        core: Core,
        hands: Hands,
        clock: Arc<dyn Clock>,
        changes: watch::Receiver<()>,
        name: String,
    ) -> Self {
        Self { core: Arc::new(core), hands, clock, changes, name, members: Mutex::default() }
    }

    fn members(&self) -> MutexGuard<'_, HashMap<ConsumerId, Arc<Member>>> {
        // No caller's code runs under the lock.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, consumer: ConsumerId) -> Result<Arc<Member>> {
        self.members().get(&consumer).cloned().ok_or(Error::Closed)
    }

    /// A consumer that has not left.
    fn member(&self, consumer: ConsumerId) -> Result<Arc<Member>> {
        let member = self.known(consumer)?;
        if member.has_left() { Err(Error::Closed) } else { Ok(member) }
    }

    /// Does something with the server, which happens though nobody polls it.
    pub(super) fn submit<T, F>(&self, work: impl FnOnce(Arc<Core>) -> F) -> Pending<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.hands.submit(work(Arc::clone(&self.core)))
    }
}

fn at_once<T: Send + 'static>(answer: Result<T>) -> Pending<T> {
    Box::pin(future::ready(answer))
}

#[async_trait::async_trait]
impl Broker for RedisBroker {
    fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    fn realm(&self) -> Realm {
        self.core.link.realm()
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn activity(&self) -> Box<dyn Activity> {
        Box::new(Changes(self.changes.clone()))
    }

    async fn join(&self, topics: &[Topic], group: &Group, options: SubscribeOptions) -> Result<ConsumerId> {
        let call = packed(scripts::JOIN.call().owned(group.as_str()), &self.core.topics);
        let call = topics.iter().fold(call, |call, topic| call.owned(topic.as_str()));
        let reply = self.submit(|core| async move { core.ask(call).await }).await?;
        let member = Member::joined(topics, options, reply)?;
        let id = ConsumerId(member.id);
        self.members().insert(id, Arc::new(member));
        Ok(id)
    }

    fn lease(&self, consumer: ConsumerId, ask: Ask) -> Pending<Leased> {
        let member = match self.member(consumer) {
            Ok(member) => member,
            Err(error) => return at_once(Err(error)),
        };
        let clock = Arc::clone(&self.clock);
        self.submit(|core| async move {
            // Before it is asked: whoever wakes too early asks once more.
            let asked = clock.now();
            let leased = member.leased(core.ask(member.ask(&ask)).await?, asked)?;
            core.counts.leased.add(leased.items.len() as u64);
            Ok(leased)
        })
    }

    async fn beat(&self, consumer: ConsumerId) -> Result<()> {
        let member = self.member(consumer)?;
        let call = scripts::BEAT.call().number(member.id).number(member.lease());
        let answer = self.submit(|core| async move { core.ask(call).await }).await?;
        if answer.word == "LATE" {
            // Not awaited: the next beat must not wait for what others have left behind.
            drop(self.submit(|core| async move { core.sweep().await }));
        }
        Ok(())
    }

    fn leave(&self, consumer: ConsumerId) -> Pending<()> {
        let Ok(member) = self.known(consumer) else { return at_once(Ok(())) };
        member.leave();
        let id = member.id;
        self.submit(|core| async move {
            loop {
                let mut reply = core.ask(scripts::LEAVE.call().number(id)).await?;
                core.counts.released.add(reply.number()?);
                if reply.word == "OK" {
                    return Ok(());
                }
            }
        })
    }

    fn forget(&self, consumer: ConsumerId) {
        self.members().remove(&consumer);
    }

    fn give_back(&self, consumer: ConsumerId, receipts: Vec<Receipt>) -> Pending<()> {
        let Ok(member) = self.member(consumer) else { return at_once(Ok(())) };
        let call = scripts::GIVE.call().number(member.id);
        let call = ranges(&receipts).into_iter().fold(call, |call, (grant, at)| call.number(grant).owned(at));
        let clock = Arc::clone(&self.clock);
        let (pause, end) = (member.options.lease / 10, clock.now() + member.options.time_limit);
        // Nobody else would: while the consumer lives, they are its own until their time limit.
        self.submit(|core| async move {
            loop {
                match core.ask(call.clone()).await {
                    Err(Error::Unknown(_) | Error::Unavailable(_))
                        if !member.has_left() && clock.now() < end =>
                    {
                        clock.sleep_until(clock.now() + pause).await;
                    }
                    reply => {
                        core.counts.released.add(reply?.number()?);
                        return Ok(());
                    }
                }
            }
        })
    }

    fn apply(&self, consumer: ConsumerId, step: &Step) -> Pending<Applied> {
        let Ok(member) = self.known(consumer) else {
            return at_once(Err(limits::left(step)));
        };
        let (plan, verbs, has_left) = (Plan::of(step), Verbs::of(step), member.has_left());
        if planted("queue-steps-not-atomic") {
            let parcel = Parcel::of(&step.publish);
            drop(self.submit(|core| async move { core.publish(parcel).await }));
        }
        self.submit(|core| async move {
            let applied = core.apply(&member, has_left, plan).await;
            core.counts.settled(verbs, &applied);
            applied
        })
    }

    async fn renew(&self, consumer: ConsumerId, receipt: Receipt, time: Duration) -> Result<()> {
        let stale = || Error::Stale { ids: Vec::new() };
        let member = self.member(consumer).map_err(|_| stale())?;
        let (grant, place) = place_of(receipt);
        let script = match planted("queue-accepts-stale") {
            true => &scripts::RENEW_OF_ANYONE,
            false => &scripts::RENEW,
        };
        let call = script.call().number(member.id).number(grant).number(u64::from(place)).number(span(time));
        let reply = self.submit(|core| async move { core.ask(call).await }).await?;
        if reply.word == "OK" { Ok(()) } else { Err(stale()) }
    }

    async fn state(&self, consumer: ConsumerId, key: &str) -> Result<Option<Record>> {
        let member = self.known(consumer)?;
        let call = scripts::RECORD.call().number(member.group).owned(key);
        let mut reply = self.submit(|core| async move { core.ask(call).await }).await?;
        if reply.word == "NONE" {
            return Ok(None);
        }
        let (version, value) = (reply.number()?, reply.bytes()?.into());
        Ok(Some(Record { key: key.into(), value, version }))
    }
}
