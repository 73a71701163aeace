//! Stores and queues as a simulated process reaches them.

mod book;
mod queue;
mod receiver;
mod session;
mod settler;
mod store;
mod watch;

pub use self::{queue::SimQueue, store::SimStore};
