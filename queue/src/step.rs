//! Settling, publishing and changing state as one.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    delivery::Delivery,
    error::Error,
    item::{ItemId, Publication, Published},
    state::StateWrite,
};

/// Names a step: a backend applies it once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(String);

impl StepId {
    /// A step of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A delivery given back.
#[derive(Debug)]
pub struct Release {
    /// The delivery.
    pub delivery: Delivery,
    /// How long it waits; its key, if it has one, waits with it.
    pub after: Duration,
    /// Whether it counts as a retry; an interruption does not.
    pub retry: bool,
}

/// A delivery given up.
#[derive(Debug)]
pub struct Rejection {
    /// The delivery.
    pub delivery: Delivery,
    /// Why, for whoever reads the dead letters.
    pub reason: String,
}

/// Settlements, publications and state writes that happen together, or not at all.
///
/// It is applied once per id. Without an id of its own a step takes one from the attempts it
/// settles, so that repeating it after a lost answer is always safe.
#[derive(Debug, Default)]
#[must_use = "a step does nothing until a settler applies it"]
pub struct Step {
    /// Its name; derived from the first attempt it settles if `None`.
    pub id: Option<StepId>,
    /// Done.
    pub accept: Vec<Delivery>,
    /// Given back.
    pub release: Vec<Release>,
    /// Given up.
    pub reject: Vec<Rejection>,
    /// Sent on.
    pub publish: Vec<Publication>,
    /// Written.
    pub state: Vec<StateWrite>,
}

impl Step {
    /// A step that does nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this name.
    pub fn named(mut self, id: impl Into<String>) -> Self {
        self.id = Some(StepId::new(id));
        self
    }

    /// Settles `delivery` as done.
    pub fn accept(mut self, delivery: Delivery) -> Self {
        self.accept.push(delivery);
        self
    }

    /// Gives `delivery` back at once, with no attempt burnt.
    pub fn release(mut self, delivery: Delivery) -> Self {
        self.release.push(Release { delivery, after: Duration::ZERO, retry: false });
        self
    }

    /// Gives `delivery` back for another attempt after `after`, which counts as a retry.
    pub fn retry(mut self, delivery: Delivery, after: Duration) -> Self {
        self.release.push(Release { delivery, after, retry: true });
        self
    }

    /// Gives `delivery` up.
    pub fn reject(mut self, delivery: Delivery, reason: impl Into<String>) -> Self {
        self.reject.push(Rejection { delivery, reason: reason.into() });
        self
    }

    /// Publishes.
    pub fn publish(mut self, publication: Publication) -> Self {
        self.publish.push(publication);
        self
    }

    /// Writes a state record that must be at version `expected` (0: absent).
    pub fn write(mut self, key: impl Into<Arc<str>>, expected: u64, value: impl Into<Bytes>) -> Self {
        self.state.push(StateWrite { key: key.into(), expected: Some(expected), value: Some(value.into()) });
        self
    }

    /// Adds a state write of any kind.
    pub fn state(mut self, write: StateWrite) -> Self {
        self.state.push(write);
        self
    }

    /// Every delivery it settles, in the order accept, release, reject.
    pub fn deliveries(&self) -> impl Iterator<Item = &Delivery> {
        let released = self.release.iter().map(|release| &release.delivery);
        let rejected = self.reject.iter().map(|rejection| &rejection.delivery);
        self.accept.iter().chain(released).chain(rejected)
    }

    /// Its id, or the one it takes from the first attempt it settles.
    ///
    /// `None` for a step that has neither: no repetition of it could be recognised.
    #[must_use]
    pub fn effective_id(&self) -> Option<StepId> {
        let derived = || {
            self.deliveries()
                .next()
                .map(|delivery| StepId::new(format!("attempt:{}", delivery.receipt().epoch)))
        };
        self.id.clone().or_else(derived)
    }

    /// Drops the deliveries of these items, as after [`Error::Stale`], and keeps the rest.
    pub fn without(mut self, ids: &[ItemId]) -> Self {
        self.accept.retain(|delivery| !ids.contains(delivery.id()));
        self.release.retain(|release| !ids.contains(release.delivery.id()));
        self.reject.retain(|rejection| !ids.contains(rejection.delivery.id()));
        self
    }
}

/// What a step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// What became of each publication, in their order.
    pub published: Vec<Published>,
    /// The new version of each state write, in their order; 0 for a deleted record.
    pub state: Vec<u64>,
    /// Whether the step had been applied before, and this is what it did then.
    pub repeated: bool,
}

/// A step that was not applied, with why. Nothing in it was settled.
///
/// After [`Error::Unknown`] it may have been: apply it again, and it happens once.
#[derive(Debug)]
pub struct Unapplied {
    /// The step, given back whole.
    pub step: Box<Step>,
    /// Why.
    pub error: Error,
}

impl fmt::Display for Unapplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the step was not applied")
    }
}

impl std::error::Error for Unapplied {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
