//! Consumers, and what they are given, by both queues.

use std::time::Duration;

use super::{Consumer, GROUPS, Held, Pair, same, seconds};
use crate::{Ask, Group, Receipt, SubscribeOptions, Topic, broker::LeasedItem};

impl Pair {
    pub(super) async fn join(&mut self) {
        let topics: Vec<Topic> = match self.dice.below(3) {
            0 => vec!["in".into()],
            1 => vec!["out".into()],
            _ => vec!["out".into(), "in".into()],
        };
        let group = Group::from(*self.dice.of(&GROUPS));
        let options = SubscribeOptions::new()
            .with_lease(seconds(10))
            .with_time_limit(seconds(4 + self.dice.below(20)))
            .with_delivery_limit(1 + u32::try_from(self.dice.below(3)).unwrap());
        let [memory, sqlite] = self.brokers();
        let ids = [
            memory.join(&topics, &group, options).await.unwrap(),
            sqlite.join(&topics, &group, options).await.unwrap(),
        ];
        self.consumers.push(Consumer { ids, held: Vec::new() });
    }

    pub(super) async fn lease(&mut self, at: usize) {
        let max = 1 + usize::try_from(self.dice.below(5)).unwrap();
        let mut ask = Ask::up_to(max).wait(Duration::ZERO);
        ask.at_least = 1 + usize::try_from(self.dice.below(max as u64)).unwrap();
        ask.same_bundle = self.dice.one_in(2);
        if self.dice.one_in(3) {
            ask = ask.max_bytes(usize::try_from(self.dice.below(6)).unwrap());
        }
        let ids = self.consumers[at].ids;
        let [memory, sqlite] = self.brokers();
        let memory = memory.lease(ids[0], ask).await;
        let sqlite = sqlite.lease(ids[1], ask).await;
        let (Ok(memory), Ok(sqlite)) = (&memory, &sqlite) else {
            same("lease", memory.map(drop), sqlite.map(drop)).unwrap_err();
            return;
        };
        let seen = |items: &[LeasedItem]| {
            let seen = |one: &LeasedItem| {
                let LeasedItem { topic, item, receipt, retries, lapses } = one;
                format!("{topic} {item:?} {} {retries} {lapses}", receipt.sequence)
            };
            items.iter().map(seen).collect::<Vec<_>>()
        };
        assert_eq!(seen(&memory.items), seen(&sqlite.items), "{ask:?}");
        if let Some(due) = memory.next_due {
            assert!(sqlite.next_due.is_some_and(|earlier| earlier <= due), "{memory:?} {sqlite:?}");
        }
        let held = memory.items.iter().zip(&sqlite.items).map(|(memory, sqlite)| Held {
            topic: sqlite.topic.clone(),
            item: sqlite.item.clone(),
            counts: (sqlite.retries, sqlite.lapses),
            sequence: sqlite.receipt.sequence,
            epochs: [memory.receipt.epoch, sqlite.receipt.epoch],
        });
        self.consumers[at].held.extend(held);
    }

    pub(super) async fn renew_or_return(&mut self, at: usize) {
        let Consumer { ids, held } = &self.consumers[at];
        let Some(one) = held.first().cloned() else { return };
        let ids = *ids;
        let receipt = |which: usize| Receipt { sequence: one.sequence, epoch: one.epochs[which] };
        let time = seconds(1 + self.dice.below(30));
        let gives_back = self.dice.one_in(2);
        let [memory, sqlite] = self.brokers();
        if gives_back {
            memory.give_back(ids[0], vec![receipt(0)]).await.unwrap();
            sqlite.give_back(ids[1], vec![receipt(1)]).await.unwrap();
        } else {
            let renewed = memory.renew(ids[0], receipt(0), time).await;
            same("renew", renewed, sqlite.renew(ids[1], receipt(1), time).await).ok();
        }
        if gives_back && self.dice.one_in(2) {
            // Sometimes it is settled later, stale.
            self.consumers[at].held.remove(0);
        }
    }
}
