//! One Redis, shared by every process that names it and a prefix.
//!
//! A [`Link`] carries calls, a [`Waiter`] blocks on a connection of its own, a [`Script`] is one
//! atomic step at the server. No type of the client crate is in a signature.

mod answer;
mod call;
mod command;
mod connection;
mod fault;
mod link;
mod meta;
mod options;
mod pace;
mod refusal;
mod script;
mod url;
mod waiter;
mod wire;

pub use self::{
    answer::Answer,
    call::Call,
    command::Command,
    fault::{Cause, Fault, Intent, Result},
    link::Link,
    options::RedisOptions,
    refusal::Refusal,
    script::{MOST_ITEMS, Script},
    waiter::Waiter,
};
