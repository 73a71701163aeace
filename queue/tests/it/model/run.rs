//! The same calls to a queue and to the oracle, their answers compared.

use std::{collections::BTreeMap, fmt::Debug, pin::pin, sync::Arc, time::Duration};

use entourage_queue::{
    Applied, Ask, Delivery, Error, Group, ItemId, Publication, Published, Receipt, Receiver, Redrive,
    Rejection, Release, Result as Answer, Returns, Settler, StateWrite, Step, SubscribeOptions, Topic,
    TopicOptions, Unapplied, conformance::Subject,
};

use super::{
    draw::{CLIENTS, Call, Draw, GROUPS, Settling, TOPICS},
    oracle::{Attempt, Obstacles, Oracle, Status, Verb},
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

/// A step that was applied, as somebody knows it who has not heard of that.
struct Once {
    group: usize,
    id: Option<String>,
    effective: String,
    deliveries: Vec<(Delivery, Verb)>,
    publish: Vec<Publication>,
    state: Vec<StateWrite>,
}

fn same<T: PartialEq + Debug>(what: &str, real: &T, model: &T) -> Result<(), String> {
    if real == model { Ok(()) } else { Err(format!("{what}: the queue says {real:?}, the model {model:?}")) }
}

fn fine<T, E: Debug>(what: &str, answer: Result<T, E>) -> Result<T, String> {
    answer.map_err(|error| format!("{what}: the queue fails with {error:?}"))
}

impl Run {
    pub(crate) async fn begin(subject: Subject, seed: u64) -> Result<Self, String> {
        let mut clients = vec![subject.clone()];
        while clients.len() < CLIENTS {
            clients.push(subject.reopen().await);
        }
        let mut run = Self {
            clients,
            oracle: Oracle::default(),
            draw: Draw::new(seed),
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

    async fn receive(&mut self, consumer: usize, ask: Ask) -> Result<(), String> {
        let client = self.clients[self.oracle.consumers[consumer].client].clone();
        let Some(mut receiver) = self.consumers[consumer].receiver.take() else { return Ok(()) };
        let answer = self.answer(&client, &mut *receiver, consumer, ask).await;
        self.consumers[consumer].receiver = Some(receiver);
        let deliveries = match answer? {
            Err(Error::Closed) if !self.oracle.consumers[consumer].open => {
                self.met("a closed receiver");
                return Ok(());
            }
            answer => fine("receive", answer)?,
        };
        if !self.oracle.consumers[consumer].open {
            return Err("a closed receiver received".to_owned());
        }
        self.oracle.touch(consumer);
        self.adopt(consumer, &ask, deliveries)
    }

    async fn answer(
        &mut self,
        client: &Subject,
        receiver: &mut dyn Receiver,
        consumer: usize,
        ask: Ask,
    ) -> Result<Answer<Vec<Delivery>>, String> {
        if ask.wait.is_zero() {
            return Ok(receiver.receive(ask).await);
        }
        let mut receiving = Box::pin(receiver.receive(ask));
        if let Some(answer) = client.glance(receiving.as_mut()).await {
            return Ok(answer);
        }
        self.met("a wait");
        if self.expected(consumer, &ask).is_some() {
            return Err("receive: the queue waits for what is there".to_owned());
        }
        self.oracle.touch(consumer);
        self.advance(ask.wait).await?;
        let answer = receiving.as_mut().await;
        drop(receiving);
        if client.has_threads() && answer.as_ref().is_ok_and(Vec::is_empty) {
            // The other thread may have looked for the last time before the jump.
            return Ok(receiver.receive(ask.wait(Duration::ZERO)).await);
        }
        Ok(answer)
    }

    /// How many items of what each topic may be answered; `None` for nothing at all.
    fn expected(&self, consumer: usize, ask: &Ask) -> Option<usize> {
        let who = &self.oracle.consumers[consumer];
        let ready = |topic: &&'static str| self.oracle.ready(topic, who.group);
        let most = if ask.same_bundle {
            let bundles = who.topics.iter().flat_map(|topic| {
                let ready = ready(topic);
                let bundle = |nth: usize| ready[nth].publication.item.bundle().cloned();
                let count = |nth| (0..ready.len()).filter(|other| bundle(*other) == bundle(nth)).count();
                (0..ready.len()).map(count).collect::<Vec<_>>()
            });
            bundles.max().unwrap_or(0)
        } else {
            who.topics.iter().map(|topic| ready(topic).len()).sum()
        };
        (most >= ask.at_least).then_some(most)
    }

    /// Compares an answer with what was ready, and takes it over.
    fn adopt(&mut self, consumer: usize, ask: &Ask, deliveries: Vec<Delivery>) -> Result<(), String> {
        let Some(most) = self.expected(consumer, ask) else {
            self.met("an empty answer");
            return same("receive", &deliveries.len(), &0);
        };
        let group = self.oracle.consumers[consumer].group;
        let bundle =
            deliveries.first().map(|delivery| (delivery.topic().clone(), delivery.item().bundle().cloned()));
        let Some((first_topic, bundle)) = bundle else {
            return Err(format!("receive: the queue finds nothing, the model {most} item(s)"));
        };
        let mut chosen = Vec::new();
        let mut available = 0;
        for topic in self.oracle.consumers[consumer].topics.clone() {
            let mut ready = self.oracle.ready(topic, group);
            if ask.same_bundle {
                let belongs = topic == first_topic.as_str();
                ready.retain(|entry| belongs && entry.publication.item.bundle() == bundle.as_ref());
            }
            available += ready.len();
            let here = deliveries.iter().filter(|delivery| delivery.topic().as_str() == topic);
            for (nth, delivery) in here.enumerate() {
                let Some(entry) = ready.get(nth) else {
                    return Err(format!("receive: {delivery:?} is not ready"));
                };
                same("the item", delivery.item(), &entry.publication.item)?;
                same("its retries", &delivery.retries(), &entry.retries)?;
                same("its lapses", &delivery.lapses(), &entry.lapses)?;
                chosen.push((delivery.receipt().epoch, entry.sequence));
            }
        }
        let by_bytes = ask.max_bytes.div_ceil(8).max(ask.at_least);
        same("how many", &deliveries.len(), &available.min(ask.max).min(by_bytes))?;
        same("how many are of its topics", &chosen.len(), &deliveries.len())?;
        self.met(if ask.same_bundle { "a bundle" } else { "items" });
        for delivery in deliveries {
            let epoch = delivery.receipt().epoch;
            let scope = delivery.fence().scope().as_str().to_owned();
            same("the realm", &delivery.fence().realm(), &self.clients[0].realm())?;
            same("the fence's epoch", &delivery.fence().epoch(), &epoch)?;
            if let Some(last) = self.epochs.insert(scope, epoch).filter(|last| *last >= epoch) {
                return Err(format!("receive: {delivery:?} does not supersede epoch {last} of its scope"));
            }
            let (_, sequence) = chosen.iter().find(|(other, _)| *other == epoch).expect("each was chosen");
            let attempt = self.oracle.lease(consumer, *sequence, epoch);
            self.held.push((attempt, delivery));
        }
        Ok(())
    }

    async fn step(&mut self, settling: Settling) -> Result<(), String> {
        let Settling { consumer, name, settle, publish, state } = settling;
        let (group, is_open) = {
            let consumer = &self.oracle.consumers[consumer];
            (consumer.group, consumer.open)
        };
        if settle.is_empty() && !is_open {
            return Ok(());
        }
        let take = |(place, verb): (usize, Verb)| {
            self.take(place).map(|(attempt, delivery)| ((attempt, verb), (delivery, verb)))
        };
        let mut taken: Vec<_> = settle.into_iter().filter_map(take).collect();
        taken.sort_by_key(|((_, verb), _)| match verb {
            Verb::Accept => 0,
            Verb::Release { .. } => 1,
            Verb::Reject => 2,
        });
        let (settle, deliveries): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        let twins: Vec<_> = deliveries.iter().map(|(delivery, verb)| (twin(delivery), *verb)).collect();
        let step = assemble(name.clone(), deliveries, &publish, &state);
        let Some(effective) = step.effective_id() else {
            let refused = self.consumers[consumer].settler.step(step).await;
            self.met("an unnamed step");
            return match refused {
                Err(Unapplied { error: Error::Invalid(_), .. }) => Ok(()),
                other => Err(format!("step: the queue says {other:?}, the model that it is invalid")),
            };
        };
        let effective = effective.as_str().to_owned();
        let real = self.consumers[consumer].settler.step(step).await;
        if is_open && let Some(applied) = self.oracle.recall(group, &effective) {
            // What was not settled by it goes back.
            settle.iter().for_each(|(attempt, _)| self.oracle.give_back(*attempt));
            self.settled(consumer).await?;
            return self.repeated(real, &applied);
        }
        let named = |(attempt, verb): &(Attempt, Verb)| (*attempt, *verb, self.id_of(*attempt, &twins));
        let settled: Vec<_> = settle.iter().map(named).collect();
        let model = self.oracle.step(consumer, &effective, &settled, &publish, &state);
        match (real, model) {
            (Ok(real), Ok(model)) => {
                self.met("a step");
                self.met_each(&real.published);
                let once = Once { group, id: name, effective, deliveries: twins, publish, state };
                self.applied.push(once);
                same("step", &real, &model)
            }
            (Err(unapplied), Err(obstacles)) => self.unapplied(unapplied, &obstacles, &settle),
            (real, model) => Err(format!("step: the queue says {real:?}, the model {model:?}")),
        }
    }

    fn id_of(&self, attempt: Attempt, twins: &[(Delivery, Verb)]) -> String {
        let twin = twins.iter().find(|(twin, _)| twin.receipt().epoch == attempt.epoch);
        twin.map(|(twin, _)| twin.id().as_str().to_owned()).expect("each attempt has a twin")
    }

    fn repeated(&mut self, real: Result<Applied, Unapplied>, model: &Applied) -> Result<(), String> {
        self.met("a repeated step");
        same("a repeated step", &fine("a repeated step", real)?, model)
    }

    /// Compares a refusal, and takes back what it gives back.
    fn unapplied(
        &mut self,
        unapplied: Unapplied,
        obstacles: &Obstacles,
        settle: &[(Attempt, Verb)],
    ) -> Result<(), String> {
        match &unapplied.error {
            Error::Stale { ids } => {
                self.met("a stale step");
                let ids: Vec<String> = ids.iter().map(|id| id.as_str().to_owned()).collect();
                same("the stale", &ids, &obstacles.stale)?;
            }
            Error::StateConflict { key, expected, found } => {
                self.met("a conflict");
                one_of("step", &(key.clone(), *expected, *found), &obstacles.conflicts)?;
            }
            Error::Full { topic, capacity } => {
                self.met("a step beyond capacity");
                one_of("step", &(topic.as_str().to_owned(), *capacity), &obstacles.full)?;
            }
            other => return Err(format!("step: the queue says {other:?}, the model {obstacles:?}")),
        }
        let Step { accept, release, reject, .. } = *unapplied.step;
        let released = release.into_iter().map(|release| release.delivery);
        let rejected = reject.into_iter().map(|rejection| rejection.delivery);
        let deliveries: Vec<_> = accept.into_iter().chain(released).chain(rejected).collect();
        same("what is given back", &deliveries.len(), &settle.len())?;
        for ((attempt, _), delivery) in settle.iter().zip(deliveries) {
            same("what is given back", &delivery.receipt().epoch, &attempt.epoch)?;
            self.held.push((*attempt, delivery));
        }
        Ok(())
    }

    async fn repeat(&mut self, consumer: usize, step: usize) -> Result<(), String> {
        let Some(once) = self.applied.get(step) else { return Ok(()) };
        let Once { group, id, effective, deliveries, publish, state } = once;
        if self.oracle.consumers[consumer].group != *group {
            return Ok(());
        }
        let twins = deliveries.iter().map(|(delivery, verb)| (twin(delivery), *verb)).collect();
        let again = assemble(id.clone(), twins, publish, state);
        let model = self.oracle.recall(*group, effective).ok_or("an applied step is known")?;
        let real = self.consumers[consumer].settler.step(again).await;
        self.repeated(real, &model)
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

    async fn stats(&mut self, client: usize, topic: &'static str, group: usize) -> Result<(), String> {
        if self.oracle.topic(topic).groups.is_empty() {
            return Ok(());
        }
        let real = self.clients[client].stats(&Topic::from(topic), &Group::from(GROUPS[group])).await;
        let real = fine("stats", real)?;
        for (what, count) in [
            ("ready items", real.ready),
            ("waiting items", real.waiting),
            ("leased items", real.in_flight),
            ("dead items", real.dead),
        ] {
            if count > 0 {
                self.met(what);
            }
        }
        same("stats", &real, &self.oracle.stats(topic, group))
    }

    async fn dead(
        &mut self,
        client: usize,
        topic: &'static str,
        group: usize,
        limit: usize,
    ) -> Result<(), String> {
        let real = self.clients[client].dead(&Topic::from(topic), &Group::from(GROUPS[group]), limit).await;
        let real = fine("dead", real)?;
        let model = self.oracle.dead(topic, group);
        same("dead letters", &real.len(), &model.len().min(limit))?;
        for (real, model) in real.iter().zip(model) {
            let Status::Dead { reason, attempts } = &model.status else { continue };
            same("a dead letter", &real.item, &model.publication.item)?;
            same("its attempts", &real.attempts, attempts)?;
            same("its reason", &real.reason, reason.as_ref().unwrap_or(&real.reason))?;
        }
        Ok(())
    }

    async fn redrive(
        &mut self,
        client: usize,
        topic: &'static str,
        group: usize,
        only: Option<Vec<String>>,
    ) -> Result<(), String> {
        let ids = |ids: &Vec<String>| Redrive::Only(ids.iter().map(|id| ItemId::from(id.as_str())).collect());
        let which = only.as_ref().map_or(Redrive::All, ids);
        let names = (Topic::from(topic), Group::from(GROUPS[group]));
        let real = self.clients[client].redrive(&names.0, &names.1, which).await;
        match (real, self.oracle.redrive(topic, group, only.as_deref())) {
            (Ok(real), Ok(model)) => {
                if real > 0 {
                    self.met("a redrive");
                }
                same("redrive", &real, &model)
            }
            (Err(Error::Full { capacity, .. }), Err(model)) => {
                self.met("a redrive without room");
                same("redrive", &capacity, &model)
            }
            (real, model) => Err(format!("redrive: the queue says {real:?}, the model {model:?}")),
        }
    }

    async fn room(&mut self, client: usize, topic: &'static str, items: u64) -> Result<(), String> {
        let (client, name) = (self.clients[client].clone(), Topic::from(topic));
        let mut room = pin!(client.room(&name, items));
        if self.oracle.has_room(topic, items) {
            self.met("room");
            return fine("room", room.await);
        }
        self.met("no room");
        same("room", &client.glance(room.as_mut()).await.is_some(), &false)
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

fn assemble(
    name: Option<String>,
    deliveries: Vec<(Delivery, Verb)>,
    publish: &[Publication],
    state: &[StateWrite],
) -> Step {
    let mut step = Step { publish: publish.to_vec(), state: state.to_vec(), ..Step::new() };
    if let Some(name) = name {
        step = step.named(name);
    }
    for (delivery, verb) in deliveries {
        match verb {
            Verb::Accept => step.accept.push(delivery),
            Verb::Release { after, retry } => step.release.push(Release { delivery, after, retry }),
            Verb::Reject => {
                // The reason is the id, which the oracle knows too.
                let reason = delivery.id().as_str().to_owned();
                step.reject.push(Rejection { delivery, reason });
            }
        }
    }
    step
}

/// A second delivery of an attempt, which gives nothing back.
fn twin(delivery: &Delivery) -> Delivery {
    Delivery::leased(
        delivery.topic().clone(),
        delivery.item().clone(),
        delivery.fence().clone(),
        delivery.receipt(),
        (delivery.retries(), delivery.lapses()),
        Arc::new(Nowhere),
    )
}

#[derive(Debug)]
struct Nowhere;

impl Returns for Nowhere {
    fn give_back(&self, _: Receipt) {}
}
