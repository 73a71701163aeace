//! A consumer and what it holds.

use std::collections::BTreeSet;

use entourage_core::{Moment, planted};

use crate::{delivery::Receipt, memory::state::number::NumberMap, options::SubscribeOptions};

/// A consumer: of which lines, until when, holding what.
#[derive(Debug)]
pub(super) struct Member {
    /// Its group's.
    pub(super) ledger: usize,
    pub(super) lines: Vec<usize>,
    pub(super) options: SubscribeOptions,
    /// The line from which the next lease takes first, so that none starves.
    pub(super) turn: usize,
    /// When the next of its leases ends, as the queue has noted it.
    pub(super) scheduled: Option<Moment>,
    /// It holds nothing and gets nothing any more; only its steps are still known.
    pub(super) has_left: bool,
    /// When its leases end unless it beats again.
    until: Moment,
    held: NumberMap<Lease>,
    limits: BTreeSet<(Moment, u64)>,
}

/// One attempt at one item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) line: usize,
    pub(super) sequence: u64,
    /// When the attempt is over although its consumer beats.
    limit: Moment,
}

impl Member {
    pub(super) fn new(ledger: usize, lines: Vec<usize>, options: SubscribeOptions, now: Moment) -> Self {
        let until = now + options.lease;
        let (held, limits) = (NumberMap::default(), BTreeSet::new());
        Self { ledger, lines, options, turn: 0, scheduled: None, has_left: false, until, held, limits }
    }

    pub(super) fn beat(&mut self, now: Moment) {
        self.until = now + self.options.lease;
    }

    pub(super) fn hold(&mut self, epoch: u64, line: usize, sequence: u64, now: Moment) {
        let limit = now + self.options.time_limit;
        self.held.insert(epoch, Lease { line, sequence, limit });
        self.limits.insert((limit, epoch));
    }

    /// The lease that a receipt names, if it stands.
    pub(super) fn lease(&self, receipt: Receipt) -> Option<Lease> {
        self.held.get(&receipt.epoch).copied().filter(|lease| lease.sequence == receipt.sequence)
    }

    /// Ends a lease.
    pub(super) fn end(&mut self, epoch: u64) -> Option<Lease> {
        let lease = self.held.remove(&epoch)?;
        self.limits.remove(&(lease.limit, epoch));
        Some(lease)
    }

    /// Moves an attempt's time limit.
    pub(super) fn extend(&mut self, epoch: u64, limit: Moment) {
        if let Some(lease) = self.held.get_mut(&epoch) {
            self.limits.remove(&(lease.limit, epoch));
            lease.limit = limit;
            self.limits.insert((limit, epoch));
        }
    }

    /// When the next of its leases ends by itself; `None` if it holds nothing.
    pub(super) fn deadline(&self) -> Option<Moment> {
        self.limits.first().map(|(limit, _)| self.until.min(*limit))
    }

    /// Ends the leases that are over, in the order in which they were granted.
    pub(super) fn end_overdue(&mut self, now: Moment) -> Vec<Lease> {
        if is_over(self.until, now) {
            return self.end_all();
        }
        let mut epochs: Vec<u64> = self
            .limits
            .iter()
            .take_while(|(limit, _)| is_over(*limit, now))
            .map(|(_, epoch)| *epoch)
            .collect();
        epochs.sort_unstable();
        epochs.into_iter().filter_map(|epoch| self.end(epoch)).collect()
    }

    /// Ends every lease, in the order in which they were granted.
    pub(super) fn end_all(&mut self) -> Vec<Lease> {
        self.limits.clear();
        let mut held: Vec<(u64, Lease)> = self.held.drain().collect();
        held.sort_unstable_by_key(|(epoch, _)| *epoch);
        held.into_iter().map(|(_, lease)| lease).collect()
    }

    /// The current lease of an item, whatever its epoch: only a planted fault asks for it.
    pub(super) fn epoch_of(&self, sequence: u64) -> Option<u64> {
        let of_item = |(epoch, lease): (&u64, &Lease)| (lease.sequence == sequence).then_some(*epoch);
        self.held.iter().filter_map(of_item).min()
    }
}

/// A lease is over at its deadline, not after it: whoever judges by the same clock agrees.
pub(super) fn is_over(deadline: Moment, now: Moment) -> bool {
    if planted("lease-deadline-off-by-one") { deadline < now } else { deadline <= now }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    fn member() -> Member {
        let options = SubscribeOptions::new()
            .with_lease(Duration::from_secs(10))
            .with_time_limit(Duration::from_secs(15));
        Member::new(0, vec![0], options, at(0))
    }

    #[test]
    fn all_leases_end_with_the_last_beat_and_not_a_moment_before() {
        let mut member = member();
        member.hold(1, 0, 7, at(0));
        member.beat(at(2));
        assert!(member.end_overdue(Moment::from_nanos(at(12).as_nanos() - 1)).is_empty());
        assert_eq!(member.end_overdue(at(12)).len(), 1);
        assert_eq!(member.deadline(), None);
    }

    #[test]
    fn a_time_limit_ends_one_attempt_although_its_consumer_beats() {
        let mut member = member();
        member.hold(1, 0, 7, at(0));
        member.hold(2, 0, 8, at(5));
        member.beat(at(14));
        assert_eq!(member.deadline(), Some(at(15)));
        assert_eq!(member.end_overdue(at(15)).iter().map(|lease| lease.sequence).collect::<Vec<_>>(), [7]);
        member.extend(2, at(60));
        assert_eq!(member.deadline(), Some(at(24)));
    }

    #[test]
    fn a_receipt_of_another_attempt_or_item_names_no_lease() {
        let mut member = member();
        member.hold(3, 0, 7, at(0));
        assert!(member.lease(Receipt { sequence: 7, epoch: 3 }).is_some());
        assert!(member.lease(Receipt { sequence: 7, epoch: 2 }).is_none());
        assert!(member.lease(Receipt { sequence: 8, epoch: 3 }).is_none());
    }
}
