#![doc = include_str!("../README.md")]

mod blueprint;
mod check;
mod counters;
mod describe;
mod edge;
mod finding;
mod graph;
mod node;
mod render;

pub use self::{
    blueprint::Blueprint,
    counters::{Counter, Counters},
    describe::Describe,
    edge::{Delivery, Edge},
    finding::Finding,
    node::{Gives, Needs, Node, Sink},
    render::Format,
};
