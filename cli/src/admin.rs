//! The admin page of the program.

use std::{net::Ipv4Addr, str::FromStr};

use anyhow::{Context, Result};
use entourage_blueprint::Describe;
use entourage_core::Shutdown;
use entourage_http::{Admin, Router, Server};
use tokio::net::TcpListener;

use crate::Common;

/// Where the page is served: on this machine alone unless a host is named, for it asks nobody
/// who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// Listens there; `flag` is where another address is to be said.
    pub(crate) async fn listen(&self, flag: &str) -> Result<TcpListener> {
        let Self { host, port } = self;
        TcpListener::bind((host.as_str(), *port))
            .await
            .with_context(|| format!("cannot listen at {host} port {port}; choose another {flag}"))
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let port = port.parse().map_err(|_| format!("{port:?} is no port; say HOST:PORT, or PORT alone"))?;
        // An IPv6 address stands in brackets here and without them in a look-up.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = if host.is_empty() { Ipv4Addr::LOCALHOST.to_string() } else { host.to_owned() };
        Ok(Self { host, port })
    }
}

/// Serves the admin page, if one is asked for, for as long as the program runs.
///
/// It is ready while `is_ready`, the check of `what`, finds no reason why not and `shutdown` does
/// not drain; it is served through the drain, so that those who look see it.
pub(crate) async fn serve(
    common: &Common,
    described: impl Describe + Send + Sync + 'static,
    what: &str,
    is_ready: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    shutdown: &Shutdown,
) -> Result<()> {
    let page = Admin::new().with_blueprint(described).with_check(what, is_ready);
    route(common, page.with_shutdown(shutdown.clone()).into_router()).await
}

/// Serves these pages where the admin page is asked for, if it is.
pub(crate) async fn route(common: &Common, pages: Router) -> Result<()> {
    let Some(address) = &common.admin else { return Ok(()) };
    let listener = address.listen("--admin").await?;
    tracing::info!(address = %listener.local_addr()?, "the admin page is served");
    tokio::spawn(Server::new(pages).run(listener, Shutdown::new()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_host_is_of_this_machine_alone() {
        for (text, host, port) in [
            ("9464", "127.0.0.1", 9464),
            (":9464", "127.0.0.1", 9464),
            ("0.0.0.0:0", "0.0.0.0", 0),
            ("[::1]:80", "::1", 80),
            ("name:80", "name", 80),
        ] {
            assert_eq!(text.parse(), Ok(Address { host: host.to_owned(), port }), "{text}");
        }
        for text in ["", "name", "name:", ":99999", "1:2:x"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
