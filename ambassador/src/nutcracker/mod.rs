//! The file `nutcracker.yml`: read, checked, and explained where it is wrong.
//!
//! The keys are those of twemproxy's `nc_conf.c`. What nutcracker 0.5.0 takes is taken and what it
//! refuses is refused, which is tested against the program, but for these.
//!
//! | in the file | nutcracker | here |
//! |---|---|---|
//! | `reuseport` | refuses it, being older | takes it, and warns |
//! | `listen: "[::1]:22121"` | cannot resolve it | takes it, and warns |
//! | `client_connections` | forgets it | keeps to it, and warns |
//! | a name to listen at that does not resolve | refuses it | fails when it listens |
//! | a number or port beyond 2,147,483,647 that wraps to a small one | takes that | refuses it |
//! | a host or path that no resolver or socket can have | fails when it connects | refuses it |
//! | permissions of a socket that are not octal | takes none | refuses them |
//! | a server's name that is empty | takes it | refuses it |
//! | two pools at one socket with different permissions | fails when it listens | refuses them |
//! | a list under another key than `servers` | takes it, if `servers` is none | refuses it |
//! | UTF-16, line ends of CR alone, U+0085, U+2028, U+2029, a byte order mark within | takes them | refuses them |
//! | text in quotes or blocks that goes on with a tab, or in quotes at the left edge | takes it | refuses it |
//! | a comment right behind a closing quote | takes it | refuses it |

mod config;
mod document;
mod host;
mod invalid;
mod keys;
mod lines;
mod lint;
mod listen;
mod pool;
mod secret;
mod server;
mod warning;

pub use self::{
    config::{Config, Unusable},
    invalid::{Excerpt, Invalid, Problem},
    listen::Listen,
    pool::{Distribution, Pool, Wire},
    secret::Secret,
    server::{Address, Server},
    warning::{Concern, Warning},
};
