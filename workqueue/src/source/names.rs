//! Items from any iterator of names.

use std::{fmt, sync::Arc};

use entourage_blueprint::{Blueprint, Counters, Describe};

use super::{
    WorkSource, counts::Counts, data::ItemData, error::SourceResult, listing::Listing, name::ItemName,
};

type Data = Arc<dyn Fn(&ItemName) -> Option<ItemData> + Send + Sync>;

/// A source of the names that an iterator gave.
///
/// The iterator is read once, up to the first 1,000,000 names. The data of an item is
/// `{"name":"…"}`, unless [`with_data`](Self::with_data) makes another.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use entourage_workqueue::{FromNames, ItemData, WorkSource};
///
/// let squares = FromNames::from_iter((1..=3).map(|number| number.to_string()))
///     .with_data(|name| ItemData::new(format!("[{name},{name}]")).ok());
/// let names = squares.items().await?.into_names();
/// assert_eq!(names.len(), 3);
/// assert_eq!(squares.item(&names[1]).await?.unwrap().bytes(), "[2,2]");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct FromNames {
    name: String,
    listing: Arc<Listing>,
    sorted: Arc<[ItemName]>,
    data: Data,
    counts: Counts,
}

impl FromNames {
    /// The same source under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same source with this data for each name; none says that the item has vanished.
    #[must_use]
    pub fn with_data(mut self, data: impl Fn(&ItemName) -> Option<ItemData> + Send + Sync + 'static) -> Self {
        self.data = Arc::new(data);
        self
    }

    /// The source's numbers.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counts.counters().clone()
    }
}

impl<N: AsRef<str>> FromIterator<N> for FromNames {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        let mut listing = Listing::builder();
        for name in names {
            if !listing.offer(name.as_ref()) {
                break;
            }
        }
        let listing = listing.build();
        let mut sorted = listing.names().to_vec();
        sorted.sort_unstable();
        Self {
            name: "names".to_owned(),
            listing: Arc::new(listing),
            sorted: sorted.into(),
            data: Arc::new(|name| Some(ItemData::of_name(name))),
            counts: Counts::new(),
        }
    }
}

#[async_trait::async_trait]
impl WorkSource for FromNames {
    fn name(&self) -> &str {
        &self.name
    }

    async fn items(&self) -> SourceResult<Listing> {
        self.counts.listed(Ok((*self.listing).clone()))
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        let is_listed = self.sorted.binary_search(name).is_ok();
        self.counts.fetched(Ok(is_listed.then(|| (self.data)(name)).flatten()))
    }
}

impl Describe for FromNames {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.counts.describe(blueprint, &self.name, "names");
    }
}

impl fmt::Debug for FromNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.sorted.len();
        f.debug_struct("FromNames").field("name", &self.name).field("names", &names).finish_non_exhaustive()
    }
}
