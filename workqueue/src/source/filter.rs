//! A source without some of its items.

use std::fmt;

use entourage_blueprint::{Blueprint, Describe, Node};

use super::{
    WorkSource, data::ItemData, describe_behind, error::SourceResult, finish::Finish, listing::Listing,
    name::ItemName,
};

/// A source whose items are those of another that a question lets through.
///
/// What it hides cannot be fetched either. Of a source whose items are used up, what is hidden stays
/// where it is, and keeps its place among those that the source holds at a time.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use entourage_workqueue::{Filter, FromNames, WorkSource};
///
/// let all = FromNames::from_iter(["a.mp4", "notes.txt"]);
/// let videos = Filter::new(all, |name| name.as_str().ends_with(".mp4"));
/// assert_eq!(videos.items().await?.names(), ["a.mp4".try_into()?]);
/// assert_eq!(videos.item(&"notes.txt".try_into()?).await?, None);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Filter<S, F> {
    name: String,
    inner: S,
    is_kept: F,
}

impl<S, F> Filter<S, F>
where
    S: WorkSource,
    F: Fn(&ItemName) -> bool + Send + Sync + 'static,
{
    /// The items of `inner` for which `is_kept` is true. It has to answer the same each time.
    #[must_use]
    pub fn new(inner: S, is_kept: F) -> Self {
        Self { name: format!("{}, filtered", inner.name()), inner, is_kept }
    }

    /// The same source under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

#[async_trait::async_trait]
impl<S, F> WorkSource for Filter<S, F>
where
    S: WorkSource,
    F: Fn(&ItemName) -> bool + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    async fn items(&self) -> SourceResult<Listing> {
        Ok(self.inner.items().await?.filtered(&self.is_kept))
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        if (self.is_kept)(name) { self.inner.item(name).await } else { Ok(None) }
    }

    fn is_used_up(&self) -> bool {
        self.inner.is_used_up()
    }

    async fn finished(&self, names: &[ItemName], finish: Finish) -> SourceResult<Vec<ItemName>> {
        let names: Vec<_> = names.iter().filter(|name| (self.is_kept)(name)).cloned().collect();
        if names.is_empty() { Ok(Vec::new()) } else { self.inner.finished(&names, finish).await }
    }
}

impl<S: WorkSource, F> Describe for Filter<S, F> {
    fn describe(&self, blueprint: &mut Blueprint) {
        blueprint.add_node(Node::new("filter", &self.name));
        describe_behind(blueprint, &self.inner, &self.name);
    }
}

impl<S: fmt::Debug, F> fmt::Debug for Filter<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter").field("inner", &self.inner).finish_non_exhaustive()
    }
}
