//! What a check found, in words.

use crate::Needs;

/// A fault that the shape of a composition gives away before it runs.
///
/// Each message names the nodes, says what will happen and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// Bounded edges form a cycle: once all are full, every node waits for the next.
    #[error(
        "bounded edges form a cycle that stops for ever once it is full: {}; take the bound off one edge, \
         or lead it through a stage that always accepts more than it publishes",
        arrows(path)
    )]
    Cycle {
        /// The nodes along the cycle; the first is there again at the end.
        path: Vec<String>,
    },

    /// A node that is no source reads from nobody: it will wait for ever.
    #[error("{}", no_input(node, missing.as_ref()))]
    NoInput {
        /// The node that waits.
        node: String,
        /// The topic and the name of its sender, where an edge names an unknown one.
        missing: Option<(String, String)>,
    },

    /// Somebody publishes what nobody reads: it piles up, or is lost.
    #[error("{}", unread(node, topic.as_deref(), missing.as_deref()))]
    Unread {
        /// The node that publishes.
        node: String,
        /// The topic, where the node has one that it named.
        topic: Option<String>,
        /// The name of the reader, where an edge names an unknown one.
        missing: Option<String>,
    },

    /// A sink that relies on a fence or on idempotence, on a path that gives none.
    #[error("{}", unprotected(sink, *needs, path))]
    Unprotected {
        /// The node whose effect is at risk.
        sink: String,
        /// What it needs.
        needs: Needs,
        /// The shortest path to it that does not give that, from its start.
        path: Vec<String>,
    },

    /// A node that retries stands directly before another that does: they multiply.
    #[error(
        "retry upon retry: {outer:?} retries what {inner:?} retries already, so that attempts multiply; \
         let one of them retry, or put a hand-over between them"
    )]
    RetryUponRetry {
        /// The node that feeds or wraps the other.
        outer: String,
        /// The node that is fed or wrapped.
        inner: String,
    },
}

impl Finding {
    /// The names of the nodes concerned, along the way that items go.
    ///
    /// ```
    /// use entourage_blueprint::{Blueprint, Edge, Node};
    ///
    /// let knot = Blueprint::new()
    ///     .with_node(Node::new("worker", "a"))
    ///     .with_edge(Edge::new("a", "a", "again").with_capacity(10));
    /// assert_eq!(knot.check()[0].nodes(), ["a", "a"]);
    /// ```
    #[must_use]
    pub fn nodes(&self) -> Vec<&str> {
        match self {
            Self::Cycle { path } | Self::Unprotected { path, .. } => {
                path.iter().map(String::as_str).collect()
            }
            Self::NoInput { node, .. } | Self::Unread { node, .. } => vec![node],
            Self::RetryUponRetry { outer, inner } => vec![outer, inner],
        }
    }
}

fn arrows(path: &[String]) -> String {
    let quoted: Vec<_> = path.iter().map(|name| format!("{name:?}")).collect();
    quoted.join(" -> ")
}

fn no_input(node: &str, missing: Option<&(String, String)>) -> String {
    match missing {
        Some((topic, sender)) => format!(
            "{node:?} reads topic {topic:?} from {sender:?}, which is not in the blueprint; describe {sender:?} or drop the edge"
        ),
        None => format!("{node:?} has no input and is no source; connect it, or mark it as a source"),
    }
}

fn unread(node: &str, topic: Option<&str>, missing: Option<&str>) -> String {
    match (topic, missing) {
        (Some(topic), Some(reader)) => format!(
            "{node:?} publishes topic {topic:?} to {reader:?}, which is not in the blueprint; describe {reader:?} or drop the edge"
        ),
        (Some(topic), None) => {
            format!("nobody reads topic {topic:?} of {node:?}; connect a reader, or do not publish it")
        }
        (None, _) => {
            format!("nobody reads the output of {node:?} and it is no sink; connect it, or mark it as a sink")
        }
    }
}

fn unprotected(sink: &str, needs: Needs, path: &[String]) -> String {
    let (what, remedy) = match needs {
        Needs::Any => ("nothing", "nothing is to be done"),
        Needs::Idempotent => {
            ("idempotence", "give each item a stable id, or an effectively-once way on the whole path")
        }
        Needs::Fenced => ("a fence", "put an owner or leased deliveries on it"),
    };
    format!("sink {sink:?} needs {what}, and the path {} gives none; {remedy}", arrows(path))
}
