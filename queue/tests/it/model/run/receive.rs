//! Receiving: which items are answered, and which might be.

use std::time::Duration;

use entourage_queue::{Ask, Delivery, Error, Receiver, Result as Answer, conformance::Subject};

use super::{Run, fine, same};

impl Run {
    pub(super) async fn receive(&mut self, consumer: usize, ask: Ask) -> Result<(), String> {
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

    pub(super) async fn answer(
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
    pub(super) fn expected(&self, consumer: usize, ask: &Ask) -> Option<usize> {
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
    pub(super) fn adopt(
        &mut self,
        consumer: usize,
        ask: &Ask,
        deliveries: Vec<Delivery>,
    ) -> Result<(), String> {
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
}
