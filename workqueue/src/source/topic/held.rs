//! What a topic has lent, by the names of its items.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use entourage_core::Moment;
use entourage_queue::Delivery;

use crate::source::{listing::ListingBuilder, name::ItemName};

/// Most names of which it is remembered that they were let go of.
const REMEMBERED: usize = 10_000;

/// Deliveries that are kept until their items are finished, in the order in which they came.
#[derive(Debug)]
pub(super) struct Held {
    order: VecDeque<ItemName>,
    items: HashMap<ItemName, Holding>,
    bytes: usize,
    let_go: VecDeque<ItemName>,
    gone: HashSet<ItemName>,
    /// What came and cannot be held; each listing says it anew.
    pub(super) findings: ListingBuilder,
}

#[derive(Debug)]
struct Holding {
    payload: Bytes,
    /// None while it is renewed.
    delivery: Option<Delivery>,
    renewed: Moment,
}

impl Held {
    pub(super) fn new(findings: ListingBuilder) -> Self {
        Self {
            order: VecDeque::new(),
            items: HashMap::new(),
            bytes: 0,
            let_go: VecDeque::new(),
            gone: HashSet::new(),
            findings,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &ItemName> {
        self.order.iter()
    }

    pub(super) fn payload(&self, name: &ItemName) -> Option<Bytes> {
        self.items.get(name).map(|holding| holding.payload.clone())
    }

    /// Holds a delivery, or gives it back where an item of that name is held already.
    pub(super) fn hold(&mut self, name: ItemName, delivery: Delivery, now: Moment) -> Option<Delivery> {
        if self.items.contains_key(&name) {
            return Some(delivery);
        }
        let payload = delivery.item().payload().clone();
        self.bytes += payload.len();
        self.gone.remove(&name);
        self.order.push_back(name.clone());
        self.items.insert(name, Holding { payload, delivery: Some(delivery), renewed: now });
        None
    }

    /// What has not been renewed for so long.
    pub(super) fn due(&self, now: Moment, age: Duration) -> Vec<ItemName> {
        let is_due = |name: &&ItemName| {
            let holding = self.items.get(*name);
            holding.is_some_and(|holding| now.since(holding.renewed) >= age)
        };
        self.order.iter().filter(is_due).cloned().collect()
    }

    /// Takes a delivery out for a moment.
    pub(super) fn lend(&mut self, name: &ItemName) -> Option<Delivery> {
        self.items.get_mut(name)?.delivery.take()
    }

    /// Puts a delivery back, renewed at this moment or not at all.
    pub(super) fn put_back(&mut self, name: &ItemName, delivery: Delivery, renewed: Option<Moment>) {
        if let Some(holding) = self.items.get_mut(name) {
            holding.delivery = Some(delivery);
            holding.renewed = renewed.unwrap_or(holding.renewed);
        }
    }

    /// Takes an item out for good. None for one that is not here or just being renewed.
    pub(super) fn take(&mut self, name: &ItemName) -> Option<Delivery> {
        self.items.get(name)?.delivery.as_ref()?;
        self.remove(name)
    }

    /// No longer here, however it went.
    pub(super) fn remove(&mut self, name: &ItemName) -> Option<Delivery> {
        let holding = self.items.remove(name)?;
        self.bytes -= holding.payload.len();
        self.order.retain(|held| held != name);
        holding.delivery
    }

    /// The topic has settled it.
    pub(super) fn settled(&mut self, name: ItemName) {
        if self.gone.insert(name.clone()) {
            self.let_go.push_back(name);
        }
        if self.let_go.len() > REMEMBERED
            && let Some(oldest) = self.let_go.pop_front()
        {
            self.gone.remove(&oldest);
        }
    }

    /// Whether the topic was seen to settle it.
    pub(super) fn was_settled(&self, name: &ItemName) -> bool {
        self.gone.contains(name)
    }
}
