//! How items get from one node to another.

use std::fmt;

use crate::Gives;

/// How often an item that was sent over an edge takes effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// Never twice, but perhaps not at all.
    AtMostOnce,
    /// Not lost, but perhaps more than once.
    #[default]
    AtLeastOnce,
    /// Once, for all that can be seen: repeats are dropped where it takes effect.
    EffectivelyOnce,
}

impl Delivery {
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at-most-once",
            Self::AtLeastOnce => "at-least-once",
            Self::EffectivelyOnce => "effectively-once",
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtMostOnce => "at most once",
            Self::AtLeastOnce => "at least once",
            Self::EffectivelyOnce => "effectively once",
        })
    }
}

/// One way from a node to another: a topic of a queue, or a call.
///
/// It delivers at least once and holds any number of items unless it is told
/// otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    from: String,
    to: String,
    topic: String,
    capacity: Option<u64>,
    delivery: Delivery,
    fence: bool,
    idempotence: bool,
    hands_over: bool,
}

impl Edge {
    /// An edge between the nodes of these names, carrying this topic.
    ///
    /// ```
    /// let edge = entourage_blueprint::Edge::new("disk", "count", "pages");
    /// assert_eq!((edge.from(), edge.to(), edge.topic()), ("disk", "count", "pages"));
    /// assert_eq!(edge.capacity(), None);
    /// ```
    #[must_use]
    pub fn new(from: impl Into<String>, to: impl Into<String>, topic: impl Into<String>) -> Self {
        Self {
            from: from.into(),
            to: to.into(),
            topic: topic.into(),
            capacity: None,
            delivery: Delivery::default(),
            fence: false,
            idempotence: false,
            hands_over: false,
        }
    }

    /// Holds at most this many items; `None` is without bound.
    ///
    /// ```
    /// use entourage_blueprint::Edge;
    ///
    /// assert_eq!(Edge::new("a", "b", "t").with_capacity(1_000).capacity(), Some(1_000));
    /// assert_eq!(Edge::new("a", "b", "t").with_capacity(None).capacity(), None);
    /// ```
    #[must_use]
    pub fn with_capacity(mut self, items: impl Into<Option<u64>>) -> Self {
        self.capacity = items.into();
        self
    }

    /// Delivers so often.
    ///
    /// ```
    /// use entourage_blueprint::{Delivery, Edge};
    ///
    /// let edge = Edge::new("a", "b", "t").with_delivery(Delivery::EffectivelyOnce);
    /// assert_eq!(edge.delivery(), Delivery::EffectivelyOnce);
    /// ```
    #[must_use]
    pub const fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Gives this to everything downstream, as a leased delivery gives its fence.
    ///
    /// ```
    /// use entourage_blueprint::{Edge, Gives};
    ///
    /// let edge = Edge::new("a", "b", "t").gives(Gives::Fence).gives(Gives::Idempotence);
    /// assert!(edge.is_giving(Gives::Fence) && edge.is_giving(Gives::Idempotence));
    /// ```
    #[must_use]
    pub const fn gives(mut self, gives: Gives) -> Self {
        match gives {
            Gives::Fence => self.fence = true,
            Gives::Idempotence => self.idempotence = true,
        }
        self
    }

    /// Keeps what it took: the sender is done, and failures beyond are not its own.
    ///
    /// So is a durable topic, and so is no call. Retries on both sides of a hand-over
    /// add up; on both sides of a call they multiply, which is
    /// [`Finding::RetryUponRetry`](crate::Finding::RetryUponRetry).
    ///
    /// ```
    /// use entourage_blueprint::{Blueprint, Edge, Node, Sink};
    ///
    /// let nodes = Blueprint::new()
    ///     .with_node(Node::new("worker", "fetch").source().retries())
    ///     .with_node(Node::new("worker", "store").sink(Sink::default()).retries());
    /// let call = Edge::new("fetch", "store", "pages");
    /// assert_eq!(nodes.clone().with_edge(call.clone()).check().len(), 1);
    /// assert_eq!(nodes.with_edge(call.hands_over()).check(), []);
    /// ```
    #[must_use]
    pub const fn hands_over(mut self) -> Self {
        self.hands_over = true;
        self
    }

    /// The name of the node that sends.
    #[must_use]
    pub fn from(&self) -> &str {
        &self.from
    }

    /// The name of the node that reads.
    #[must_use]
    pub fn to(&self) -> &str {
        &self.to
    }

    /// What the way is called.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// How many items it holds before it blocks; `None` is without bound.
    #[must_use]
    pub const fn capacity(&self) -> Option<u64> {
        self.capacity
    }

    /// How often an item takes effect.
    #[must_use]
    pub const fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// Whether it gives this to what is downstream.
    #[must_use]
    pub const fn is_giving(&self, gives: Gives) -> bool {
        match gives {
            Gives::Fence => self.fence,
            Gives::Idempotence => self.idempotence,
        }
    }

    /// Whether the sender is done when the edge has taken the item.
    #[must_use]
    pub const fn is_handing_over(&self) -> bool {
        self.hands_over
    }
}
