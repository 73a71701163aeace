//! Whether what happened is what was promised, by the sink's and the harness's history alone.
//!
//! It reads a history once, front to back, and keeps something of each id and each worker. Lines
//! of one worker are in its order; those of two are in the order in which they arrived, so what
//! somebody did may stand behind what followed from it. No rule relies on more than that.

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    attempt::{Attempt, End},
    counts::Counts,
    event::{Event, Res, Verb, What},
    witness::Witness,
};

/// What is wrong with a history; there may be more of it than is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Breaches {
    pub(crate) number: u64,
    pub(crate) first: Vec<String>,
}

impl Breaches {
    const LISTED: usize = 20;

    fn add(&mut self, breach: String) {
        self.number += 1;
        if self.first.len() < Self::LISTED {
            self.first.push(breach);
        }
    }
}

/// What is known of an item.
#[derive(Debug, Default)]
struct Known {
    /// Somebody offered it to the queue.
    is_published: bool,
    /// The queue has said that it took it.
    is_accepted: bool,
    is_dead: bool,
    effects: u32,
    /// The highest epoch of an attempt that was begun.
    highest: u64,
    /// The epoch of the attempt that is known to have settled it for good.
    settled: Option<u64>,
    /// Attempts that something may still depend on.
    attempts: Vec<Attempt>,
}

/// Reads a history.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    items: HashMap<Box<str>, Known>,
    witness: Witness,
    counts: Counts,
    breaches: Breaches,
}

impl Judge {
    /// What is wrong with the lines of a history, or how much happened.
    pub(crate) fn of(lines: impl IntoIterator<Item = String>) -> Result<Counts, Breaches> {
        let mut judge = Self::default();
        for line in lines {
            let value: Value = serde_json::from_str(&line).unwrap_or_default();
            match Event::of(&value) {
                Some(event) => judge.event(event),
                None => judge.breaches.add(format!("this line is no event: {line}")),
            }
        }
        judge.verdict()
    }

    /// The next event.
    pub(crate) fn event(&mut self, event: Event<'_>) {
        let t = event.t;
        match event.what {
            What::Run { lease, .. } => self.witness.lease = lease,
            What::Enq { id, res } => self.published(id, res),
            What::Start { id, worker, epoch, asked, .. } => self.started(t, id, worker, epoch, asked),
            What::Effect { id, worker, epoch, fenced, ok, .. } => {
                self.effect(t, id, worker, epoch, fenced, ok);
            }
            What::Ack { id, worker, epoch, verb, ok } => self.settled(id, worker, epoch, verb, ok),
            What::Dead { id } => {
                let known = self.items.entry(id.into()).or_default();
                if known.is_dead {
                    self.breaches.add(format!("{id} is a dead letter twice"));
                }
                known.is_dead = true;
                self.counts.dead += 1;
            }
            What::Kill { worker } => {
                self.counts.kills += 1;
                self.witness.killed(worker);
            }
            What::Pause { worker } => self.witness.paused(worker, t),
            What::Resume { worker } => self.counts.zombies += u64::from(self.witness.resumed(worker, t)),
            What::Down => self.witness.down(),
            What::Up => {
                self.counts.restarts += 1;
                self.witness.up(t);
            }
        }
    }

    fn published(&mut self, id: &str, res: Res) {
        let known = self.items.entry(id.into()).or_default();
        known.is_published |= res != Res::Fail;
        match res {
            Res::Ok if !known.is_accepted => {
                known.is_accepted = true;
                self.counts.accepted += 1;
            }
            Res::Unknown => self.counts.unknown += 1,
            Res::Ok | Res::Fail => {}
        }
    }

    fn started(&mut self, t: u64, id: &str, worker: &str, epoch: u64, asked: u64) {
        self.counts.attempts += 1;
        let known = self.items.entry(id.into()).or_default();
        if known.attempts.iter().any(|attempt| attempt.epoch == epoch) {
            self.breaches.add(format!("the attempt {epoch} at {id} was begun twice"));
            return;
        }
        if let Some(settled) = known.settled.filter(|settled| *settled < epoch) {
            self.breaches.add(format!("{id} was settled by {settled}, and given out again as {epoch}"));
        }
        for attempt in known.attempts.iter_mut().filter(|attempt| attempt.epoch < epoch) {
            attempt.is_early |= attempt.end == End::Open && self.witness.must_live(attempt, t);
        }
        // What was given back or refused without an effect is over for good.
        known.attempts.retain(|attempt| attempt.has_effect || attempt.end == End::Open);
        known.highest = known.highest.max(epoch);
        let worker = self.witness.worker(worker);
        known.attempts.reserve_exact(1);
        known.attempts.push(Attempt::new(epoch, worker, asked));
    }

    fn effect(&mut self, t: u64, id: &str, worker: &str, epoch: u64, fenced: bool, ok: bool) {
        let number = self.witness.worker(worker);
        let known = self.items.entry(id.into()).or_default();
        let Some(at) = known.attempts.iter().position(|one| one.epoch == epoch && one.worker == number)
        else {
            return self.breaches.add(format!("{worker} had an effect of {id} without an attempt {epoch}"));
        };
        if !ok {
            self.counts.kept_out += 1;
            return;
        }
        known.effects += 1;
        self.counts.done += u64::from(known.effects == 1);
        if known.attempts[at].has_effect {
            self.breaches.add(format!("the attempt {epoch} at {id} took effect twice"));
        } else if fenced && known.effects > 1 {
            self.breaches.add(format!("the fenced effect of {id} was let in again, for {worker} as {epoch}"));
        }
        known.attempts[at].has_effect = true;
        if fenced {
            return;
        }
        for other in known.attempts.iter().filter(|other| other.has_effect && other.epoch != epoch) {
            // Whoever was first must have lost the item before it could settle.
            let first = if other.epoch < epoch { other } else { &known.attempts[at] };
            match self.witness.why_lost(first, t) {
                Some(why) => *why.of(&mut self.counts) += 1,
                None => {
                    let (first, second) = (first.epoch, other.epoch.max(epoch));
                    self.breaches.add(format!(
                        "{id} took effect as {first} and as {second}, and nothing had befallen {first}"
                    ));
                }
            }
        }
    }

    fn settled(&mut self, id: &str, worker: &str, epoch: u64, verb: Verb, ok: bool) {
        let number = self.witness.worker(worker);
        let known = self.items.entry(id.into()).or_default();
        let highest = known.highest;
        let Some(attempt) = known.attempts.iter_mut().find(|one| one.epoch == epoch && one.worker == number)
        else {
            return self.breaches.add(format!("{worker} settled {id} without an attempt {epoch}"));
        };
        attempt.end = match (ok, verb) {
            (false, _) => End::Refused,
            (true, Verb::Retry) => End::GivenBack,
            (true, Verb::Accept | Verb::Reject) => End::Settled,
        };
        if !ok {
            self.counts.refused += 1;
            if attempt.is_early {
                self.breaches.add(format!("the attempt {epoch} at {id} was ended while {worker} was alive"));
            }
        } else if verb != Verb::Retry {
            known.settled = Some(epoch);
            if highest > epoch {
                self.breaches.add(format!("{id} was settled by {epoch}, which had lapsed before {highest}"));
            }
        }
    }

    /// The verdict, once all has been read.
    pub(crate) fn verdict(mut self) -> Result<Counts, Breaches> {
        for (id, known) in &self.items {
            if !known.is_published && (known.effects > 0 || known.is_dead || known.highest > 0) {
                self.breaches.add(format!("{id} was never published, and is there"));
            }
            if known.is_accepted && known.effects == 0 && !known.is_dead {
                self.breaches.add(format!("{id} is lost: it was accepted, and is neither done nor dead"));
            }
            if known.is_dead && known.effects > 0 {
                self.breaches.add(format!("{id} is done and dead"));
            }
        }
        if self.breaches.number == 0 { Ok(self.counts) } else { Err(self.breaches) }
    }
}
