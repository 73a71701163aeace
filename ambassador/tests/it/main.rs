//! What the ambassador promises, through its public parts and between real programs.

mod linked;
mod memcached;
mod nutcracker;
mod placement;
mod redis;
#[cfg(feature = "tls")]
mod tls;
