//! What is queued, and the names it goes by.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name; cloning it copies no text.
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// As shared text.
            #[must_use]
            pub fn to_shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self::new(name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

name! {
    /// Where items are published.
    Topic
}
name! {
    /// Consumers that share the work of a topic: each item goes to one of them.
    Group
}
name! {
    /// Names an item for ever: publishing it again within the window adds nothing.
    ItemId
}
name! {
    /// Orders items: of one key, one is in flight at a time, in the order of publishing.
    Key
}
name! {
    /// Collects items that are to be received together; it orders and excludes nothing.
    Bundle
}

/// A unit of work.
///
/// # Examples
/// ```
/// use entourage_queue::Item;
///
/// let item = Item::new("order-17", "two coffees").with_key("table-4");
/// assert_eq!(item.key().map(|key| key.as_str()), Some("table-4"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    id: ItemId,
    key: Option<Key>,
    bundle: Option<Bundle>,
    headers: Option<Arc<[(String, String)]>>,
    payload: Bytes,
}

impl Item {
    /// An item without key, bundle or headers.
    pub fn new(id: impl Into<ItemId>, payload: impl Into<Bytes>) -> Self {
        Self { id: id.into(), key: None, bundle: None, headers: None, payload: payload.into() }
    }

    /// Ordered with the other items of `key`.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Key>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Collected with the other items of `bundle`.
    #[must_use]
    pub fn with_bundle(mut self, bundle: impl Into<Bundle>) -> Self {
        self.bundle = Some(bundle.into());
        self
    }

    /// With these headers, which the queue carries and does not read.
    #[must_use]
    pub fn with_headers(mut self, headers: impl IntoIterator<Item = (String, String)>) -> Self {
        let headers: Arc<[_]> = headers.into_iter().collect();
        self.headers = (!headers.is_empty()).then_some(headers);
        self
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> &ItemId {
        &self.id
    }

    /// What orders it.
    #[must_use]
    pub const fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// What collects it.
    #[must_use]
    pub const fn bundle(&self) -> Option<&Bundle> {
        self.bundle.as_ref()
    }

    /// Its headers, in the order given.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        self.headers.as_deref().unwrap_or_default()
    }

    /// Its content; cloning it copies no bytes.
    #[must_use]
    pub const fn payload(&self) -> &Bytes {
        &self.payload
    }
}

/// An item on its way to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Where to.
    pub topic: Topic,
    /// What.
    pub item: Item,
    /// How long it waits before it can be received.
    pub delay: Duration,
    /// Higher is received sooner, but never before an earlier item of the same key.
    pub priority: u8,
}

impl Publication {
    /// At once, with the lowest priority.
    pub fn new(topic: impl Into<Topic>, item: Item) -> Self {
        Self { topic: topic.into(), item, delay: Duration::ZERO, priority: 0 }
    }

    /// Only after `delay`. An item with a key holds the later items of that key meanwhile.
    #[must_use]
    pub const fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// With this priority; higher is received sooner.
    #[must_use]
    pub const fn priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }
}

/// What became of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Published {
    /// The topic has taken it.
    Accepted,
    /// The topic took an item of this id before, within the window: nothing was added.
    Duplicate,
}
