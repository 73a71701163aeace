#![doc = include_str!("../README.md")]

mod coverage;
mod failure;
mod gathered;
mod gathering;
mod policy;

pub use self::{
    coverage::{Coverage, Fraction},
    failure::Failure,
    gathered::{Gathered, NotEnough},
    gathering::{Gathering, Refused},
    policy::{Judgement, Policy},
};
