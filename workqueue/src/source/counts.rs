//! The numbers of a source.

use entourage_blueprint::{Blueprint, Counter, Counters, Node};

use super::{data::ItemData, error::SourceResult, listing::Listing, name::ItemName};

/// What a source counts, the same for all of them.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    all: Counters,
    listings: Counter,
    names: Counter,
    skipped: Counter,
    items: Counter,
    vanished: Counter,
    finished: Counter,
    errors: Counter,
}

impl Counts {
    pub(super) fn new() -> Self {
        let all = Counters::new(&[
            "listings_total",
            "names_listed",
            "names_skipped",
            "items_fetched_total",
            "items_vanished_total",
            "items_finished_total",
            "errors_total",
        ]);
        Self {
            listings: all.counter("listings_total"),
            names: all.counter("names_listed"),
            skipped: all.counter("names_skipped"),
            items: all.counter("items_fetched_total"),
            vanished: all.counter("items_vanished_total"),
            finished: all.counter("items_finished_total"),
            errors: all.counter("errors_total"),
            all,
        }
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.all
    }

    pub(super) fn listed(&self, listing: SourceResult<Listing>) -> SourceResult<Listing> {
        match &listing {
            Ok(listing) => {
                self.listings.increment();
                self.names.set(listing.names().len() as u64);
                self.skipped.set(listing.skipped().count());
            }
            Err(_) => self.errors.increment(),
        }
        listing
    }

    pub(super) fn fetched(&self, item: SourceResult<Option<ItemData>>) -> SourceResult<Option<ItemData>> {
        match &item {
            Ok(Some(_)) => self.items.increment(),
            Ok(None) => self.vanished.increment(),
            Err(_) => self.errors.increment(),
        }
        item
    }

    /// Of so many it was told that they are finished, and it kept those that it answers with.
    pub(super) fn finished(
        &self,
        told: usize,
        kept: SourceResult<Vec<ItemName>>,
    ) -> SourceResult<Vec<ItemName>> {
        match &kept {
            Ok(kept) => self.finished.add(told.saturating_sub(kept.len()) as u64),
            Err(_) => self.errors.increment(),
        }
        kept
    }

    pub(super) fn describe(&self, blueprint: &mut Blueprint, name: &str, backend: &'static str) {
        let node = Node::new("source", name).with_backend(backend).source();
        blueprint.add_node(node.with_counters(self.all.clone()));
    }
}
