//! Where work comes from: the book's work queue source interface (chapter 10).

mod counts;
mod data;
mod directory;
mod error;
mod filter;
mod http;
mod listing;
mod merger;
mod name;
mod names;
mod percent;

use std::{fmt, sync::Arc};

use entourage_blueprint::{Blueprint, Describe};

pub use self::{
    data::ItemData,
    directory::{DirSink, DirectorySource, Glob, InvalidGlob, SinkError},
    error::{SourceError, SourceResult},
    filter::Filter,
    http::{HttpSource, Shape, SourceServer},
    listing::{Listing, ListingBuilder, Missing, Skipped},
    merger::Merger,
    name::{InvalidName, ItemName},
    names::FromNames,
};

/// Lists the names of the items that there are, and fetches one.
///
/// A source keeps no record of what is done: whoever works the items off does. So listing and
/// fetching change nothing and may be repeated by anybody.
///
/// # Contract
/// * A name means the same item each time that it is listed.
/// * An item that is there no more is `None`: neither an error, nor a word to stop work on it.
/// * What is not listed, though it may be there, is in [`Listing::missing`]: who takes an absent
///   name for a finished one asks [`Listing::is_complete`] first.
/// * Both calls end within a time of their own.
/// * It describes itself by a node that has its [`name`](Self::name).
#[async_trait::async_trait]
pub trait WorkSource: Describe + fmt::Debug + Send + Sync + 'static {
    /// What it is called in a blueprint and in errors.
    fn name(&self) -> &str;

    /// The names of all items that there are now.
    ///
    /// # Errors
    /// Any [`SourceError`]; then nothing is known about what there is.
    async fn items(&self) -> SourceResult<Listing>;

    /// The item of that name, or none if there is none any more.
    ///
    /// # Errors
    /// Any [`SourceError`]; then nothing is known about the item.
    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>>;
}

macro_rules! forward {
    ($pointer:ident) => {
        #[async_trait::async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<S: WorkSource + ?Sized> WorkSource for $pointer<S> {
            fn name(&self) -> &str {
                (**self).name()
            }

            async fn items(&self) -> SourceResult<Listing> {
                (**self).items().await
            }

            async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
                (**self).item(name).await
            }
        }
    };
}

forward!(Arc);
forward!(Box);

/// Draws a wrapper behind what it wraps.
fn describe_behind(blueprint: &mut Blueprint, inner: &dyn WorkSource, name: &str) {
    inner.describe(blueprint);
    blueprint.add_edge(entourage_blueprint::Edge::new(inner.name(), name, "items"));
}
