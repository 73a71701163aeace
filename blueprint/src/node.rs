//! A part of a composition, and what it needs and gives.

use std::borrow::Cow;

use crate::Counters;

/// What a node hands to everything downstream of it, on every path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Gives {
    /// A fence with each item, which a sink can check: a former owner is refused.
    Fence,
    /// An id that stays the same when an item comes again: a sink can drop it.
    Idempotence,
}

/// What a sink needs of the paths that lead to it, so that its effect is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Needs {
    /// Nothing: repeated and late writes do no harm.
    #[default]
    Any,
    /// Items that never come twice, or that say so by their id.
    ///
    /// Satisfied by [`Gives::Idempotence`], or by a path on which nothing repeats:
    /// no edge delivers at least once, and nobody retries over an edge that
    /// delivers at most once.
    Idempotent,
    /// A fence with each item. Only [`Gives::Fence`] satisfies it.
    Fenced,
}

/// The end of a path: nobody needs to read from here, and it may have needs.
///
/// ```
/// use entourage_blueprint::{Needs, Sink};
///
/// assert_eq!(Sink::default(), Sink::needs(Needs::Any));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sink {
    needs: Needs,
}

impl Sink {
    /// A sink that needs this of every path to it.
    ///
    /// ```
    /// use entourage_blueprint::{Needs, Node, Sink};
    ///
    /// let ledger = Node::new("sink", "ledger").sink(Sink::needs(Needs::Fenced));
    /// assert_eq!(ledger.needs(), Needs::Fenced);
    /// ```
    #[must_use]
    pub const fn needs(needs: Needs) -> Self {
        Self { needs }
    }
}

/// One thing that does something: a stage, a store, a queue, a layer.
///
/// Unless it is told otherwise, a node reads from somebody and somebody reads
/// from it. The facts below are what [`Blueprint::check`](crate::Blueprint::check)
/// judges by; a node that keeps quiet about them is judged the strict way.
#[derive(Clone, Debug)]
pub struct Node {
    pattern: Cow<'static, str>,
    name: String,
    backend: Option<Cow<'static, str>>,
    counters: Counters,
    outputs: Vec<String>,
    source: bool,
    sink: Option<Sink>,
    fence: bool,
    idempotence: bool,
    reduces: bool,
    retries: bool,
}

impl Node {
    /// A node of a pattern (`queue`, `worker`, `reduce`…), under its unique name.
    ///
    /// ```
    /// let node = entourage_blueprint::Node::new("worker", "count");
    /// assert_eq!((node.pattern(), node.name(), node.backend()), ("worker", "count", None));
    /// ```
    #[must_use]
    pub fn new(pattern: impl Into<Cow<'static, str>>, name: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            name: name.into(),
            backend: None,
            counters: Counters::default(),
            outputs: Vec::new(),
            source: false,
            sink: None,
            fence: false,
            idempotence: false,
            reduces: false,
            retries: false,
        }
    }

    /// Names what it runs on: `memory`, `sqlite`, `etcd`…
    ///
    /// ```
    /// let node = entourage_blueprint::Node::new("queue", "pages").with_backend("sqlite");
    /// assert_eq!(node.backend(), Some("sqlite"));
    /// ```
    #[must_use]
    pub fn with_backend(mut self, backend: impl Into<Cow<'static, str>>) -> Self {
        self.backend = Some(backend.into());
        self
    }

    /// Shows these counters, live, wherever the node is rendered with values.
    ///
    /// ```
    /// use entourage_blueprint::{Counters, Node};
    ///
    /// let counters = Counters::new(&["items_total"]);
    /// let node = Node::new("worker", "count").with_counters(counters.clone());
    /// counters.counter("items_total").increment();
    /// assert_eq!(node.counters().snapshot(), [("items_total", 1)]);
    /// ```
    #[must_use]
    pub fn with_counters(mut self, counters: Counters) -> Self {
        self.counters = counters;
        self
    }

    /// Declares a topic that it publishes, read or not; may be called again.
    ///
    /// A declared topic that is on no edge to a known node is
    /// [`Finding::Unread`](crate::Finding::Unread), also for a sink: so is a
    /// dead-letter topic found that nobody empties.
    ///
    /// ```
    /// use entourage_blueprint::{Blueprint, Finding, Node, Sink};
    ///
    /// let node = Node::new("worker", "count").source().sink(Sink::default());
    /// let blueprint = Blueprint::new().with_node(node.with_output("count.dead"));
    /// assert!(matches!(&blueprint.check()[..], [Finding::Unread { .. }]));
    /// ```
    #[must_use]
    pub fn with_output(mut self, topic: impl Into<String>) -> Self {
        let topic = topic.into();
        if !self.outputs.contains(&topic) {
            self.outputs.push(topic);
        }
        self
    }

    /// Needs no input: items start here.
    ///
    /// ```
    /// assert!(entourage_blueprint::Node::new("source", "disk").source().is_source());
    /// ```
    #[must_use]
    pub const fn source(mut self) -> Self {
        self.source = true;
        self
    }

    /// Needs no reader: items end here, if its [`Sink`]'s needs are met.
    ///
    /// ```
    /// use entourage_blueprint::{Needs, Node, Sink};
    ///
    /// let node = Node::new("sink", "mail").sink(Sink::needs(Needs::Idempotent));
    /// assert!(node.is_sink());
    /// ```
    #[must_use]
    pub const fn sink(mut self, sink: Sink) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Gives this to everything downstream; may be called once for each.
    ///
    /// It says nothing of the node itself: a node that checks a fence of its own
    /// is no sink with needs.
    ///
    /// ```
    /// use entourage_blueprint::{Gives, Node};
    ///
    /// let node = Node::new("lock", "owner").gives(Gives::Fence);
    /// assert!(node.is_giving(Gives::Fence) && !node.is_giving(Gives::Idempotence));
    /// ```
    #[must_use]
    pub const fn gives(mut self, gives: Gives) -> Self {
        match gives {
            Gives::Fence => self.fence = true,
            Gives::Idempotence => self.idempotence = true,
        }
        self
    }

    /// Always accepts more than it publishes, so it cannot block on itself.
    ///
    /// A cycle through such a stage drains: each of its steps frees more room than it
    /// takes, if the queue judges capacity by the step's net effect.
    ///
    /// ```
    /// assert!(entourage_blueprint::Node::new("reduce", "sum").reduces().is_reducing());
    /// ```
    #[must_use]
    pub const fn reduces(mut self) -> Self {
        self.reduces = true;
        self
    }

    /// Tries again what failed, by itself.
    ///
    /// ```
    /// assert!(entourage_blueprint::Node::new("retry", "outer").retries().is_retrying());
    /// ```
    #[must_use]
    pub const fn retries(mut self) -> Self {
        self.retries = true;
        self
    }

    /// The pattern it plays a part in.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Its name, which is its identity within a blueprint.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it runs on, where that is a choice.
    #[must_use]
    pub fn backend(&self) -> Option<&str> {
        self.backend.as_deref()
    }

    /// Its live counters; none by default.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The topics that it declared with [`with_output`](Self::with_output).
    #[must_use]
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// Whether items start here.
    #[must_use]
    pub const fn is_source(&self) -> bool {
        self.source
    }

    /// Whether items may end here.
    #[must_use]
    pub const fn is_sink(&self) -> bool {
        self.sink.is_some()
    }

    /// What its sink needs; [`Needs::Any`] for a node that is no sink.
    #[must_use]
    pub const fn needs(&self) -> Needs {
        match self.sink {
            Some(sink) => sink.needs,
            None => Needs::Any,
        }
    }

    /// Whether it gives this to what is downstream.
    #[must_use]
    pub const fn is_giving(&self, gives: Gives) -> bool {
        match gives {
            Gives::Fence => self.fence,
            Gives::Idempotence => self.idempotence,
        }
    }

    /// Whether it always accepts more than it publishes.
    #[must_use]
    pub const fn is_reducing(&self) -> bool {
        self.reduces
    }

    /// Whether it tries again what failed.
    #[must_use]
    pub const fn is_retrying(&self) -> bool {
        self.retries
    }
}
