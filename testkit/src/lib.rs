#![doc = include_str!("../README.md")]

mod capture;
mod disk;
mod etcd;
mod eventually;
mod full_disk;
mod mount;
mod process;
mod program;
mod requirement;
mod rng;
mod scratch;

/// The harness of test binaries whose tests may be absent on some machines.
pub use libtest_mimic as mimic;

pub use self::{
    disk::Disk,
    etcd::Etcd,
    eventually::{eventually, eventually_async, let_pass},
    full_disk::FullDisk,
    process::{Finished, Process},
    program::Program,
    requirement::Requirement,
    rng::Rng,
    scratch::Scratch,
};
