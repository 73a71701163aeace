//! The binary, as a shell sees it.

mod admin;
mod election;
#[cfg(feature = "etcd")]
mod etcd;
mod page;

use entourage_testkit::Program;

/// The binary that this build made.
fn entourage() -> Program {
    Program::new(env!("CARGO_BIN_EXE_entourage"))
}
