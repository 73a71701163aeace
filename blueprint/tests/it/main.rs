//! The promises of the crate page, through the public API.

mod findings;
mod rendering;

use entourage_blueprint::{Blueprint, Edge, Node, Sink};

/// `disk -> count -> report`, in which nothing is to be found.
fn pipeline() -> Blueprint {
    Blueprint::new()
        .with_node(Node::new("source", "disk").source())
        .with_node(Node::new("worker", "count"))
        .with_node(Node::new("sink", "report").sink(Sink::default()))
        .with_edge(Edge::new("disk", "count", "pages").with_capacity(64))
        .with_edge(Edge::new("count", "report", "words").with_capacity(64))
}

/// The same, with `again` as one more edge of 8 items.
fn pipeline_with_edge(from: &str, to: &str, topic: &str) -> Blueprint {
    pipeline().with_edge(Edge::new(from, to, topic).with_capacity(8))
}
