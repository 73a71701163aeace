//! Leases: granted, kept, given back, and ended by time.

use std::{collections::BTreeMap, time::Duration};

use entourage_core::{Moment, planted};

use crate::{
    ask::Ask,
    broker::{ConsumerId, Leased, LeasedItem},
    delivery::Receipt,
    error::{Error, Result},
    item::Bundle,
    memory::state::{
        State,
        line::DeadMark,
        member::{Lease, Member, is_over},
        ready::Ready,
    },
};

/// Where the items of an answer come from.
struct Pick {
    lines: Vec<usize>,
    /// The one bundle they are of, which may be that of items without one.
    bundle: Option<Option<Bundle>>,
}

impl State {
    /// Leases as the ask says, or nothing.
    pub(in crate::memory) fn lease(&mut self, id: ConsumerId, ask: Ask, now: Moment) -> Result<Leased> {
        self.sweep(now);
        let member = present(&mut self.members, id)?;
        member.beat(now);
        for line in &member.lines {
            self.lines[*line].promote(&mut self.items, now);
        }
        let items = match self.pick(id, ask) {
            Some(pick) => self.grant(id, ask, &pick, now),
            None => Vec::new(),
        };
        self.schedule(id);
        self.counts.leased.add(items.len() as u64);
        let next_due = if items.is_empty() { self.next_due(id) } else { None };
        Ok(Leased { items, next_due })
    }

    /// Keeps a consumer's leases for another lease.
    pub(in crate::memory) fn beat(&mut self, id: ConsumerId, now: Moment) -> Result<()> {
        self.sweep(now);
        present(&mut self.members, id)?.beat(now);
        self.schedule(id);
        Ok(())
    }

    /// Moves one attempt's time limit.
    pub(in crate::memory) fn renew(
        &mut self,
        id: ConsumerId,
        receipt: Receipt,
        time: Duration,
        now: Moment,
    ) -> Result<()> {
        self.sweep(now);
        let member = self.members.get_mut(&id).filter(|member| member.lease(receipt).is_some());
        member.ok_or_else(|| Error::Stale { ids: Vec::new() })?.extend(receipt.epoch, now + time);
        self.schedule(id);
        Ok(())
    }

    /// Gives attempts back, none burnt; stale ones are ignored.
    pub(in crate::memory) fn give_back(&mut self, id: ConsumerId, receipts: &[Receipt], now: Moment) {
        self.sweep(now);
        for receipt in receipts {
            let Some(member) = self.members.get_mut(&id) else { return };
            if member.lease(*receipt).is_some()
                && let Some(lease) = member.end(receipt.epoch)
            {
                self.put_back(lease, now, now);
                self.counts.released.increment();
            }
        }
        self.schedule(id);
    }

    /// Gives back all that a consumer holds; it gets nothing any more.
    pub(in crate::memory) fn leave(&mut self, id: ConsumerId, now: Moment) {
        self.sweep(now);
        let Some(member) = self.members.get_mut(&id) else { return };
        member.has_left = true;
        if let Some(at) = member.scheduled.take() {
            self.deadlines.remove(&(at, id));
        }
        for lease in member.end_all() {
            self.put_back(lease, now, now);
            self.counts.released.increment();
        }
    }

    /// Forgets a consumer that has left.
    pub(in crate::memory) fn forget_member(&mut self, id: ConsumerId) {
        if self.members.get(&id).is_some_and(|member| member.has_left) {
            self.members.remove(&id);
        }
    }

    /// Ends the leases that are over, whoever held them.
    pub(super) fn sweep(&mut self, now: Moment) {
        while let Some((at, id)) = self.deadlines.first().copied()
            && is_over(at, now)
            && !planted("queue-keeps-the-dead")
        {
            let Some(member) = self.members.get_mut(&id) else { return };
            let limit = member.options.delivery_limit;
            for lease in member.end_overdue(now) {
                self.lapse(lease, limit, now);
            }
            self.schedule(id);
        }
    }

    /// An item in flight comes back.
    pub(super) fn put_back(&mut self, lease: Lease, due: Moment, now: Moment) {
        self.lines[lease.line].put_back(&mut self.items, lease.sequence, due, now);
        self.wakes.receivers = true;
    }

    /// Notes when the next of a member's leases ends.
    pub(super) fn schedule(&mut self, id: ConsumerId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let deadline = member.deadline();
        if member.scheduled == deadline {
            return;
        }
        if let Some(at) = member.scheduled {
            self.deadlines.remove(&(at, id));
        }
        if let Some(at) = deadline {
            self.deadlines.insert((at, id));
        }
        member.scheduled = deadline;
    }

    /// An attempt ended without an answer: its worker died or ran out of time.
    fn lapse(&mut self, lease: Lease, limit: u32, now: Moment) {
        self.counts.lapsed.increment();
        let line = &mut self.lines[lease.line];
        if planted("queue-drops-on-lapse") {
            line.settle(&mut self.items, lease.sequence, now);
            self.forget(lease.sequence);
            return;
        }
        let mark = line.mark_of(&mut self.items, lease.sequence);
        mark.lapses = mark.lapses.saturating_add(1);
        if mark.lapses < limit || planted("queue-forgets-lapses") {
            self.put_back(lease, now, now);
            return;
        }
        let reason = format!("{} deliveries ended without an answer", mark.lapses);
        let attempts = mark.retries.saturating_add(mark.lapses);
        line.bury(&mut self.items, lease.sequence, DeadMark { reason, attempts }, now);
        self.forget(lease.sequence);
        self.counts.poisoned.increment();
    }

    /// Chooses without taking: nothing is leased while the fewest could not be.
    fn pick(&self, id: ConsumerId, ask: Ask) -> Option<Pick> {
        let member = self.members.get(&id)?;
        // The lines take turns in being first, so that none starves.
        let (before, from) = member.lines.split_at(member.turn);
        let mut lines = from.iter().chain(before).copied();
        let fewest = if planted("queue-forgets-the-fewest") { 1 } else { ask.at_least };
        if ask.same_bundle {
            return lines.find_map(|line| {
                let bundle = self.lines[line].ready.bundle_of_at_least(fewest)?;
                Some(Pick { lines: vec![line], bundle: Some(bundle) })
            });
        }
        let ready: usize = member.lines.iter().map(|line| self.lines[*line].ready.len()).sum();
        (ready >= fewest).then(|| Pick { lines: lines.collect(), bundle: None })
    }

    fn grant(&mut self, id: ConsumerId, ask: Ask, pick: &Pick, now: Moment) -> Vec<LeasedItem> {
        let member = self.members.get_mut(&id).expect("a pick is made for a member");
        let next = |ready: &Ready| match &pick.bundle {
            Some(bundle) => ready.first_of(bundle.as_ref()),
            None => ready.first(),
        };
        let mut granted = Vec::new();
        let mut bytes = 0_usize;
        for at in &pick.lines {
            let line = &mut self.lines[*at];
            while granted.len() < ask.max
                && (granted.len() < ask.at_least || bytes < ask.max_bytes)
                && let Some(rank) = next(&line.ready)
            {
                self.last_epoch += 1;
                let receipt = Receipt { sequence: rank.sequence, epoch: self.last_epoch };
                let stored = self.items.get_mut(&rank.sequence).expect("a ready item is stored");
                let mark = line.start(stored, rank.sequence);
                member.hold(receipt.epoch, *at, rank.sequence, now);
                bytes = bytes.saturating_add(stored.item.payload().len());
                granted.push(LeasedItem {
                    topic: self.topics[stored.topic].name.clone(),
                    item: stored.item.clone(),
                    receipt,
                    retries: mark.retries,
                    lapses: mark.lapses,
                });
            }
        }
        member.turn = (member.turn + 1) % member.lines.len();
        granted
    }

    /// When something may become ready for a consumer by the passing of time alone.
    fn next_due(&self, id: ConsumerId) -> Option<Moment> {
        let lines = &self.members.get(&id)?.lines;
        let delayed = lines.iter().filter_map(|line| self.lines[*line].next_due()).min();
        delayed.into_iter().chain(self.next_deadline()).min()
    }
}

/// A consumer that has not left.
fn present(members: &mut BTreeMap<ConsumerId, Member>, id: ConsumerId) -> Result<&mut Member> {
    members.get_mut(&id).filter(|member| !member.has_left).ok_or(Error::Closed)
}
