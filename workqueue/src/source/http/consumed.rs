//! The client of a source over HTTP.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use entourage_blueprint::{Blueprint, Counters, Describe};
use entourage_core::{Clock, planted};
use entourage_http::{Client, ClientLimits, Error};
use http::{StatusCode, Uri};

use super::{
    read::{self, Answer},
    shape::Shape,
};
use crate::source::{
    WorkSource,
    counts::Counts,
    data::ItemData,
    error::{SourceError, SourceResult},
    listing::Listing,
    name::ItemName,
};

/// Bytes of a list that are taken.
const LIST_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of an item that are taken: its data, and what stands around it.
const ITEM_BYTES: usize = ItemData::MAX_BYTES + 64 * 1024;
/// Asking changes nothing, so it is repeated where an answer is lost.
const TRIES: u32 = 3;

/// A source that another program serves as the book has it, in whatever language.
///
/// `GET /api/v1/items` lists, `GET /api/v1/items/NAME` fetches, with the name percent-encoded; 404
/// and 410 say that the item has vanished. `kind` and `apiVersion` are checked, unknown members
/// ignored. An item's data is the text of its member `data`, as it was sent.
///
/// A call ends within its deadline of 10 s, tries included. A list has at most 64 MiB and
/// 1,000,000 names, and says of more that it is cut; data has at most 1 MiB.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), entourage_workqueue::SourceError> {
/// use entourage_workqueue::{HttpSource, Shape};
///
/// let source = HttpSource::new("http://localhost:8000")?;
/// let under_a_path = HttpSource::new("http://localhost:8000/queue/api/v1")?;
/// let sample = HttpSource::of_shape("http://localhost:8080", Shape::Sample)?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct HttpSource {
    name: String,
    lists: Client,
    items: Client,
    path: String,
    shape: Shape,
    counts: Counts,
}

impl HttpSource {
    /// The source at `url`: `http://host:port`, or with the path that stands before `/items`.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] for what is no such URL.
    pub fn new(url: &str) -> SourceResult<Self> {
        Self::of_shape(url, Shape::Api)
    }

    /// The source at `url`, in one of the book's two forms.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_shape(url: &str, shape: Shape) -> SourceResult<Self> {
        // It is not repeated: what is no address may hold a password.
        let invalid = || {
            let why = "this is no address of a source; name it as http://host:port, without user or query";
            SourceError::Invalid(why.to_owned())
        };
        let uri: Uri = url.parse().map_err(|_| invalid())?;
        let authority = uri.authority().ok_or_else(invalid)?;
        if uri.scheme_str() != Some("http") || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(invalid());
        }
        let base = uri.path().trim_end_matches('/');
        let base = if base.is_empty() { shape.base() } else { base };
        let client = Client::new(&format!("http://{authority}")).map_err(refused)?;
        let limits = ClientLimits::new().with_tries(TRIES);
        let limited = |bytes| client.clone().with_limits(limits.clone().with_body_bytes(bytes));
        Ok(Self {
            name: format!("http://{authority}{base}"),
            lists: limited(LIST_BYTES).map_err(refused)?,
            items: limited(ITEM_BYTES).map_err(refused)?,
            path: format!("{base}/items"),
            shape,
            counts: Counts::new(),
        })
    }

    /// The same source under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same source with another deadline for a call, tries included.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] for no time at all.
    pub fn with_deadline(mut self, deadline: Duration) -> SourceResult<Self> {
        let limits = ClientLimits::new().with_tries(TRIES).with_deadline(deadline);
        let limited = |client: Client, bytes| client.with_limits(limits.clone().with_body_bytes(bytes));
        self.lists = limited(self.lists, LIST_BYTES).map_err(refused)?;
        self.items = limited(self.items, ITEM_BYTES).map_err(refused)?;
        Ok(self)
    }

    /// The same source on another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.lists = self.lists.with_clock(Arc::clone(&clock));
        self.items = self.items.with_clock(clock);
        self
    }

    /// The source's numbers.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counts.counters().clone()
    }

    async fn list(&self) -> SourceResult<Listing> {
        let what = || format!("the list of {}", self.name);
        let malformed = |why| SourceError::Malformed { what: what(), expected: "ItemList", why };
        let text = self.ask(&self.lists, &self.path, LIST_BYTES, what).await?;
        let text = text.ok_or_else(|| SourceError::Status { what: what(), status: 404 })?;
        match read::answer(&text).map_err(malformed)? {
            Answer::List(listing) => Ok(listing),
            Answer::Item(_) => Err(malformed("its kind is \"Item\"".to_owned())),
        }
    }

    async fn fetch(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        let what = || format!("item {name:?} of {}", self.name);
        let path = format!("{}/{}", self.path, name.to_segment());
        // The book's sample sends the list for an item, too.
        let (client, most) = match self.shape {
            Shape::Api => (&self.items, ITEM_BYTES),
            Shape::Sample => (&self.lists, LIST_BYTES),
        };
        let Some(text) = self.ask(client, &path, most, what).await? else { return Ok(None) };
        let malformed = |why| SourceError::Malformed { what: what(), expected: "Item", why };
        match read::answer(&text).map_err(malformed)? {
            Answer::Item(data) if data.len() > ItemData::MAX_BYTES => {
                Err(SourceError::TooLarge { what: what(), limit: ItemData::MAX_BYTES })
            }
            // A part of the answer would keep all of it.
            Answer::Item(data) => ItemData::new(Bytes::copy_from_slice(&data)).map(Some),
            Answer::List(listing) if self.shape == Shape::Sample => {
                Ok(listing.names().contains(name).then(|| ItemData::of_name(name)))
            }
            Answer::List(_) => Err(malformed("its kind is \"ItemList\"".to_owned())),
        }
    }

    /// The body of a 200; none if there is nothing at the path.
    async fn ask(
        &self,
        client: &Client,
        path: &str,
        limit: usize,
        what: impl Fn() -> String,
    ) -> SourceResult<Option<Bytes>> {
        let answer = client.get(path).await.map_err(|error| match error {
            Error::TooLarge { .. } => SourceError::TooLarge { what: what(), limit },
            Error::Invalid(why) => SourceError::Invalid(why),
            error => SourceError::unavailable(what(), error),
        })?;
        match answer.status() {
            StatusCode::OK => Ok(Some(answer.into_body())),
            StatusCode::NOT_FOUND | StatusCode::GONE if !planted("source-vanished-is-an-error") => Ok(None),
            status => Err(SourceError::Status { what: what(), status: status.as_u16() }),
        }
    }
}

fn refused(error: Error) -> SourceError {
    SourceError::Invalid(error.to_string())
}

#[async_trait::async_trait]
impl WorkSource for HttpSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn items(&self) -> SourceResult<Listing> {
        self.counts.listed(self.list().await)
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        self.counts.fetched(self.fetch(name).await)
    }
}

impl Describe for HttpSource {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.counts.describe(blueprint, &self.name, "http");
    }
}

impl fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSource")
            .field("name", &self.name)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}
