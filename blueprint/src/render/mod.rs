//! Text that draws a blueprint.

mod dot;
mod json;
mod mermaid;

use crate::{Blueprint, Edge, Node};

/// What a rendering is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A Mermaid flowchart, as Markdown pages draw it.
    Mermaid,
    /// A Graphviz digraph.
    Dot,
    /// One JSON object with `contentDescriptor`, `nodes` and `links`.
    Json,
}

pub(crate) fn text(blueprint: &Blueprint, format: Format) -> String {
    match format {
        Format::Mermaid => mermaid::text(blueprint),
        Format::Dot => dot::text(blueprint),
        Format::Json => json::text(blueprint),
    }
}

/// An identifier that depends on the name alone, differs for different names, and
/// is no keyword of either drawing language: other nodes may come and go.
fn id(name: &str) -> String {
    let mut id = String::from("n_");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() {
            id.push(char::from(byte));
        } else {
            id.push_str(&format!("_{byte:02x}"));
        }
    }
    id
}

/// A node's lines: its name, then what it is.
fn node_lines(node: &Node) -> [String; 2] {
    let kind = match node.backend() {
        Some(backend) => format!("{} · {backend}", node.pattern()),
        None => node.pattern().to_owned(),
    };
    [node.name().to_owned(), kind]
}

/// An edge's words: its topic, how much it holds, how often it delivers.
fn edge_words(edge: &Edge) -> String {
    let capacity = match edge.capacity() {
        Some(items) => format!("at most {items}"),
        None => "unbounded".to_owned(),
    };
    format!("{} · {capacity} · {}", edge.topic(), edge.delivery())
}

/// The names that edges speak of and no node has, each once.
fn strangers(blueprint: &Blueprint) -> Vec<&str> {
    let mut strangers = Vec::new();
    for edge in blueprint.edges() {
        for name in [edge.from(), edge.to()] {
            if blueprint.node(name).is_none() && !strangers.contains(&name) {
                strangers.push(name);
            }
        }
    }
    strangers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_names_have_different_ids() {
        let names = ["a b", "a_b", "a-b", "a", "ab", "A", "a_20b", "ä", "", "end", "\n"];
        let mut ids: Vec<_> = names.iter().map(|name| id(name)).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), names.len());
        assert!(ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')));
    }
}
