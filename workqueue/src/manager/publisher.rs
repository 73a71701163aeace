//! How a name becomes a publication.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use entourage_queue::{Item, ItemId, Key, Publication, Topic};

use crate::source::ItemName;

/// A part of a publication that is made of the name.
type OfName<T> = Arc<dyn Fn(&ItemName) -> T + Send + Sync>;

/// Makes a publication of a name: no datum, which is fetched when the item is worked on.
#[derive(Clone)]
pub(super) struct Publisher {
    pub(super) topic: Topic,
    pub(super) priority: Option<OfName<u8>>,
    pub(super) key: Option<OfName<Option<Key>>>,
}

impl Publisher {
    pub(super) fn publication(&self, name: &ItemName) -> Publication {
        let mut item = Item::new(ItemId::from(name), Bytes::new());
        if let Some(key) = self.key.as_ref().and_then(|key| key(name)) {
            item = item.with_key(key);
        }
        let priority = self.priority.as_ref().map_or(0, |priority| priority(name));
        Publication::new(self.topic.clone(), item).priority(priority)
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("topic", &self.topic)
            .field("priority", &self.priority.is_some())
            .field("key", &self.key.is_some())
            .finish()
    }
}
