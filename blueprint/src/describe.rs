use std::{rc::Rc, sync::Arc};

use crate::Blueprint;

/// Says what a thing consists of, as nodes and edges.
///
/// # Contract
/// * Describing reads and never changes what is described; it may be called at
///   any time, from any thread that holds the value.
/// * Describing the same value twice leaves the blueprint as it was after the
///   first time: names do not contain counters or times.
///
/// ```
/// use entourage_blueprint::{Blueprint, Describe, Edge, Node, Sink};
///
/// struct Copier;
///
/// impl Describe for Copier {
///     fn describe(&self, blueprint: &mut Blueprint) {
///         blueprint.add_node(Node::new("source", "disk").source());
///         blueprint.add_node(Node::new("copier", "copy").sink(Sink::default()));
///         blueprint.add_edge(Edge::new("disk", "copy", "files"));
///     }
/// }
///
/// assert_eq!(Blueprint::of(&Copier).check(), []);
/// ```
pub trait Describe {
    /// Adds this value's nodes and edges to `blueprint`.
    fn describe(&self, blueprint: &mut Blueprint);
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        impl<T: Describe + ?Sized> Describe for $pointer {
            fn describe(&self, blueprint: &mut Blueprint) {
                (**self).describe(blueprint);
            }
        }
    )*};
}

forward!(&T, Box<T>, Rc<T>, Arc<T>);
