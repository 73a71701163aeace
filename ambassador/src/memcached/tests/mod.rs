//! Clients and servers of memcached's wire, without sockets and with.

mod differential;
mod frames;
mod merged;
mod one_reply;
mod replies;
mod rig;
mod silence;
