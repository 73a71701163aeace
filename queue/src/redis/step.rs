//! A step, as a script is given it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use entourage_core::planted;
use entourage_engine::redis::{Answer, Call};

use crate::{
    delivery::{Delivery, Receipt},
    error::{Error, Result},
    item::ItemId,
    limits,
    redis::{
        ask::Reply,
        fault,
        member::Member,
        publication::{Parcel, published},
        scripts, span,
    },
    state::StateWrite,
    step::{Applied, Step},
};

/// Of each grant, how many epochs there are: its attempts have those of the first of them.
pub(super) const PIECES: u64 = 128;

/// What a step is to do, without the deliveries, which stay with their caller.
#[derive(Debug)]
pub(super) struct Plan {
    id: String,
    items: Vec<ItemId>,
    accept: Vec<Receipt>,
    release: Vec<(Receipt, Duration, bool)>,
    reject: Vec<(Receipt, String)>,
    pub(super) publish: Parcel,
    state: Vec<StateWrite>,
}

impl Plan {
    pub(super) fn of(step: &Step) -> Self {
        let first = step.deliveries().next().map_or(0, |delivery| delivery.receipt().epoch);
        let id = match &step.id {
            _ if planted("queue-forgets-step-ids") => {
                static NEVER_THE_SAME: AtomicU64 = AtomicU64::new(0);
                format!("f{}", NEVER_THE_SAME.fetch_add(1, Ordering::Relaxed))
            }
            Some(id) => format!("n{id}"),
            None => format!("a{first}"),
        };
        let reason = |reason: &str| limits::reason(reason).to_owned();
        Self {
            id,
            items: step.deliveries().map(|delivery| delivery.id().clone()).collect(),
            accept: step.accept.iter().map(Delivery::receipt).collect(),
            release: step.release.iter().map(|one| (one.delivery.receipt(), one.after, one.retry)).collect(),
            reject: step.reject.iter().map(|one| (one.delivery.receipt(), reason(&one.reason))).collect(),
            publish: Parcel::of(&step.publish),
            state: step.state.clone(),
        }
    }

    /// The call, into which the publications are moved; `numbers` are those of the topics that are
    /// published to.
    pub(super) fn call(&mut self, member: &Member, has_left: bool, numbers: &[u64]) -> Call<'static> {
        let only_settles = self.publish.places.is_empty() && self.state.is_empty();
        let script = match only_settles {
            _ if planted("queue-accepts-stale") => &scripts::STEP_OF_ANYONE,
            true => &scripts::SETTLE,
            false => &scripts::STEP,
        };
        let mut call = script.call().number(member.id).number(u64::from(has_left)).number(member.group);
        call = call.owned(self.id.as_str()).number(span(limits::STEP_WINDOW)).number(limits::STEP_IDS);
        let ranges = ranges(&self.accept);
        call = call.number(ranges.len() as u64);
        for (grant, ranges) in ranges {
            call = call.number(grant).owned(ranges);
        }
        call = call.number(self.release.len() as u64);
        for (receipt, after, retry) in &self.release {
            let (grant, place) = place_of(*receipt);
            let counts = *retry || planted("queue-counts-release");
            call = call.number(grant).number(u64::from(place)).number(span(*after)).number(u64::from(counts));
        }
        call = call.number(self.reject.len() as u64);
        for (receipt, reason) in &self.reject {
            let (grant, place) = place_of(*receipt);
            call = call.number(grant).number(u64::from(place)).owned(reason.as_str());
        }
        call = self.publish.pack(call, numbers).owned(self.publish.places.as_slice());
        call = call.number(self.state.len() as u64);
        for write in &self.state {
            let expected = write.expected.filter(|_| !planted("queue-ignores-versions"));
            call =
                call.owned(write.key.as_bytes()).owned(expected.map(|at| at.to_string()).unwrap_or_default());
            let value = write.value.as_deref();
            call = call.number(u64::from(value.is_some())).owned(value.unwrap_or_default());
        }
        call
    }

    /// What the step did, or why it did nothing.
    pub(super) fn applied(&self, mut reply: Reply, numbers: &[u64]) -> Result<Applied> {
        match reply.word.as_str() {
            "OK" | "REPEATED" => {
                let repeated = reply.word == "REPEATED";
                let (digits, versions, places) = (reply.bytes()?, reply.items()?, reply.bytes()?);
                let version = |version: Answer| version.number().map_err(fault::of);
                let state = versions.into_iter().map(version).collect::<Result<_>>()?;
                Ok(Applied { published: published(&places, &digits), state, repeated })
            }
            "LEFT" if self.items.is_empty() => Err(Error::Closed),
            "LEFT" => Err(Error::Stale { ids: self.items.clone() }),
            "STALE" => Err(Error::Stale { ids: self.named(reply.items()?)? }),
            "CONFLICT" => {
                let (nth, found) = (reply.number()?, reply.number()?);
                let write = usize::try_from(nth).ok().and_then(|nth| self.state.get(nth.wrapping_sub(1)));
                let write = write.ok_or_else(|| fault::garbled("a record that was not written"))?;
                Err(Error::StateConflict {
                    key: write.key.to_string(),
                    expected: write.expected.unwrap_or(0),
                    found,
                })
            }
            "FULL" => Err(full(&self.publish, numbers, &mut reply)?),
            _ => reply.unexpected(),
        }
    }

    /// The items of these places, from 1.
    fn named(&self, places: Vec<Answer>) -> Result<Vec<ItemId>> {
        let item = |place: Answer| {
            let place = place.number().map_err(fault::of)?;
            let item = usize::try_from(place).ok().and_then(|place| self.items.get(place.wrapping_sub(1)));
            item.cloned().ok_or_else(|| fault::garbled("an item that was not settled"))
        };
        places.into_iter().map(item).collect()
    }
}

/// The topic that is full.
pub(super) fn full(parcel: &Parcel, numbers: &[u64], reply: &mut Reply) -> Result<Error> {
    let (number, capacity) = (reply.number()?, reply.number()?);
    let topic = parcel.named(numbers, number).cloned();
    let topic = topic.ok_or_else(|| fault::garbled("a topic that was not published to"))?;
    Ok(Error::Full { topic, capacity })
}

/// The grant of an attempt, and its place in that.
pub(super) fn place_of(receipt: Receipt) -> (u64, u8) {
    let place = receipt.epoch % PIECES;
    (receipt.epoch / PIECES, u8::try_from(place).unwrap_or(u8::MAX))
}

/// Attempts by their grants, in their order: the grant, and of each row of attempts the place of
/// the first and how many there are, a byte each.
pub(super) fn ranges(receipts: &[Receipt]) -> Vec<(u64, Vec<u8>)> {
    let mut ranges: Vec<(u64, Vec<u8>)> = Vec::new();
    for receipt in receipts {
        let (grant, place) = place_of(*receipt);
        match ranges.last_mut() {
            Some((last, places)) if *last == grant => match places.as_mut_slice() {
                // A grant has at most 128 places, so neither overflows.
                [.., first, count] if *first + *count == place => *count += 1,
                _ => places.extend([place, 1]),
            },
            _ => ranges.push((grant, vec![place, 1])),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_named_by_their_grants_in_rows() {
        let receipt = |epoch| Receipt { sequence: 0, epoch };
        let epochs = [256, 257, 384, 259, 260, 258].map(receipt);
        assert_eq!(ranges(&epochs), [(2, vec![0, 2]), (3, vec![0, 1]), (2, vec![3, 2, 2, 1])]);
        let whole: Vec<_> = (384..512).map(receipt).collect();
        assert_eq!(ranges(&whole), [(3, vec![0, 128])]);
    }
}
