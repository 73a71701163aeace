//! Steps: checked whole, then applied whole.

use entourage_core::{Moment, planted};

use crate::{
    broker::ConsumerId,
    delivery::{Delivery, Receipt},
    error::{Error, Result},
    limits,
    memory::state::{State, line::DeadMark, member::Lease, publish::Freed},
    step::{Applied, Step},
};

impl State {
    /// Applies a step for a consumer, once per id.
    ///
    /// It is judged in the order that the contract names: a remembered id, ended attempts,
    /// versions of records, capacity.
    pub(in crate::memory) fn apply(&mut self, id: ConsumerId, step: &Step, now: Moment) -> Result<Applied> {
        self.sweep(now);
        let Some(member) = self.members.get(&id) else { return Err(limits::left(step)) };
        let (ledger, has_left) = (member.ledger, member.has_left);
        if let Some(applied) = self.ledgers[ledger].recall(step, now) {
            return Ok(applied);
        }
        if has_left {
            return Err(limits::left(step));
        }
        if planted("queue-steps-not-atomic") {
            self.add(step.publish.clone(), &Freed::new(), now)?;
        }
        self.check_leases(id, step)?;
        self.ledgers[ledger].check(&step.state)?;
        let published = if step.publish.is_empty() {
            Vec::new()
        } else {
            let freed = self.freed(step);
            self.add(step.publish.clone(), &freed, now)?
        };
        self.settle(id, step, now);
        let state = self.ledgers[ledger].write(&step.state);
        let applied = Applied { published, state, repeated: false };
        self.ledgers[ledger].remember(step, &applied, now);
        self.schedule(id);
        Ok(applied)
    }

    /// Refuses deliveries whose lease has ended, all of them by name.
    fn check_leases(&self, id: ConsumerId, step: &Step) -> Result<()> {
        if planted("queue-accepts-stale") {
            return Ok(());
        }
        let member = self.members.get(&id);
        let stands = |receipt| member.is_some_and(|member| member.lease(receipt).is_some());
        let stale = step.deliveries().filter(|delivery| !stands(delivery.receipt()));
        let ids: Vec<_> = stale.map(|delivery| delivery.id().clone()).collect();
        if ids.is_empty() { Ok(()) } else { Err(Error::Stale { ids }) }
    }

    /// How many items leave each topic with the step: those that no other group has yet to settle.
    fn freed(&self, step: &Step) -> Freed {
        let accepted = step.accept.iter();
        let settled = accepted.chain(step.reject.iter().map(|rejection| &rejection.delivery));
        let mut freed = Freed::new();
        for delivery in settled {
            if let Some(stored) = self.items.get(&delivery.receipt().sequence)
                && stored.unsettled == 1
            {
                *freed.entry(stored.topic).or_default() += 1;
            }
        }
        freed
    }

    fn settle(&mut self, id: ConsumerId, step: &Step, now: Moment) {
        for delivery in &step.accept {
            if let Some(lease) = self.end(id, delivery) {
                self.lines[lease.line].settle(&mut self.items, lease.sequence, now);
                self.forget(lease.sequence);
                // The next of its key may be ready.
                self.wakes.receivers |= delivery.item().key().is_some();
            }
        }
        for release in &step.release {
            if let Some(lease) = self.end(id, &release.delivery) {
                if release.retry || planted("queue-counts-release") {
                    let mark = self.lines[lease.line].mark_of(&mut self.items, lease.sequence);
                    mark.retries = mark.retries.saturating_add(1);
                }
                self.put_back(lease, now + release.after, now);
            }
        }
        for rejection in &step.reject {
            if let Some(lease) = self.end(id, &rejection.delivery) {
                let line = &mut self.lines[lease.line];
                let mark = line.mark_of(&mut self.items, lease.sequence);
                let attempts = mark.retries.saturating_add(mark.lapses).saturating_add(1);
                let reason = limits::reason(&rejection.reason).to_owned();
                line.bury(&mut self.items, lease.sequence, DeadMark { reason, attempts }, now);
                self.forget(lease.sequence);
                self.wakes.receivers |= rejection.delivery.item().key().is_some();
            }
        }
    }

    fn end(&mut self, id: ConsumerId, delivery: &Delivery) -> Option<Lease> {
        let Receipt { epoch, sequence } = delivery.receipt();
        if let Some(lease) = self.members.get_mut(&id).and_then(|member| member.end(epoch)) {
            return Some(lease);
        }
        // A stale delivery gets here only past a planted fault: it ends whatever lease stands.
        let mut members = self.members.iter_mut();
        let (holder, lease) = members.find_map(|(holder, member)| {
            let epoch = member.epoch_of(sequence)?;
            Some((*holder, member.end(epoch)?))
        })?;
        self.schedule(holder);
        Some(lease)
    }

    /// One more group has settled an item or given it up.
    pub(super) fn forget(&mut self, sequence: u64) {
        let Some(stored) = self.items.get_mut(&sequence) else { return };
        stored.unsettled -= 1;
        if stored.unsettled > 0 {
            return;
        }
        self.topics[stored.topic].live -= 1;
        self.wakes.publishers = true;
        if stored.dead == 0 {
            self.items.remove(&sequence);
        }
    }
}
