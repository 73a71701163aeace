//! A composition as nodes and edges.

use crate::{Describe, Edge, Finding, Format, Node, check, render};

/// What was composed: nodes that do something, edges that carry items.
///
/// A node's name is its identity, and an edge's is `(from, to, topic)`. Parts
/// may be added in any order; an edge may be there before its nodes are.
#[derive(Clone, Debug, Default)]
pub struct Blueprint {
    name: Option<String>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

impl Blueprint {
    /// Starts with nothing in it.
    ///
    /// ```
    /// let blueprint = entourage_blueprint::Blueprint::new();
    /// assert!(blueprint.nodes().is_empty() && blueprint.edges().is_empty());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { name: None, nodes: Vec::new(), edges: Vec::new() }
    }

    /// Draws one thing that can describe itself.
    ///
    /// ```
    /// use entourage_blueprint::{Blueprint, Describe, Node};
    ///
    /// struct Clock;
    /// impl Describe for Clock {
    ///     fn describe(&self, blueprint: &mut Blueprint) {
    ///         blueprint.add_node(Node::new("source", "clock").source());
    ///     }
    /// }
    ///
    /// assert!(Blueprint::of(&Clock).node("clock").is_some());
    /// ```
    #[must_use]
    pub fn of(described: &(impl Describe + ?Sized)) -> Self {
        let mut blueprint = Self::new();
        described.describe(&mut blueprint);
        blueprint
    }

    /// Names the whole, for the reader of a rendering.
    ///
    /// ```
    /// let blueprint = entourage_blueprint::Blueprint::new().with_name("wordcount");
    /// assert_eq!(blueprint.name(), Some("wordcount"));
    /// ```
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds a node, as [`add_node`](Self::add_node) does.
    ///
    /// ```
    /// use entourage_blueprint::{Blueprint, Node};
    ///
    /// let blueprint = Blueprint::new().with_node(Node::new("source", "disk").source());
    /// assert_eq!(blueprint.nodes().len(), 1);
    /// ```
    #[must_use]
    pub fn with_node(mut self, node: Node) -> Self {
        self.add_node(node);
        self
    }

    /// Adds an edge, as [`add_edge`](Self::add_edge) does.
    ///
    /// ```
    /// use entourage_blueprint::{Blueprint, Edge};
    ///
    /// let blueprint = Blueprint::new().with_edge(Edge::new("disk", "count", "pages"));
    /// assert_eq!(blueprint.edges().len(), 1);
    /// ```
    #[must_use]
    pub fn with_edge(mut self, edge: Edge) -> Self {
        self.add_edge(edge);
        self
    }

    /// Adds a node, or takes the place of the node of that name.
    ///
    /// Returns the node that was replaced, as a map's `insert` does: an owner of
    /// names compares it where two different things must not share one.
    ///
    /// ```
    /// use entourage_blueprint::{Blueprint, Node};
    ///
    /// let mut blueprint = Blueprint::new();
    /// assert!(blueprint.add_node(Node::new("queue", "pages")).is_none());
    /// let replaced = blueprint.add_node(Node::new("queue", "pages").with_backend("sqlite"));
    /// assert!(replaced.is_some());
    /// assert_eq!(blueprint.node("pages").and_then(Node::backend), Some("sqlite"));
    /// ```
    pub fn add_node(&mut self, node: Node) -> Option<Node> {
        match self.nodes.iter_mut().find(|n| n.name() == node.name()) {
            Some(place) => Some(std::mem::replace(place, node)),
            None => {
                self.nodes.push(node);
                None
            }
        }
    }

    /// Adds an edge, or takes the place of the one with equal ends and topic.
    ///
    /// ```
    /// use entourage_blueprint::{Blueprint, Edge};
    ///
    /// let mut blueprint = Blueprint::new();
    /// blueprint.add_edge(Edge::new("disk", "count", "pages"));
    /// blueprint.add_edge(Edge::new("disk", "count", "pages").with_capacity(64));
    /// assert_eq!(blueprint.edges().len(), 1);
    /// assert_eq!(blueprint.edges()[0].capacity(), Some(64));
    /// ```
    pub fn add_edge(&mut self, edge: Edge) -> Option<Edge> {
        let same = |e: &Edge| e.from() == edge.from() && e.to() == edge.to() && e.topic() == edge.topic();
        match self.edges.iter().position(same) {
            Some(at) => Some(std::mem::replace(&mut self.edges[at], edge)),
            None => {
                self.edges.push(edge);
                None
            }
        }
    }

    /// The name of the whole, if it was given one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The nodes, in the order in which they were first added.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The edges, in the order in which they were first added.
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The node of that name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|n| n.name() == name)
    }

    /// Names every composition fault that the shape alone gives away.
    ///
    /// Findings come grouped by kind in the order of [`Finding`]'s variants, and
    /// within a kind in the order in which the nodes were added. One cycle is named
    /// for each knot of cycles: untie it and check again. Takes time linear in nodes
    /// and edges for each sink and each knot.
    ///
    /// ```
    /// use entourage_blueprint::{Blueprint, Edge, Finding, Node, Sink};
    ///
    /// let blueprint = Blueprint::new()
    ///     .with_node(Node::new("worker", "count"))
    ///     .with_node(Node::new("report", "top").sink(Sink::default()))
    ///     .with_edge(Edge::new("count", "top", "words"));
    /// assert!(matches!(&blueprint.check()[..], [Finding::NoInput { node, .. }] if node == "count"));
    /// ```
    #[must_use]
    pub fn check(&self) -> Vec<Finding> {
        check::findings(self)
    }

    /// Draws the blueprint as text in the given format.
    ///
    /// Two renderings of equal blueprints are equal, but for the counters' values
    /// in [`Format::Json`], which are read at the call.
    ///
    /// ```
    /// use entourage_blueprint::{Blueprint, Format, Node};
    ///
    /// let blueprint = Blueprint::new().with_node(Node::new("source", "disk").source());
    /// assert!(blueprint.render(Format::Mermaid).starts_with("flowchart LR\n"));
    /// ```
    #[must_use]
    pub fn render(&self, format: Format) -> String {
        render::text(self, format)
    }
}
