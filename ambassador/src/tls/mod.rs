//! Encrypted connections: of clients, and to servers.
//!
//! TLS 1.2 and 1.3. What the files say is read and checked when a proxy starts and whenever it is
//! reloaded; a pair of certificate and key that is no good is refused, and the one before stays.
//!
//! * **Clients** that come in at a port speak TLS if [`Access::tls`](crate::Access::tls) says so, and
//!   nothing else: what is not TLS is closed. With an authority for clients, they show a certificate of
//!   it, or are closed. One whose handshake takes too long is closed; until then it counts as a client.
//! * **Servers** that are reached by host and port speak TLS if
//!   [`Access::upstream_tls`](crate::Access::upstream_tls) says so. Each has to show a certificate for
//!   its name from the authority that is named there; there is no way to go without.
//! * **Sockets of a path** are not encrypted: they do not leave the machine.
//!
//! A client that is idle takes about 9 KiB in this process, measured with 900 of them, where one in the
//! open takes 2: 4 KiB are what it is read into. The thread that serves computes the handshakes too.

mod acceptor;
mod connector;
mod files;
mod stream;
#[cfg(test)]
mod tests;
mod unusable;

pub(crate) use self::{acceptor::Acceptor, connector::Connector, stream::Stream};
pub use self::{acceptor::ServerTls, connector::ClientTls, unusable::Unusable};
