//! JSON, for programs.

use serde_json::{Map, Value, json};

use crate::{Blueprint, Edge, Gives, Needs, Node};

/// Raised when a reader of the old shape would misread the new one.
const FORMAT_VERSION: u32 = 1;

pub(super) fn text(blueprint: &Blueprint) -> String {
    let document = json!({
        "contentDescriptor": {
            "provider": "entourage-blueprint",
            "providerVersion": env!("CARGO_PKG_VERSION"),
            "providerFormatVersion": FORMAT_VERSION,
            "name": blueprint.name(),
        },
        "nodes": blueprint.nodes().iter().map(node).collect::<Vec<_>>(),
        "links": blueprint.edges().iter().map(link).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn node(node: &Node) -> Value {
    let counters: Map<String, Value> =
        node.counters().snapshot().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let needs = node.is_sink().then_some(match node.needs() {
        Needs::Any => "any",
        Needs::Idempotent => "idempotent",
        Needs::Fenced => "fenced",
    });
    json!({
        "name": node.name(),
        "pattern": node.pattern(),
        "backend": node.backend(),
        "source": node.is_source(),
        "sink": node.is_sink(),
        "needs": needs,
        "gives": gives(|what| node.is_giving(what)),
        "reduces": node.is_reducing(),
        "retries": node.is_retrying(),
        "outputs": node.outputs(),
        "counters": counters,
    })
}

fn link(edge: &Edge) -> Value {
    json!({
        "from": edge.from(),
        "to": edge.to(),
        "topic": edge.topic(),
        "capacity": edge.capacity(),
        "delivery": edge.delivery().key(),
        "gives": gives(|what| edge.is_giving(what)),
        "handsOver": edge.is_handing_over(),
    })
}

fn gives(is_giving: impl Fn(Gives) -> bool) -> Vec<&'static str> {
    [(Gives::Fence, "fence"), (Gives::Idempotence, "idempotence")]
        .into_iter()
        .filter(|(what, _)| is_giving(*what))
        .map(|(_, name)| name)
        .collect()
}
