//! Cycles, reach and paths, over numbers instead of names.

use std::collections::{HashMap, VecDeque};

use crate::{Blueprint, Edge, Node};

/// A blueprint's known nodes and the edges between them, by index.
#[derive(Debug)]
pub(crate) struct Graph<'a> {
    pub(crate) nodes: &'a [Node],
    pub(crate) edges: Vec<Link<'a>>,
    index: HashMap<&'a str, usize>,
    incoming: Vec<Vec<usize>>,
    outgoing: Vec<Vec<usize>>,
    /// Edges to each node from one that is not described.
    senderless: Vec<Vec<&'a Edge>>,
    /// Edges from each node to one that is not described.
    readerless: Vec<Vec<&'a Edge>>,
}

/// An edge both of whose ends are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link<'a> {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) edge: &'a Edge,
}

impl<'a> Graph<'a> {
    pub(crate) fn new(blueprint: &'a Blueprint) -> Self {
        let nodes = blueprint.nodes();
        let index: HashMap<_, _> = nodes.iter().enumerate().map(|(at, node)| (node.name(), at)).collect();
        let mut graph = Self {
            nodes,
            edges: Vec::new(),
            index,
            incoming: vec![Vec::new(); nodes.len()],
            outgoing: vec![Vec::new(); nodes.len()],
            senderless: vec![Vec::new(); nodes.len()],
            readerless: vec![Vec::new(); nodes.len()],
        };
        for edge in blueprint.edges() {
            match (graph.find(edge.from()), graph.find(edge.to())) {
                (Some(from), Some(to)) => {
                    graph.outgoing[from].push(graph.edges.len());
                    graph.incoming[to].push(graph.edges.len());
                    graph.edges.push(Link { from, to, edge });
                }
                (None, Some(to)) => graph.senderless[to].push(edge),
                (Some(from), None) => graph.readerless[from].push(edge),
                (None, None) => {}
            }
        }
        graph
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    pub(crate) fn incoming(&self, node: usize) -> impl Iterator<Item = Link<'a>> {
        self.incoming[node].iter().map(|at| self.edges[*at])
    }

    pub(crate) fn outgoing(&self, node: usize) -> impl Iterator<Item = Link<'a>> {
        self.outgoing[node].iter().map(|at| self.edges[*at])
    }

    pub(crate) fn senderless(&self, node: usize) -> &[&'a Edge] {
        &self.senderless[node]
    }

    pub(crate) fn readerless(&self, node: usize) -> &[&'a Edge] {
        &self.readerless[node]
    }

    /// Shortest cycles through edges that `keep` lets through, one for each knot
    /// (strongly connected component) of them, in the order of the nodes.
    pub(crate) fn cycles(&self, keep: impl Fn(&Link<'_>) -> bool) -> Vec<Vec<usize>> {
        let successors: Vec<Vec<usize>> = (0..self.nodes.len())
            .map(|node| self.outgoing(node).filter(&keep).map(|link| link.to).collect())
            .collect();
        let knots = components(&successors);
        let mut cycles = Vec::new();
        let mut done = vec![false; self.nodes.len()];
        for first in 0..self.nodes.len() {
            if std::mem::replace(&mut done[knots[first]], true) {
                continue;
            }
            if let Some(cycle) = shortest_cycle(&successors, &knots, first) {
                cycles.push(cycle);
            }
        }
        cycles
    }
}

/// The component of each node, by Tarjan's algorithm (SIAM J. Comput. 1972).
///
/// Without recursion: a long pipeline must not end the thread's stack.
fn components(successors: &[Vec<usize>]) -> Vec<usize> {
    const UNSEEN: usize = usize::MAX;
    let count = successors.len();
    let mut order = vec![UNSEEN; count];
    let mut low = vec![0; count];
    let mut component = vec![UNSEEN; count];
    let (mut open, mut calls) = (Vec::new(), Vec::new());
    let (mut next_order, mut next_component) = (0, 0);

    for root in 0..count {
        if order[root] != UNSEEN {
            continue;
        }
        calls.push((root, 0));
        while let Some((node, child)) = calls.pop() {
            if child == 0 {
                order[node] = next_order;
                low[node] = next_order;
                next_order += 1;
                open.push(node);
            }
            if let Some(&next) = successors[node].get(child) {
                calls.push((node, child + 1));
                if order[next] == UNSEEN {
                    calls.push((next, 0));
                } else if component[next] == UNSEEN {
                    low[node] = low[node].min(order[next]);
                }
                continue;
            }
            if low[node] == order[node] {
                while let Some(member) = open.pop() {
                    component[member] = next_component;
                    if member == node {
                        break;
                    }
                }
                next_component += 1;
            }
            if let Some(&(caller, _)) = calls.last() {
                low[caller] = low[caller].min(low[node]);
            }
        }
    }
    component
}

/// The shortest way from `first` back to itself within its component, if any.
fn shortest_cycle(successors: &[Vec<usize>], component: &[usize], first: usize) -> Option<Vec<usize>> {
    let mut before = vec![None; successors.len()];
    let mut queue = VecDeque::from([first]);
    while let Some(node) = queue.pop_front() {
        for &next in &successors[node] {
            if next == first {
                let mut path = vec![first, node];
                while let Some(previous) = before[path[path.len() - 1]] {
                    path.push(previous);
                }
                path.reverse();
                return Some(path);
            }
            if component[next] == component[first] && before[next].is_none() {
                before[next] = Some(node);
                queue.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knots(successors: &[&[usize]]) -> Vec<usize> {
        components(&successors.iter().map(|s| s.to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn nodes_that_reach_each_other_share_a_component() {
        // 0 -> 1 -> 2 -> 0 and 2 -> 3 -> 4 -> 3; 5 alone.
        let of = knots(&[&[1], &[2], &[0, 3], &[4], &[3], &[]]);
        assert!(of[0] == of[1] && of[1] == of[2]);
        assert!(of[3] == of[4] && of[3] != of[0]);
        assert!(of[5] != of[0] && of[5] != of[3]);
    }

    #[test]
    fn a_forward_edge_into_a_finished_component_joins_nothing() {
        // A diamond: 0 -> 1 -> 3, 0 -> 2 -> 3.
        let mut of = knots(&[&[1, 2], &[3], &[3], &[]]);
        of.sort_unstable();
        of.dedup();
        assert_eq!(of.len(), 4);
    }

    #[test]
    fn components_agree_with_plain_reachability_on_many_graphs() {
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = move |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        };
        for _ in 0..500 {
            let count = 1 + random(8);
            let mut successors = vec![Vec::new(); count];
            for _ in 0..random(2 * count + 1) {
                let from = random(count);
                successors[from].push(random(count));
            }
            let mut reach = vec![vec![false; count]; count];
            for (from, nexts) in successors.iter().enumerate() {
                nexts.iter().for_each(|to| reach[from][*to] = true);
            }
            for via in 0..count {
                for from in 0..count {
                    for to in 0..count {
                        reach[from][to] |= reach[from][via] && reach[via][to];
                    }
                }
            }
            let of = components(&successors);
            for a in 0..count {
                for b in 0..count {
                    let mutual = a == b || reach[a][b] && reach[b][a];
                    assert_eq!(of[a] == of[b], mutual, "{successors:?}");
                }
                assert_eq!(shortest_cycle(&successors, &of, a).is_some(), reach[a][a], "{successors:?}");
            }
        }
    }

    #[test]
    fn a_pipeline_of_a_hundred_thousand_stages_needs_no_deep_stack() {
        let successors: Vec<_> = (0..100_000).map(|at| vec![(at + 1) % 100_000]).collect();
        assert!(components(&successors).iter().all(|c| *c == 0));
    }
}
