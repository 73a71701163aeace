//! The binary, as a shell sees it.

mod admin;
mod ambassador;
mod book;
mod election;
#[cfg(feature = "etcd")]
mod etcd;
mod help;
mod page;
mod queue;
mod readme;
mod ring;
mod workqueue;

use entourage_testkit::Program;

/// The binary that this build made.
fn entourage() -> Program {
    Program::new(env!("CARGO_BIN_EXE_entourage"))
}
