#![doc = include_str!("../README.md")]

mod attempt;
mod outcome;
mod worker;

pub use self::{
    attempt::Attempt,
    outcome::Outcome,
    worker::{FnWorker, Worker, worker_fn},
};
