//! Listings: in pages, which are brought to one version by what changed between them.

use std::{collections::BTreeMap, mem};

use entourage_core::planted;
use entourage_engine::redis::{Answer, Call, MOST_ITEMS};

use super::{
    Shared, answer,
    scripts::{GET, PAGE},
};
use crate::{
    entry::{Entry, Version},
    error::{Error, Result},
    listing::{Listing, Order, What},
    watch::Change,
};

/// How often a listing is begun anew whose past was dropped from the history meanwhile.
const MOST_TRIES: usize = 8;
/// Steps in a row in which there were only changes to catch up with.
const MOST_DETOURS: usize = 100;

/// What stands under one key.
pub(super) async fn get(shared: &Shared, key: &str) -> Result<Option<Entry>> {
    let found = shared.link.call(GET.call().arg(key)).await?.some();
    Ok(found.map(|found| answer::entry(key, found)).transpose()?)
}

/// The entries asked for, all as of one version.
pub(super) async fn list(shared: &Shared, what: &What) -> Result<Listing> {
    for _ in 0..MOST_TRIES {
        let mut part = Part::new(what);
        let mut detours = 0;
        while !part.is_enough() && detours < MOST_DETOURS {
            let Some(step) = shared.link.call(part.ask()).await?.some() else { break };
            detours = if part.hear(step)? { 0 } else { detours + 1 };
        }
        if part.is_enough() {
            return Ok(part.listing());
        }
    }
    Err(Error::Unavailable("the keys change faster than they can be listed; try again".into()))
}

/// What is known of the keys asked for, up to one of them, as of one version.
#[derive(Debug)]
struct Part<'a> {
    what: &'a What,
    entries: BTreeMap<String, Entry>,
    /// The version, and the server's time when it was first looked; sessions are judged by it.
    at: Option<(Version, u64)>,
    /// The last key up to which all is known.
    last: Option<Vec<u8>>,
    is_all: bool,
}

impl<'a> Part<'a> {
    const fn new(what: &'a What) -> Self {
        Self { what, entries: BTreeMap::new(), at: None, last: None, is_all: false }
    }

    /// Whether nothing beyond it can be in the listing.
    fn is_enough(&self) -> bool {
        // One more than are wanted tells that the limit cuts it. The orders by creation take all.
        let has_more = self.what.order() == Order::Key && self.entries.len() > self.what.max_entries();
        self.at.is_some() && (self.is_all || has_more)
    }

    fn ask(&self) -> Call<'a> {
        let (range, ceiling) = (self.what.range().as_bytes(), self.what.ceiling());
        let (at, looked_at) =
            self.at.map(|(at, when)| (at.to_string(), when.to_string())).unwrap_or_default();
        let after = match (&self.last, self.what.start_after()) {
            (Some(last), _) => Some(last.as_slice()),
            (None, Some(after)) if after >= self.what.range() => Some(after.as_bytes()),
            _ => None,
        };
        let from = match after {
            Some(after) => [b"(", after].concat(),
            None => [b"[", range].concat(),
        };
        // No text has the byte 0xff.
        let to = match self.what.is_exact() {
            true => [b"[", range].concat(),
            false => [b"(", range, b"\xff"].concat(),
        };
        let wanted = match (self.what.order(), ceiling) {
            (Order::Key, None) => self.what.max_entries().saturating_add(1) - self.entries.len(),
            _ => MOST_ITEMS,
        };
        let call = PAGE.call().arg(self.what.range()).owned(at).owned(looked_at).owned(from).owned(to);
        let ceiling = ceiling.map(|ceiling| ceiling.to_string()).unwrap_or_default();
        call.owned(ceiling).number(wanted.min(MOST_ITEMS) as u64)
    }

    /// Takes in a step; whether it brought a page.
    fn hear(&mut self, step: Answer) -> Result<bool> {
        let [changes, at, looked_at, entries, last, more] = step.tuple()?;
        let changes = answer::changes(changes)?;
        if !planted("redis-listing-is-torn") {
            changes.into_iter().for_each(|change| self.apply(change));
        }
        self.at = Some((answer::version(at)?, looked_at.number()?));
        let last = last.some().map(Answer::bytes).transpose()?;
        self.is_all = more.number()? == 0;
        for entry in answer::entries(entries)? {
            self.entries.insert(entry.key.clone(), entry);
        }
        let is_page = last.is_some() || self.is_all;
        if last.is_some() {
            self.last = last;
        }
        Ok(is_page)
    }

    /// A change since the version at which it stood, if it is not of a key yet to come.
    fn apply(&mut self, change: Change) {
        let Some(key) = change.key() else { return };
        if self.last.as_deref().is_none_or(|last| key.as_bytes() > last) {
            return;
        }
        match change {
            Change::Put(entry) if self.what.matches(&entry) => {
                self.entries.insert(entry.key.clone(), entry);
            }
            Change::Put(Entry { key, .. }) | Change::Delete { key, .. } => {
                self.entries.remove(&key);
            }
            Change::Resync { .. } => {}
        }
    }

    fn listing(mut self) -> Listing {
        let mut entries: Vec<_> = mem::take(&mut self.entries).into_values().collect();
        match self.what.order() {
            Order::Key => {}
            // Stable sorts of what is in the order of keys.
            Order::Created => entries.sort_by_key(|entry| entry.created),
            Order::CreatedDescending => {
                entries.reverse();
                entries.sort_by_key(|entry| std::cmp::Reverse(entry.created));
            }
        }
        let limit = self.what.max_entries();
        let more = entries.len() > limit;
        entries.truncate(limit);
        Listing { entries, as_of: self.at.map_or(Version::ZERO, |(at, _)| at), more }
    }
}
