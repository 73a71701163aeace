//! What processes keep over a crash.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use entourage_store::SessionId;

/// What a process keeps on its disk over a crash.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    pages: Mutex<BTreeMap<String, Page>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Page {
    session: Option<SessionId>,
    owned: u32,
}

impl Disk {
    /// Notes that this process has owned once more, with this session.
    pub(crate) fn owned(&self, name: &str, session: Option<SessionId>) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let page = pages.entry(name.to_owned()).or_default();
        *page = Page { session, owned: page.owned + 1 };
    }

    /// With which session it owned last, and how often it did.
    pub(crate) fn page(&self, name: &str) -> (Option<SessionId>, u32) {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let page = pages.get(name).copied().unwrap_or_default();
        (page.session, page.owned)
    }
}
