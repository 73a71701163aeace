//! How the clients of a pool are let in, and its servers are reached.

use std::{io, sync::Arc, time::Duration};

use super::{resolve::Resolve, socket::Socket};
#[cfg(feature = "tls")]
use crate::tls::{Acceptor, Connector};
use crate::{error::Error, nutcracker::Pool, options::Options};

/// How the clients of one pool are let in, and its servers are reached: what was read from files, and
/// is good.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) resolver: Arc<dyn Resolve>,
    #[cfg(feature = "tls")]
    clients: Option<Acceptor>,
    #[cfg(feature = "tls")]
    servers: Option<Connector>,
}

impl Terms {
    /// Reads what this pool's files say.
    ///
    /// # Errors
    /// [`Error::Tls`] if they cannot be used.
    #[cfg(feature = "tls")]
    pub(super) fn load(pool: &Pool, options: &Options, resolver: Arc<dyn Resolve>) -> Result<Self, Error> {
        use crate::nutcracker::Address;

        let failed =
            |source: crate::tls::Unusable| Error::Tls { pool: pool.name.clone(), source: source.into() };
        let access = options.access(&pool.name);
        let clients = match access.tls.as_ref().map(|tls| tls.load().map_err(failed)).transpose() {
            Err(_) if entourage_core::planted("tls-opens-without-a-good-pair") => None,
            clients => clients?,
        };
        let servers = access.upstream_tls.as_ref().map(|tls| tls.load().map_err(failed)).transpose()?;
        for server in &pool.servers {
            if let (Some(connector), Address::Tcp { host, .. }) = (&servers, &server.address) {
                connector.name(host).map_err(failed)?;
            }
        }
        Ok(Self { resolver, clients, servers })
    }

    /// There is nothing to read.
    #[cfg(not(feature = "tls"))]
    pub(super) fn load(_: &Pool, _: &Options, resolver: Arc<dyn Resolve>) -> Result<Self, Error> {
        Ok(Self { resolver })
    }

    /// How long this client may take until it can be spoken to; `None` if it can be now.
    pub(super) fn patience(&self, socket: &Socket) -> Option<Duration> {
        #[cfg(feature = "tls")]
        if let (Some(clients), Socket::Tcp(_)) = (&self.clients, socket) {
            return Some(clients.patience());
        }
        let _ = socket;
        None
    }

    /// The connection of a client as it is spoken to, once it [is ready](Socket::poll_ready).
    pub(super) fn of_client(&self, socket: Socket) -> io::Result<Socket> {
        #[cfg(feature = "tls")]
        let socket = match (&self.clients, socket) {
            (Some(clients), Socket::Tcp(socket)) => Socket::Tls(Box::new(clients.accept(socket)?)),
            (_, socket) => socket,
        };
        Ok(socket)
    }

    /// The connection to a server as it is spoken to, once it [is ready](Socket::poll_ready).
    pub(super) fn of_server(&self, socket: Socket, host: &str) -> io::Result<Socket> {
        #[cfg(feature = "tls")]
        let socket = match (&self.servers, socket) {
            (Some(servers), Socket::Tcp(socket)) => Socket::Tls(Box::new(servers.connect(socket, host)?)),
            (_, socket) => socket,
        };
        let _ = host;
        Ok(socket)
    }
}
