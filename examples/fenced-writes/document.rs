//! A document that two replicas write, behind a service that checks more or less.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use entourage::{
    election::fence::{FenceCheck, Refused, Rejection, Respond, Stamp, Text},
    http::{Request, Response},
    store::{FencedStore, Order, What},
};

use crate::LOCK;

/// What a service asks before it writes.
pub enum Gate {
    Nothing,
    /// Whether the sender is who owns the lock now.
    Owner(FencedStore),
    /// Whether the sender's fence is the latest, and whose it is.
    Fence(Box<dyn FenceCheck>),
}

/// A service that keeps one value.
pub struct Document {
    pub gate: Gate,
    value: Mutex<String>,
}

impl Document {
    pub fn new(gate: Gate) -> Self {
        Self { gate, value: Mutex::default() }
    }

    pub fn value(&self) -> String {
        self.value.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Handles a request as an HTTP server would pass it on; see `entourage::http::Server`. In a
    /// stack of Tower's, `FenceLayer` does what is done here for [`Gate::Fence`].
    pub async fn answer(&self, request: Request) -> Response {
        let rejection = match self.admits(&request).await {
            Ok(()) => {
                let text = String::from_utf8_lossy(request.body()).into_owned();
                *self.value.lock().unwrap_or_else(PoisonError::into_inner) = text;
                return Response::default();
            }
            Err(rejection) => rejection,
        };
        Text.respond(&rejection)
    }

    async fn admits(&self, request: &Request) -> Result<(), Rejection> {
        let stamp = Stamp::read(request.headers()).map_err(Rejection::Malformed)?;
        let stamp = stamp.ok_or(Rejection::Missing)?;
        match &self.gate {
            Gate::Nothing => Ok(()),
            Gate::Owner(store) => {
                let owner = owner(store).await.unwrap_or_default();
                let (fence, presented) = (stamp.fence().clone(), stamp.owner().to_owned());
                let is_owner = owner == presented;
                let refused = Refused::NotOwner { fence, presented, owner };
                if is_owner { Ok(()) } else { Err(Rejection::Refused(refused)) }
            }
            Gate::Fence(check) => {
                check.check(stamp.fence(), Some(stamp.owner())).await.map_err(Rejection::Refused)
            }
        }
    }
}

/// Who owns the lock: whoever is first in its queue.
async fn owner(store: &FencedStore) -> Option<String> {
    let first = What::prefix(format!("{LOCK}/")).ordered(Order::Created).limit(1);
    let listing = store.list(&first).await.ok()?;
    let entry = listing.entries.into_iter().next()?;
    String::from_utf8(entry.value.to_vec()).ok()
}

/// A request of whoever holds this stamp.
pub fn put(stamp: &Stamp, text: &str) -> Request {
    let mut request = Request::new(text.to_owned().into());
    stamp.write(request.headers_mut());
    request
}
