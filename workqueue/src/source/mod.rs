//! Where work comes from: the book's work queue source interface (chapter 10).

mod counts;
mod data;
mod directory;
mod error;
mod filter;
mod finish;
mod from_items;
mod http;
mod listing;
mod merger;
mod name;
mod names;
mod percent;
#[cfg(feature = "redis")]
mod redis;
mod topic;

use std::{fmt, sync::Arc};

use entourage_blueprint::{Blueprint, Describe};

#[cfg(feature = "redis")]
pub use self::redis::{RedisListSource, RedisStreamSource, StreamStart};
pub use self::{
    data::ItemData,
    directory::{DirSink, DirectorySource, Glob, InvalidGlob, SinkError},
    error::{SourceError, SourceResult},
    filter::Filter,
    finish::Finish,
    from_items::FromItems,
    http::{HttpSource, Shape, SourceServer},
    listing::{Listing, ListingBuilder, Missing, Skipped},
    merger::Merger,
    name::{InvalidName, ItemName},
    names::FromNames,
    topic::TopicSource,
};

/// Lists the names of the items that there are, and fetches one.
///
/// A source keeps no record of what is done: whoever works the items off does. So listing and
/// fetching finish nothing and may be repeated by anybody. A source whose items are used up (a
/// list, a Stream, a topic, an iterator) keeps each until it is told that it is finished.
///
/// # Contract
/// * A name means the same item each time that it is listed.
/// * An item that is there no more is `None`: neither an error, nor a word to stop work on it.
/// * What is not listed, though it may be there, is in [`Listing::missing`]: who takes an absent
///   name for a finished one asks [`Listing::is_complete`] first.
/// * A source that [`is_used_up`](Self::is_used_up) lists an item, and has its data, until it was
///   told that the item is finished and has let go of it; from then on the item is none. So a dead
///   letter of it that is redriven is one again, unless the source keeps what was given up.
/// * The calls end within a time of their own.
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

    /// Whether its items are used up, so that it has to be told which are finished.
    ///
    /// The answer is always the same. Who is not used up is told nothing.
    fn is_used_up(&self) -> bool {
        false
    }

    /// What of these is still listed may be let go: nobody asks for it again.
    ///
    /// Answers those that cannot be let go of now, because they are in other hands. Of them it is
    /// told again, as of all that it lists though it is finished. To be told twice, or of what it
    /// does not know, is nothing.
    ///
    /// # Errors
    /// Any [`SourceError`]; then some of them may be let go and others not, and it is told again.
    ///
    /// # Cancel safety
    /// Dropping the future lets go of some of them or none: tell it again.
    async fn finished(&self, names: &[ItemName], finish: Finish) -> SourceResult<Vec<ItemName>> {
        let _ = (names, finish);
        Ok(Vec::new())
    }
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

            fn is_used_up(&self) -> bool {
                (**self).is_used_up()
            }

            async fn finished(&self, names: &[ItemName], finish: Finish) -> SourceResult<Vec<ItemName>> {
                (**self).finished(names, finish).await
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
