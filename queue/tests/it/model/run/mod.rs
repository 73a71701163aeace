//! The same calls to a queue and to the oracle, their answers compared.

mod inspect;
mod receive;
mod step;

use std::{collections::BTreeMap, fmt::Debug, sync::Arc, time::Duration};

use entourage_queue::{
    Delivery, Error, Group, ItemId, Publication, Published, Receiver, Settler, SubscribeOptions, Topic,
    TopicOptions, conformance::Subject,
};

use self::step::Once;
use super::{
    draw::{CLIENTS, Call, Draw, GROUPS, TOPICS},
    oracle::{Attempt, Oracle},
};

/// What a run met, to show that the runs together met everything.
pub(crate) type Coverage = BTreeMap<&'static str, u64>;

/// How long ids are remembered, and how many.
const WINDOW: Duration = Duration::from_secs(100);
const IDS: usize = 12;

/// A queue, an oracle, and whoever uses both.
pub(crate) struct Run {
    clients: Vec<Subject>,
    oracle: Oracle,
    draw: Draw,
    consumers: Vec<Real>,
    held: Vec<(Attempt, Delivery)>,
    applied: Vec<Once>,
    /// The last epoch of each fence's scope.
    epochs: BTreeMap<String, u64>,
    pub(crate) coverage: Coverage,
}

struct Real {
    receiver: Option<Box<dyn Receiver>>,
    settler: Arc<dyn Settler>,
}

fn same<T: PartialEq + Debug>(what: &str, real: &T, model: &T) -> Result<(), String> {
    if real == model { Ok(()) } else { Err(format!("{what}: the queue says {real:?}, the model {model:?}")) }
}

fn fine<T, E: Debug>(what: &str, answer: Result<T, E>) -> Result<T, String> {
    answer.map_err(|error| format!("{what}: the queue fails with {error:?}"))
}

impl Run {
    pub(crate) async fn begin(subject: Subject, seed: u64, grain: u64) -> Result<Self, String> {
        let mut clients = vec![subject.clone()];
        while clients.len() < CLIENTS {
            clients.push(subject.reopen().await);
        }
        let mut run = Self {
            clients,
            oracle: Oracle::default(),
            draw: Draw::new(seed, grain),
            consumers: Vec::new(),
            held: Vec::new(),
            applied: Vec::new(),
            epochs: BTreeMap::new(),
            coverage: Coverage::new(),
        };
        for topic in TOPICS {
            let capacity = run.draw.rng().pick(&[8, 30, 1000]);
            run.configure(0, topic, capacity).await?;
        }
        Ok(run)
    }

    /// The next call of the seed.
    pub(crate) fn draw(&mut self) -> (usize, Call) {
        let held: Vec<Attempt> = self.held.iter().map(|(attempt, _)| *attempt).collect();
        self.draw.call(&self.oracle, &held, self.applied.len())
    }

    /// Calls, and compares the answers. What a call needs may be missing when calls before it
    /// were left out: then it is left out too.
    pub(crate) async fn call(&mut self, client: usize, call: Call) -> Result<(), String> {
        if call.consumer().is_some_and(|consumer| consumer >= self.consumers.len()) {
            return Ok(());
        }
        match call {
            Call::Configure { topic, capacity } => self.configure(client, topic, capacity).await,
            Call::Publish(batch) => self.publish(client, batch).await,
            Call::Subscribe { group, topics, options } => {
                self.subscribe(client, group, topics, options).await
            }
            Call::Receive { consumer, ask } => self.receive(consumer, ask).await,
            Call::Step(settling) => self.step(settling).await,
            Call::Repeat { consumer, step } => self.repeat(consumer, step).await,
            Call::Renew { held, time } => self.renew(held, time).await,
            Call::State { consumer, key } => {
                let group = self.oracle.consumers[consumer].group;
                let real = fine("state", self.consumers[consumer].settler.state(key).await)?;
                self.met(if real.is_some() { "a record" } else { "no record" });
                same("state", &real, &self.oracle.record(group, key).cloned())
            }
            Call::Records { group, prefix } => {
                let real = self.clients[client].records(&Group::from(GROUPS[group]), prefix).await;
                same("records", &fine("records", real)?, &self.oracle.records(group, prefix))
            }
            Call::Stats { topic, group } => self.stats(client, topic, group).await,
            Call::Dead { topic, group, limit } => self.dead(client, topic, group, limit).await,
            Call::Redrive { topic, group, only } => self.redrive(client, topic, group, only).await,
            Call::Room { topic, items } => self.room(client, topic, items).await,
            Call::Close { consumer } => self.close(consumer).await,
            Call::DropReceiver { consumer } => {
                self.consumers[consumer].receiver = None;
                self.oracle.close(consumer);
                self.settled(consumer).await
            }
            Call::DropDelivery { held } => {
                let Some((attempt, delivery)) = self.take(held) else { return Ok(()) };
                drop(delivery);
                self.oracle.give_back(attempt);
                self.settled(attempt.consumer).await
            }
            Call::Advance(by) => self.advance(by).await,
        }
    }

    fn met(&mut self, what: &'static str) {
        *self.coverage.entry(what).or_default() += 1;
    }

    /// Waits until what was dropped has gone back.
    async fn settled(&self, consumer: usize) -> Result<(), String> {
        self.clients[self.oracle.consumers[consumer].client].settle().await;
        Ok(())
    }

    fn take(&mut self, place: usize) -> Option<(Attempt, Delivery)> {
        let place = place.checked_rem(self.held.len())?;
        Some(self.held.remove(place))
    }

    async fn configure(&mut self, client: usize, topic: &'static str, capacity: u64) -> Result<(), String> {
        let options = TopicOptions::new().with_capacity(capacity).with_dedupe(WINDOW, IDS as u64);
        fine("configure", self.clients[client].configure(&Topic::from(topic), options).await)?;
        self.oracle.configure(topic, capacity, WINDOW, IDS);
        Ok(())
    }

    async fn publish(&mut self, client: usize, batch: Vec<Publication>) -> Result<(), String> {
        let real = self.clients[client].publish(batch.clone()).await;
        match (real, self.oracle.publish(&batch)) {
            (Ok(real), Ok(model)) => {
                self.met_each(&real);
                same("publish", &real, &model)
            }
            (Err(Error::Full { topic, capacity }), Err(full)) => {
                self.met("a full topic");
                one_of("publish", &(topic.as_str().to_owned(), capacity), &full)
            }
            (real, model) => Err(format!("publish: the queue says {real:?}, the model {model:?}")),
        }
    }

    fn met_each(&mut self, published: &[Published]) {
        for one in published {
            self.met(if *one == Published::Accepted { "a new item" } else { "a duplicate" });
        }
    }

    async fn subscribe(
        &mut self,
        client: usize,
        group: usize,
        topics: Vec<&'static str>,
        options: SubscribeOptions,
    ) -> Result<(), String> {
        let names: Vec<Topic> = topics.iter().map(|topic| Topic::from(*topic)).collect();
        let joined = self.clients[client].subscribe(&names, &Group::from(GROUPS[group]), options).await;
        let (receiver, settler) = fine("subscribe", joined)?;
        self.consumers.push(Real { receiver: Some(receiver), settler });
        let consumer = self.oracle.subscribe(client, group, &topics, options);
        // Its heart is a task, which is to begin before time goes on.
        self.clients[client].settle().await;
        same("consumers", &(consumer + 1), &self.consumers.len())
    }

    async fn renew(&mut self, held: usize, time: Duration) -> Result<(), String> {
        let Some(place) = held.checked_rem(self.held.len()) else { return Ok(()) };
        let (attempt, delivery) = &self.held[place];
        let attempt = *attempt;
        let real = self.consumers[attempt.consumer].settler.renew(delivery, time).await;
        let id: ItemId = delivery.id().clone();
        match (real, self.oracle.renew(attempt, time)) {
            (Ok(()), true) => self.met("a renewal"),
            (Err(Error::Stale { ids }), false) if ids == [id] => self.met("a stale renewal"),
            (real, model) => return Err(format!("renew: the queue says {real:?}, the model {model}")),
        }
        Ok(())
    }

    async fn close(&mut self, consumer: usize) -> Result<(), String> {
        let Some(receiver) = &mut self.consumers[consumer].receiver else { return Ok(()) };
        fine("close", receiver.close().await)?;
        self.oracle.close(consumer);
        self.met("a close");
        Ok(())
    }

    /// A pause of everybody, after which each wakes.
    async fn advance(&mut self, by: Duration) -> Result<(), String> {
        self.clients[0].jump(by);
        for client in &self.clients {
            client.settle().await;
        }
        self.oracle.advance(by);
        Ok(())
    }
}

fn one_of<T: PartialEq + Debug>(what: &str, real: &T, model: &[T]) -> Result<(), String> {
    if model.contains(real) {
        Ok(())
    } else {
        Err(format!("{what}: the queue says {real:?}, the model {model:?}"))
    }
}
