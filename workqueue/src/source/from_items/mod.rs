//! Items that an iterator or a stream gives, pulled as they are worked off.

mod pull;

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use entourage_blueprint::{Blueprint, Counters, Describe};
use futures_core::Stream;

use self::pull::{Pull, Pulled};
use super::{
    WorkSource,
    counts::Counts,
    data::ItemData,
    error::SourceResult,
    finish::Finish,
    listing::{Listing, ListingBuilder},
    name::ItemName,
};

/// A source of what an iterator or a stream gives, pulled only as far as there is room.
///
/// At most 100 items ([`with_limit`](Self::with_limit)) are held at a time, each until it is
/// finished. They are in this process and **end with it**: an iterator that begins again begins
/// with what was done before. Clones share the items; managers in other processes do not, so each
/// is given a queue of its own, such as an `entourage_queue::MemoryQueue`; the fences of one such
/// queue have no order among those of another.
///
/// An iterator is asked on the runtime's own threads: one that blocks belongs behind a channel, and
/// its receiver here as a stream. One that panics is asked no more, and the listing says so.
///
/// A name that comes again while its item is held is a duplicate and dropped; afterwards it is a new
/// item. What is no name is skipped and counted.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use entourage_workqueue::{Finish, FromItems, WorkSource};
///
/// let squares = (1_u64..).map(|n| (n.to_string(), (n * n).to_string()));
/// let source = FromItems::new(squares).with_limit(2);
/// let names = source.items().await?.into_names();
/// assert_eq!(names, ["1".try_into()?, "2".try_into()?]);
/// assert_eq!(source.item(&names[1]).await?.unwrap().bytes(), "4");
/// source.finished(&names[..1], Finish::Done).await?;
/// assert_eq!(source.items().await?.names(), ["2".try_into()?, "3".try_into()?]);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct FromItems {
    name: String,
    limit: usize,
    held: Arc<Mutex<Held>>,
    counts: Counts,
}

/// What was pulled and is not finished.
struct Held {
    pull: Pull,
    order: VecDeque<ItemName>,
    data: HashMap<ItemName, Bytes>,
    /// What was pulled and cannot be held; each listing says it anew.
    findings: ListingBuilder,
}

impl FromItems {
    const LIMIT: usize = 100;

    /// What an iterator gives, each a name and its data.
    ///
    /// It is asked when the source is listed, for as many as there is room for.
    pub fn new<N, D, I>(items: I) -> Self
    where
        N: AsRef<str>,
        D: Into<Bytes>,
        I: IntoIterator<Item = (N, D)>,
        I::IntoIter: Send + 'static,
    {
        Self::pulling(Pull::iter(items.into_iter()))
    }

    /// What a stream gives, each a name and its data.
    ///
    /// It is polled when the source is listed; one that has nothing then is asked at the next listing.
    pub fn from_stream<N, D, S>(items: S) -> Self
    where
        N: AsRef<str>,
        D: Into<Bytes>,
        S: Stream<Item = (N, D)> + Send + 'static,
    {
        Self::pulling(Pull::stream(items))
    }

    fn pulling(pull: Pull) -> Self {
        let held = Held { pull, order: VecDeque::new(), data: HashMap::new(), findings: Listing::builder() };
        Self {
            name: "items".to_owned(),
            limit: Self::LIMIT,
            held: Arc::new(Mutex::new(held)),
            counts: Counts::new(),
        }
    }

    /// The same source under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Holding at most this many items at a time, at least one.
    #[must_use]
    pub const fn with_limit(mut self, items: usize) -> Self {
        self.limit = if items == 0 { 1 } else { items };
        self
    }

    /// The source's numbers.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counts.counters().clone()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // What was pulled is put in whole, and a panic of the iterator is caught.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pulls until there are as many as may be held, or there is nothing now.
    async fn fill(&self) -> Pulled {
        std::future::poll_fn(|context| {
            let mut held = self.held();
            // A turn is short, also where everything that comes is a duplicate.
            let mut turns = self.limit.saturating_mul(2).max(1_000);
            let pulled = loop {
                if held.order.len() >= self.limit || turns == 0 {
                    break Pulled::Later;
                }
                turns -= 1;
                match held.pull.next(context) {
                    Ok((name, data)) => held.take(&name, data),
                    Err(end) => break end,
                }
            };
            std::task::Poll::Ready(pulled)
        })
        .await
    }
}

impl Held {
    fn take(&mut self, text: &str, data: Bytes) {
        match ItemName::new(text) {
            Ok(name) if self.data.contains_key(&name) => self.findings.repeat(),
            Ok(name) => {
                self.order.push_back(name.clone());
                self.data.insert(name, data);
            }
            Err(why) => self.findings.skip(text, why),
        }
    }
}

#[async_trait::async_trait]
impl WorkSource for FromItems {
    fn name(&self) -> &str {
        &self.name
    }

    async fn items(&self) -> SourceResult<Listing> {
        let pulled = self.fill().await;
        let held = self.held();
        let mut listing = held.findings.clone();
        for name in &held.order {
            listing.add(name.clone());
        }
        match pulled {
            Pulled::Later => listing.miss("more may come, as soon as there is room for it"),
            Pulled::Panicked => listing.miss("what they come from panicked; there is nothing more"),
            Pulled::Ended => {}
        }
        self.counts.listed(Ok(listing.build()))
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        let data = self.held().data.get(name).cloned();
        self.counts.fetched(data.map(ItemData::new).transpose())
    }

    fn is_used_up(&self) -> bool {
        true
    }

    async fn finished(&self, names: &[ItemName], _: Finish) -> SourceResult<Vec<ItemName>> {
        let mut held = self.held();
        for name in names {
            held.data.remove(name);
        }
        let Held { order, data, .. } = &mut *held;
        order.retain(|name| data.contains_key(name));
        self.counts.finished(names.len(), Ok(Vec::new()))
    }
}

impl Describe for FromItems {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.counts.describe(blueprint, &self.name, "items");
    }
}

impl fmt::Debug for FromItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.held().order.len();
        f.debug_struct("FromItems").field("name", &self.name).field("held", &held).finish_non_exhaustive()
    }
}
