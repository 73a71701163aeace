#![doc = include_str!("../README.md")]

mod capture;
mod clock_shim;
mod daemon;
mod disk;
mod etcd;
mod eventually;
mod full_disk;
mod loopback;
mod memcached;
mod mount;
mod network;
mod nginx;
mod nutcracker;
mod process;
mod program;
mod redis;
mod relay;
mod requirement;
mod rng;
mod scratch;
mod tool;

/// The harness of test binaries whose tests may be absent on some machines.
pub use libtest_mimic as mimic;

pub use self::{
    clock_shim::{ClockShim, ShiftedClocks},
    disk::Disk,
    etcd::{Etcd, SharedEtcd},
    eventually::{eventually, eventually_async, let_pass},
    full_disk::FullDisk,
    memcached::Memcached,
    network::{Host, Network},
    nginx::Nginx,
    nutcracker::Nutcracker,
    process::{Finished, Process},
    program::Program,
    redis::{Redis, SharedRedis},
    relay::{Cutting, Relay},
    requirement::Requirement,
    rng::Rng,
    scratch::Scratch,
};
