//! Servers that move: their names get other addresses while they are connected.

use std::{net::SocketAddr, time::Duration};

use entourage_core::{sleep, timeout};

use super::{
    connect::{Target, connect, patience},
    resolve::{is_name, is_same},
    shared::Shared,
    socket::Socket,
};
use crate::{nutcracker::Address, protocol::Protocol};

/// No name is looked up more often.
const OFTEN: Duration = Duration::from_millis(10);

/// A connection to where a server is now, once that is no longer at `peer`.
///
/// It comes when it can be used: a name whose new addresses nobody answers at changes nothing. A server
/// that has an address for its name, or a path, never moves.
///
/// # Cancel safety
/// Dropped, nothing has changed.
pub(super) async fn moved<P: Protocol>(
    shared: &Shared<P>,
    target: &Target,
    peer: Option<SocketAddr>,
) -> Socket {
    let (Address::Tcp { host, port }, Some(peer)) = (&target.address, peer) else {
        return std::future::pending().await;
    };
    if !is_name(host) || entourage_core::planted("names-are-looked-up-once") {
        return std::future::pending().await;
    }
    loop {
        sleep(&shared.clock, shared.options.resolve.max(OFTEN)).await;
        let terms = shared.terms();
        match terms.resolver.look_up(host, *port).await {
            Ok(now) if now.is_empty() || now.iter().any(|address| is_same(address, &peer)) => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(host, %error, "the name of a server has no address now; it is asked where it was");
                continue;
            }
        }
        match timeout(&shared.clock, patience(&shared.pool()), connect(shared, target)).await {
            Ok(Ok(socket)) => {
                tracing::info!(host, was = %peer, now = ?socket.peer(), "a server has moved");
                return socket;
            }
            _ => {
                tracing::warn!(host, was = %peer, "a server has moved to where it does not answer; it is asked where it was")
            }
        }
    }
}
