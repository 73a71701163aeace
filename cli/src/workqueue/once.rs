//! A source that is listed once, and whether all of that is finished.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use entourage_blueprint::{Blueprint, Describe};
use entourage_core::planted;
use entourage_queue::Record;
use entourage_workqueue::{Finish, ItemData, ItemName, Listing, SourceResult, WorkSource};

use super::ended::Finished;

/// A source whose first complete listing is its last: what comes later is another run's.
///
/// One whose items are used up goes on until it is empty: it never shows more than a part.
#[derive(Clone, Debug)]
pub(super) struct Once {
    inner: Arc<dyn WorkSource>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    listed: Option<Listed>,
    /// Asked for, and not there any more.
    vanished: HashSet<ItemName>,
    /// Of a source whose items are used up: what it was told.
    told: Finished,
    /// Whether it was empty when it was listed last.
    is_empty: bool,
    /// Whether it has more names than a listing.
    is_cut: bool,
}

#[derive(Debug)]
struct Listed {
    names: Vec<ItemName>,
    skipped: u64,
}

impl Once {
    pub(super) fn new(inner: Arc<dyn WorkSource>) -> Self {
        Self { inner, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has been listed, all of it.
    pub(super) fn is_listed(&self) -> bool {
        let state = self.state();
        state.listed.is_some() || state.is_empty
    }

    /// Whether there are more names than a listing has, so that it never lists all of them.
    pub(super) fn is_cut(&self) -> bool {
        self.state().is_cut
    }

    /// What has become of all that was listed, by the ledger; none while anything is unfinished.
    pub(super) fn finished(&self, ledger: Vec<Record>) -> Option<Finished> {
        let ledger: HashMap<Arc<str>, Bytes> =
            ledger.into_iter().map(|record| (record.key, record.value)).collect();
        let state = self.state();
        if self.inner.is_used_up() {
            return state.is_empty.then_some(state.told);
        }
        let listed = state.listed.as_ref()?;
        let mut finished = Finished { skipped: listed.skipped, ..Finished::default() };
        for name in &listed.names {
            match ledger.get(name.as_str()).map(|value| &**value) {
                Some(b"done") => finished.done += 1,
                Some(b"dead") => finished.dead += 1,
                None if state.vanished.contains(name) => finished.vanished += 1,
                _ if planted("cli-ends-before-all-is-finished") => finished.done += 1,
                _ => return None,
            }
        }
        Some(finished)
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl WorkSource for Once {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn items(&self) -> SourceResult<Listing> {
        {
            let state = self.state();
            if let Some(listed) = &state.listed {
                let mut listing = Listing::builder();
                for name in listed.names.iter().filter(|name| !state.vanished.contains(*name)) {
                    listing.offer(name.as_str());
                }
                return Ok(listing.build());
            }
        }
        let listing = self.inner.items().await?;
        if self.inner.is_used_up() {
            self.state().is_empty = listing.is_complete() && listing.names().is_empty();
        } else if listing.is_complete() {
            let (names, skipped) = (listing.names().to_vec(), listing.skipped().count());
            if let [(text, why), ..] = listing.skipped().examples() {
                tracing::warn!(skipped, text, %why, "some of what is listed names no item, and is left out");
            }
            self.state().listed = Some(Listed { names, skipped });
        } else {
            self.state().is_cut = listing.is_cut();
        }
        Ok(listing)
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        let data = self.inner.item(name).await?;
        if data.is_none() {
            self.state().vanished.insert(name.clone());
        }
        Ok(data)
    }

    fn is_used_up(&self) -> bool {
        self.inner.is_used_up()
    }

    async fn finished(&self, names: &[ItemName], finish: Finish) -> SourceResult<Vec<ItemName>> {
        let kept = self.inner.finished(names, finish).await?;
        let mut state = self.state();
        let count = if finish == Finish::Done { &mut state.told.done } else { &mut state.told.dead };
        *count += names.len().saturating_sub(kept.len());
        Ok(kept)
    }
}

impl Describe for Once {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.describe(blueprint);
    }
}

#[cfg(test)]
mod tests {
    use entourage_workqueue::FromNames;

    use super::*;

    fn ledger(records: &[(&str, &'static str)]) -> Vec<Record> {
        let record = |(key, value): &(&str, &'static str)| Record {
            key: (*key).into(),
            value: Bytes::from_static(value.as_bytes()),
            version: 1,
        };
        records.iter().map(record).collect()
    }

    #[tokio::test]
    async fn all_that_was_listed_is_finished_or_nothing_is() {
        let once = Once::new(Arc::new(FromNames::from_iter(["a", "b", "c\n"])));
        assert_eq!(once.finished(ledger(&[("a", "done"), ("b", "done")])), None, "nothing was listed");
        assert_eq!(once.items().await.unwrap().names().len(), 2);
        for unfinished in [&[("a", "done")][..], &[("a", "done"), ("b", "open")], &[("b", "dead")]] {
            assert_eq!(once.finished(ledger(unfinished)), None, "{unfinished:?}");
        }
        let finished = once.finished(ledger(&[("a", "done"), ("b", "dead"), ("other", "open")]));
        assert_eq!(finished, Some(Finished { done: 1, dead: 1, vanished: 0, skipped: 1 }));
    }

    #[tokio::test]
    async fn a_source_with_more_names_than_a_listing_is_never_listed_and_says_so() {
        for (count, is_cut) in [(3, false), (Listing::MAX_NAMES + 1, true)] {
            let names = FromNames::from_iter((0..count).map(|number| number.to_string()));
            let once = Once::new(Arc::new(names));
            once.items().await.unwrap();
            assert_eq!((once.is_cut(), once.is_listed()), (is_cut, !is_cut), "{count}");
        }
    }

    #[tokio::test]
    async fn what_has_vanished_is_listed_no_more_and_is_finished() {
        let once = Once::new(Arc::new(FromNames::from_iter(["a"])));
        let names = once.items().await.unwrap().into_names();
        assert!(once.item(&names[0]).await.unwrap().is_some());
        assert_eq!(once.finished(Vec::new()), None);
        once.state().vanished.insert(names[0].clone());
        assert!(once.items().await.unwrap().names().is_empty());
        assert_eq!(once.finished(Vec::new()), Some(Finished { vanished: 1, ..Finished::default() }));
        assert!(once.finished(ledger(&[("a", "open")])).is_none(), "another manager still has it");
    }
}
