//! Why there is no proxy, or no other one.

use std::io;

use entourage_core::BoxError;
use rustix::io::Errno;

/// Why a proxy could not be started, or could not take another configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody could connect to a pool.
    #[error("pool {pool:?} cannot listen at {listen}; {}", advice(source))]
    Listen {
        /// The pool's name.
        pool: String,
        /// Where it was to listen.
        listen: String,
        /// Why that is not possible.
        source: io::Error,
    },
    /// Keys could not be placed on a pool's servers.
    #[error("pool {pool:?} has servers that make no ring")]
    Ring {
        /// The pool's name.
        pool: String,
        /// Why they do not.
        source: entourage_sharding::Error,
    },
    /// A pool's certificates and keys cannot be used.
    #[error("pool {pool:?} cannot be served in TLS")]
    Tls {
        /// The pool's name.
        pool: String,
        /// Which of them, and why not: [`tls::Unusable`](https://docs.rs/entourage-ambassador/latest/entourage_ambassador/tls/enum.Unusable.html).
        source: BoxError,
    },
    /// Something was said of a pool that there is not, which would leave another unprotected.
    #[error("there is no pool {pool:?} to which access could be given; see its name in the configuration")]
    NoPool {
        /// The name that no pool has.
        pool: String,
    },
    /// Keys cannot move safely with several threads.
    #[error("a warm-up needs one thread, and {reactors} are configured; configure one, or no warm-up")]
    WarmUp {
        /// How many threads are configured.
        reactors: usize,
    },
    /// Keys cannot move safely where a server has several connections: what is written over one could be
    /// overtaken by the fetch over another.
    #[error(
        "a warm-up needs one connection to each server, and pool {pool:?} has {connections}; \
         configure `server_connections: 1`, or no warm-up"
    )]
    WarmUpConnections {
        /// The pool's name.
        pool: String,
        /// How many connections each of its servers has.
        connections: u32,
    },
    /// The descriptors that this process may have do not suffice for a single client.
    #[error(
        "no client can be let in: this process may have {limit} descriptors, and {reserve} are kept for servers, \
         listeners and what else is open; raise the limit (`ulimit -n`, `LimitNOFILE=`), or configure fewer \
         servers, `server_connections` or threads"
    )]
    Descriptors {
        /// How many the process may have.
        limit: u64,
        /// How many are kept for servers and listeners, and for what else it has open.
        reserve: usize,
    },
    /// The machine gave no thread to serve with.
    #[error("no thread can be started to serve; see the limits of this process")]
    Thread {
        /// Why not.
        source: io::Error,
    },
}

/// What to do where an address cannot be listened at.
fn advice(error: &io::Error) -> &'static str {
    if matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE)) {
        return "raise the limit of descriptors (`ulimit -n`, `LimitNOFILE=`)";
    }
    match error.kind() {
        io::ErrorKind::AddrInUse => "end who has it, or choose another address",
        io::ErrorKind::AddrNotAvailable => "choose an address of this machine",
        io::ErrorKind::PermissionDenied => {
            "choose a port from 1024 on or a path that may be written, or run with the right"
        }
        _ => "choose another address",
    }
}
