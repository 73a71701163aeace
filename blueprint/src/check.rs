//! Finds what the shape of a composition gives away before it runs.

use std::collections::{HashSet, VecDeque};

use crate::{
    Blueprint, Delivery, Finding, Gives, Needs,
    graph::{Graph, Link},
};

/// All findings, grouped by kind in the order of the variants.
pub(crate) fn findings(blueprint: &Blueprint) -> Vec<Finding> {
    let graph = Graph::new(blueprint);
    let mut findings = cycles(&graph);
    findings.extend(without_input(&graph));
    findings.extend(unread(&graph));
    findings.extend((0..graph.nodes.len()).filter_map(|sink| unprotected(&graph, sink)));
    findings.extend(retries_upon_retries(&graph));
    findings
}

fn cycles(graph: &Graph<'_>) -> Vec<Finding> {
    // A cycle stops only if each of its edges can be full and each of its nodes can
    // wait for room. Leave out what cannot (a node by the edges that leave it), and
    // every cycle that is left is a fault.
    let can_block = |link: &Link<'_>| link.edge.capacity().is_some() && !graph.nodes[link.from].is_reducing();
    graph.cycles(can_block).into_iter().map(|path| Finding::Cycle { path: names(graph, path) }).collect()
}

fn without_input(graph: &Graph<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        for edge in graph.senderless(at) {
            findings.push(Finding::NoInput {
                node: node.name().to_owned(),
                missing: Some((edge.topic().to_owned(), edge.from().to_owned())),
            });
        }
        let is_fed = !graph.senderless(at).is_empty() || graph.incoming(at).next().is_some();
        if !is_fed && !node.is_source() {
            findings.push(Finding::NoInput { node: node.name().to_owned(), missing: None });
        }
    }
    findings
}

fn unread(graph: &Graph<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        let mut named = Vec::new();
        for edge in graph.readerless(at) {
            named.push(edge.topic());
            findings.push(Finding::Unread {
                node: node.name().to_owned(),
                topic: Some(edge.topic().to_owned()),
                missing: Some(edge.to().to_owned()),
            });
        }
        for topic in node.outputs() {
            let is_read = graph.outgoing(at).any(|link| link.edge.topic() == topic);
            if !is_read && !named.contains(&topic.as_str()) {
                named.push(topic);
                findings.push(Finding::Unread {
                    node: node.name().to_owned(),
                    topic: Some(topic.clone()),
                    missing: None,
                });
            }
        }
        if named.is_empty() && !node.is_sink() && graph.outgoing(at).next().is_none() {
            findings.push(Finding::Unread { node: node.name().to_owned(), topic: None, missing: None });
        }
    }
    findings
}

/// Walks back from a sink over everything that does not give what it needs; to
/// arrive at a start is to have found an unprotected path.
fn unprotected(graph: &Graph<'_>, sink: usize) -> Option<Finding> {
    let needs = graph.nodes[sink].needs();
    let (given, starts_repeated) = match needs {
        Needs::Any => return None,
        // Only a path on which something repeats is in need of idempotence.
        Needs::Idempotent => (Gives::Idempotence, graph.nodes[sink].is_retrying()),
        Needs::Fenced => (Gives::Fence, true),
    };

    // A state is a node and whether anything between it and the sink repeats.
    let state = |node: usize, repeated: bool| 2 * node + usize::from(repeated);
    let mut after = vec![None; 2 * graph.nodes.len()];
    let mut seen = vec![false; 2 * graph.nodes.len()];
    let mut queue = VecDeque::from([(sink, starts_repeated)]);
    seen[state(sink, starts_repeated)] = true;

    while let Some((node, repeated)) = queue.pop_front() {
        // A sink that nothing leads to is not at risk; it is without input.
        let starts = graph.nodes[node].is_source() || (node != sink && graph.incoming(node).next().is_none());
        if starts && repeated {
            let mut path = vec![node];
            let mut at = state(node, repeated);
            while let Some(next) = after[at] {
                at = next;
                path.push(at / 2);
            }
            return Some(Finding::Unprotected {
                sink: graph.nodes[sink].name().to_owned(),
                needs,
                path: names(graph, path),
            });
        }
        for link in graph.incoming(node) {
            let from = &graph.nodes[link.from];
            if link.edge.is_giving(given) || from.is_giving(given) {
                continue;
            }
            let repeats = match link.edge.delivery() {
                Delivery::AtLeastOnce => true,
                Delivery::AtMostOnce => from.is_retrying(),
                Delivery::EffectivelyOnce => false,
            };
            let before = (link.from, repeated || repeats);
            if !std::mem::replace(&mut seen[state(before.0, before.1)], true) {
                after[state(before.0, before.1)] = Some(state(node, repeated));
                queue.push_back(before);
            }
        }
    }
    None
}

fn retries_upon_retries(graph: &Graph<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = HashSet::new();
    for link in &graph.edges {
        let (outer, inner) = (&graph.nodes[link.from], &graph.nodes[link.to]);
        let multiplies = outer.is_retrying() && inner.is_retrying() && !link.edge.is_handing_over();
        // Two topics between the same nodes are one fault.
        if multiplies && found.insert((link.from, link.to)) {
            findings.push(Finding::RetryUponRetry {
                outer: outer.name().to_owned(),
                inner: inner.name().to_owned(),
            });
        }
    }
    findings
}

fn names(graph: &Graph<'_>, path: Vec<usize>) -> Vec<String> {
    path.into_iter().map(|at| graph.nodes[at].name().to_owned()).collect()
}
