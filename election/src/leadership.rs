//! What a leader has.

use std::{ops::Deref, sync::Arc};

use bytes::Bytes;
use entourage_core::sleep;
use entourage_store::{Change, Entry, Store};

use crate::{error::Result, ownership::Ownership, setup::Setup};

/// The ownership of an election, with the value that everybody sees.
#[derive(Debug)]
#[must_use = "dropping a leadership leaves its lease to expire; resign it"]
pub struct Leadership {
    ownership: Ownership,
}

impl Leadership {
    pub(crate) const fn new(ownership: Ownership) -> Self {
        Self { ownership }
    }

    /// Shows everybody another value. The epoch stays, and so does the place.
    ///
    /// # Errors
    /// [`Error::Lost`](crate::Error::Lost) once another was granted, or nothing is held any more.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the value shown or not; the next proclamation takes its place.
    pub async fn proclaim(&mut self, value: impl Into<Bytes>) -> Result<()> {
        self.ownership.proclaim(value.into()).await
    }

    /// Waits until a follower [asks](crate::Election::ask_to_resign) this leader to resign.
    /// Nobody has to comply. Cancel-safe.
    pub async fn asked_to_resign(&self) {
        let held = self.ownership.held();
        asked(held.setup(), held.fence().epoch()).await;
    }

    /// As [`Ownership::release`]: another is elected at once.
    ///
    /// # Errors
    /// Those of [`Ownership::release`].
    ///
    /// # Cancel safety
    /// As [`Ownership::release`].
    pub async fn resign(self) -> Result<()> {
        self.ownership.release().await
    }

    /// The ownership alone.
    pub fn into_ownership(self) -> Ownership {
        self.ownership
    }
}

impl Deref for Leadership {
    type Target = Ownership;

    fn deref(&self) -> &Ownership {
        &self.ownership
    }
}

/// Waits until the leader of this epoch, and no other, is asked to resign.
pub(crate) async fn asked(setup: &Arc<Setup>, epoch: u64) {
    let key = setup.name.resign_key();
    let meant = |entry: &Entry| entry.key == key && entry.value == epoch.to_string();
    let mut backoff = setup.timings.backoff(setup.seed(epoch));
    loop {
        // From now on, after a look at what stands there already.
        if let Ok(mut watch) = setup.store.watch(&key, None).await {
            loop {
                match setup.store.get(&key).await {
                    Ok(Some(entry)) if meant(&entry) => return,
                    Ok(_) => {}
                    Err(_) => break,
                }
                match watch.next().await {
                    Ok(Change::Put(entry)) if meant(&entry) => return,
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        }
        sleep(&*setup.clock, backoff.next_delay()).await;
    }
}
