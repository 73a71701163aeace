//! What is listed though it has ended, so that its source has to be told again.

use std::{collections::HashSet, time::Duration};

use entourage_core::{Moment, planted};

use crate::{
    manager::{
        known::Known,
        lister::{Lister, RELOAD},
    },
    source::{Finish, ItemName},
};

/// Listed items whose records are looked up at a time.
const LOOKED_UP: usize = 100;

/// Dead letters that are looked at.
const LETTERS: u64 = 100_000;

/// Whose turn it is to be looked up, and what was seen before.
#[derive(Debug, Default)]
pub(super) struct Recheck {
    last: Option<Moment>,
    at: usize,
    dead: u64,
    letters: Option<Moment>,
}

impl Recheck {
    /// Those of what is listed and in the queue, for all that is known, whose turn it is now:
    /// others each time, and none before `interval` is over.
    fn due(&mut self, open: &[&ItemName], now: Moment, interval: Duration) -> Vec<ItemName> {
        if open.is_empty() || self.last.is_some_and(|last| now.since(last) < interval) {
            return Vec::new();
        }
        self.last = Some(now);
        if self.at >= open.len() {
            self.at = 0;
        }
        let names = open.iter().skip(self.at).take(LOOKED_UP);
        let names: Vec<_> = names.map(|name| (*name).clone()).collect();
        self.at += names.len();
        names
    }
}

impl Lister {
    /// What has ended and may still be listed is told again: who settled it may have died.
    pub(super) fn tell_of(&self, ended: impl IntoIterator<Item = (ItemName, Finish)>) {
        if self.shared.finishes.is_wanted() && !planted("workqueue-tells-once") {
            self.shared.finishes.add(ended);
        }
    }

    /// Looks up how what is listed has ended, of which this process has not heard.
    pub(super) async fn recheck(&self, known: &mut Known, open: &[&ItemName], recheck: &mut Recheck) {
        let names = recheck.due(open, self.clock.now(), self.options.interval / 2);
        if names.is_empty() {
            return;
        }
        self.bury(open, recheck).await;
        let found = self.patiently(|| self.ledger.look(&names)).await;
        for (name, record) in names.into_iter().zip(found) {
            match record {
                Some(Some(finish)) => {
                    known.finish(&name, finish);
                    self.tell_of([(name, finish)]);
                }
                Some(None) => {}
                // Another has told it since it was listed; else the next listing has it again.
                None => known.forget(&name),
            }
        }
    }

    /// Records as dead what the queue itself has given up, because its workers died with it.
    async fn bury(&self, open: &[&ItemName], recheck: &mut Recheck) {
        let (topic, group) = (&self.publisher.topic, self.ledger.group());
        let dead = self.patiently(|| self.queue.stats(topic, group)).await.dead;
        let now = self.clock.now();
        let is_old = recheck.letters.is_none_or(|last| now.since(last) >= RELOAD);
        if dead == 0 || (dead == recheck.dead && !is_old) {
            return;
        }
        (recheck.dead, recheck.letters) = (dead, Some(now));
        let most = usize::try_from(dead.min(LETTERS)).unwrap_or(usize::MAX);
        let letters = self.patiently(|| self.queue.dead(topic, group, most)).await;
        let letters: HashSet<_> = letters.iter().map(|letter| letter.item.id().as_str()).collect();
        let buried: Vec<_> = open.iter().filter(|name| letters.contains(name.as_str())).collect();
        for names in buried.chunks(self.batch) {
            let names: Vec<_> = names.iter().map(|name| (**name).clone()).collect();
            self.patiently(|| self.ledger.bury(&names)).await;
            self.tell_of(names.into_iter().map(|name| (name, Finish::Dead)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_its_turn_and_nothing_too_often() {
        let names: Vec<_> = (0..250).map(|n| ItemName::new(n.to_string()).unwrap()).collect();
        let open: Vec<_> = names.iter().collect();
        let mut recheck = Recheck::default();
        let mut due = |at| recheck.due(&open, Moment::from_nanos(at), Duration::from_nanos(10));
        let first = due(1);
        assert_eq!(first, names[..100]);
        assert_eq!(due(10), []);
        assert_eq!((due(11), due(21), due(31)), (names[100..200].to_vec(), names[200..].to_vec(), first));
    }
}
