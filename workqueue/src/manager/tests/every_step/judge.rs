//! What must hold however a manager was killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    Finish,
    manager::tests::every_step::{
        deeds::End,
        life::Kill,
        world::{BROKEN, ITEMS, Kind, Look, PARALLELISM, SHY},
    },
};

/// What was seen of managers that followed each other.
pub(super) struct Story {
    /// Those of the first one.
    pub(super) calls: Vec<&'static str>,
    /// How everything stood when each but the last ended.
    pub(super) looks: Vec<Look>,
    pub(super) was_killed: Vec<bool>,
    /// How everything stood at the end.
    pub(super) after: Look,
    /// Whether the last one was done in time.
    pub(super) is_finished: bool,
}

/// The kills of managers that follow each other, with the calls that they meant.
pub(super) struct Case {
    pub(super) kind: Kind,
    pub(super) kills: Vec<(Kill, &'static str)>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)?;
        for (Kill { call, side }, what) in &self.kills {
            write!(f, ", killed {side:?} call {call} ({what})")?;
        }
        Ok(())
    }
}

impl Case {
    pub(super) fn judge(&self, story: &Story) {
        let after = &story.after;
        assert!(after.seen.wrong.is_empty(), "{self}: {:?}", after.seen.wrong);
        story.looks.iter().for_each(|look| self.judge_records(look));
        assert!(story.is_finished, "{self}: something is lost: {after:#?}");
        self.judge_records(after);
        self.judge_effects(story);
        self.judge_deliveries(story);
        self.judge_ends(story);
        self.judge_ledger(after);
        self.judge_told(story);
    }

    /// The queue, its ledger and what was done to them agree, and nothing was given back.
    fn judge_records(&self, look: &Look) {
        let seen = &look.seen;
        assert_eq!(look.stats.unsettled(), seen.open.len() as u64, "{self}: {look:#?}");
        // The leases of whoever was killed before may have ended by now.
        let in_flight = seen.held.len()..=seen.held.len() + seen.lost.len();
        assert!(in_flight.contains(&(look.stats.in_flight as usize)), "{self}: {look:#?}");
        let open = look.ledger.iter().filter(|(_, entry)| *entry == "open");
        let open: BTreeSet<_> = open.map(|(name, _)| name.clone()).collect();
        assert_eq!(open, seen.open, "{self}: what the ledger has as open is in the queue: {look:#?}");
        for (name, entry) in look.ledger.iter().filter(|(_, entry)| *entry != "open") {
            assert_eq!(entry, ended(name).1, "{self}: {name}");
            assert!(seen.finished().contains(&**name), "{self}: {name} has not ended: {look:#?}");
        }
        for (name, _) in &look.told {
            assert!(seen.finished().contains(&**name), "{self}: {name} was told too early: {look:#?}");
        }
    }

    /// Each effect was settled, once, but those of what was in work at a kill.
    fn judge_effects(&self, Story { looks, after, .. }: &Story) {
        for look in looks {
            // As many are in work at most, and as many have ended and are not settled.
            assert!(look.seen.held.len() <= PARALLELISM * 2, "{self}: {:?}", look.seen.held);
        }
        let seen = &after.seen;
        for (name, epoch) in &seen.effects {
            let is_lost = looks.iter().any(|look| look.seen.held.get(epoch) == Some(name));
            assert_ne!(seen.settled.contains_key(epoch), is_lost, "{self}: {name} ({epoch}): {after:#?}");
        }
        for (epoch, (name, end)) in &seen.settled {
            let is_done = seen.effects.contains(&(name.clone(), *epoch));
            assert!(is_done, "{self}: {name} ({epoch}) is {end:?}, and nobody has done it: {after:#?}");
        }
    }

    /// What was in work at a kill has lapsed by it, and nothing else has; and epochs grow.
    fn judge_deliveries(&self, Story { looks, after, .. }: &Story) {
        for (at, delivered) in after.seen.deliveries.iter().enumerate() {
            let earlier = looks.iter().filter(|look| look.seen.deliveries.len() <= at);
            let lapses = earlier.filter(|look| look.held(&delivered.name)).count();
            assert_eq!(delivered.lapses as usize, lapses, "{self}: {delivered:?} of {after:#?}");
            let earlier = after.seen.deliveries[..at].iter().filter(|other| other.name == delivered.name);
            let latest = earlier.map(|other| other.epoch).max();
            assert!(latest < Some(delivered.epoch), "{self}: {delivered:?} comes after {latest:?}");
        }
    }

    /// Every item ended once, as it was to, and the queue has nothing but the dead letter.
    fn judge_ends(&self, Story { looks, after, .. }: &Story) {
        for (name, end) in ITEMS {
            let ends = if name == SHY { vec![End::Retried, end] } else { vec![end] };
            assert_eq!(after.seen.ends(name), ends, "{self}: {name}: {after:#?}");
        }
        let letters = after.dead.iter().map(|dead| (dead.item.id().as_str(), &*dead.reason, dead.attempts));
        let letters: Vec<_> = letters.collect();
        let lapses = looks.iter().filter(|look| look.held(BROKEN)).count();
        assert_eq!(letters, [(BROKEN, "it is broken", 1 + lapses as u32)], "{self}");
        assert_eq!((after.stats.unsettled(), after.stats.dead), (0, 1), "{self}: {after:#?}");
    }

    /// The ledger remembers all of it, as long as it is listed.
    fn judge_ledger(&self, after: &Look) {
        let names = ITEMS.iter().filter(|_| self.kind == Kind::Stays);
        let expected: BTreeMap<_, _> =
            names.map(|(name, _)| ((*name).to_owned(), ended(name).1.to_owned())).collect();
        assert_eq!(after.ledger, expected, "{self}");
    }

    /// A source that is used up was told of each item, and again only where a kill came between
    /// that and the word that it was.
    fn judge_told(&self, Story { looks, after, .. }: &Story) {
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, finish) in &after.told {
            assert_eq!(*finish, ended(name).0, "{self}: {name}");
            *told.entry(name).or_default() += 1;
        }
        for (name, _) in ITEMS.iter().filter(|_| self.kind == Kind::UsedUp) {
            let again = looks.iter().filter(|look| look.is_told(name) && look.ledger.contains_key(*name));
            let most = 1 + again.count();
            let times = told.remove(name).unwrap_or_default();
            assert!(
                (1..=most).contains(&times),
                "{self}: {name} was told {times} times, not {most}: {after:#?}"
            );
        }
        assert!(told.is_empty(), "{self}: nobody was to be told of {told:?}");
    }
}

/// How an item ends, as a source is told and as the ledger has it.
fn ended(name: &str) -> (Finish, &'static str) {
    if name == BROKEN { (Finish::Dead, "dead") } else { (Finish::Done, "done") }
}
