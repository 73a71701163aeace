//! Folds contributions into one result, in any order and any tree.

use std::{fmt, sync::Arc};

use entourage_core::{Merge, planted};
use entourage_queue::{Ask, Bundle, Delivery, Publication, Step};

use crate::{
    channel::Channel,
    contribution::{Absorbed, Contribution},
    payload::Payload,
    stage::Combinator,
};

/// What to publish for a complete result.
type Release<T> = dyn Fn(&Bundle, Contribution<T>) -> Vec<Publication> + Send + Sync;

/// The book's reduce (chapter 12), over the *set* of contributions.
///
/// It takes at least two partial results of one bundle, merges them, and puts the merged one
/// back; when the set equals the manifest it releases the result instead. Any number of
/// reducers share the work, in any order, and a repeated contribution adds nothing.
pub struct Reduce<T> {
    name: Arc<str>,
    channel: Channel<Contribution<T>>,
    release: Arc<Release<T>>,
    max_bytes: usize,
}

impl<T: Payload + Merge> Reduce<T> {
    /// Most partial results that are merged at once.
    pub const FAN_IN: usize = 64;

    /// A reducer of the contributions in `channel`, each bundle on its own.
    ///
    /// `release` says what a complete result becomes. Its items must be named after the
    /// bundle and the manifest alone, so that a second release is the same item.
    pub fn new(
        name: &str,
        channel: &Channel<Contribution<T>>,
        release: impl Fn(&Bundle, Contribution<T>) -> Vec<Publication> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), channel: channel.clone(), release: Arc::new(release), max_bytes: 16 << 20 }
    }

    /// Merging no more than about this many bytes at once (16 MiB by default), two always.
    #[must_use]
    pub const fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its contributions come from.
    #[must_use]
    pub const fn channel(&self) -> &Channel<Contribution<T>> {
        &self.channel
    }

    /// What to publish for a contribution: itself, or the result if it is complete alone.
    ///
    /// A contribution that is already whole would wait for a second one for ever; an empty
    /// manifest is such a one.
    pub fn admit(&self, bundle: &Bundle, id: String, contribution: Contribution<T>) -> Vec<Publication> {
        let early = planted("reduce-releases-early") && contribution.last.is_some();
        if contribution.is_complete() || early {
            return (self.release)(bundle, contribution);
        }
        vec![self.channel.bundled(bundle.clone(), id, &contribution)]
    }

    /// Decodes and merges; what cannot be merged is rejected with the reason.
    fn fold(batch: Vec<Delivery>) -> (Option<Contribution<T>>, Step) {
        let mut total: Option<Contribution<T>> = None;
        let mut step = Step::new();
        for delivery in batch {
            let absorbed = match (Contribution::decode(delivery.item().payload()), &mut total) {
                (Err(malformed), _) => Err(malformed.to_string()),
                (Ok(first), None) => {
                    total = Some(first);
                    Ok(Absorbed::Merged)
                }
                (Ok(next), Some(total)) => total.absorb(next).map_err(|conflict| conflict.to_string()),
            };
            step = match absorbed {
                Ok(Absorbed::Merged | Absorbed::Duplicate) => step.accept(delivery),
                Err(reason) => step.reject(delivery, reason),
            };
        }
        (total, step)
    }
}

impl<T: Payload + Merge> Combinator for Reduce<T> {
    fn ask(&self) -> Ask {
        Ask::up_to(Self::FAN_IN).at_least(2).same_bundle().max_bytes(self.max_bytes)
    }

    fn combine(&self, batch: Vec<Delivery>) -> Step {
        let Some(first) = batch.first() else { return Step::new() };
        let bundle = first.item().bundle().cloned().unwrap_or_else(|| Bundle::from(""));
        // Unique, and the step that publishes it is applied once.
        let id = format!("{}/{}", self.name, first.receipt().epoch);
        let (total, mut step) = Self::fold(batch);
        if let Some(total) = total {
            step.publish.extend(self.admit(&bundle, id, total));
        }
        step
    }
}

impl<T> Clone for Reduce<T> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            channel: self.channel.clone(),
            release: Arc::clone(&self.release),
            max_bytes: self.max_bytes,
        }
    }
}

impl<T> fmt::Debug for Reduce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reduce").field("name", &self.name).finish_non_exhaustive()
    }
}
