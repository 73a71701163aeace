//! What was leased and not handed out, because the call that asked for it was dropped.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    ask::Ask,
    delivery::Delivery,
    item::{Bundle, Topic},
};

/// Deliveries that nobody has seen yet, in the order of their lease.
#[derive(Debug, Default)]
pub(super) struct Kept {
    deliveries: VecDeque<Delivery>,
}

impl Kept {
    pub(super) fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    pub(super) fn keep(&mut self, deliveries: impl IntoIterator<Item = Delivery>) {
        self.deliveries.extend(deliveries);
    }

    /// Takes what meets the ask; nothing if the fewest cannot be met.
    pub(super) fn take(&mut self, ask: &Ask) -> Vec<Delivery> {
        let bundle = if ask.same_bundle {
            match self.oldest_bundle(ask.at_least) {
                Some(bundle) => Some(bundle),
                None => return Vec::new(),
            }
        } else {
            None
        };
        if self.deliveries.len() < ask.at_least {
            return Vec::new();
        }
        let mut taken = Vec::new();
        let mut rest = VecDeque::new();
        let mut bytes = 0_usize;
        for delivery in self.deliveries.drain(..) {
            let fits = taken.len() < ask.max && (taken.len() < ask.at_least || bytes < ask.max_bytes);
            let belongs = bundle.as_ref().is_none_or(|bundle| *bundle == bundle_of(&delivery));
            if fits && belongs {
                bytes = bytes.saturating_add(delivery.item().payload().len());
                taken.push(delivery);
            } else {
                rest.push_back(delivery);
            }
        }
        self.deliveries = rest;
        taken
    }

    /// Drops everything, which gives it back.
    pub(super) fn clear(&mut self) {
        self.deliveries.clear();
    }

    /// Ends everything without giving it back: its leases have ended.
    pub(super) fn forget(&mut self) {
        for delivery in &mut self.deliveries {
            delivery.end();
        }
        self.deliveries.clear();
    }

    fn oldest_bundle(&self, at_least: usize) -> Option<(Topic, Option<Bundle>)> {
        let mut sizes = BTreeMap::<_, usize>::new();
        for delivery in &self.deliveries {
            *sizes.entry(bundle_of(delivery)).or_default() += 1;
        }
        let bundles = self.deliveries.iter().map(bundle_of);
        bundles.into_iter().find(|bundle| sizes[bundle] >= at_least)
    }
}

/// Bundles of one name in two topics are two bundles.
fn bundle_of(delivery: &Delivery) -> (Topic, Option<Bundle>) {
    (delivery.topic().clone(), delivery.item().bundle().cloned())
}
