//! The admin page of the program.

use std::{net::Ipv4Addr, str::FromStr};

use anyhow::{Context, Result};
use entourage_blueprint::Describe;
use entourage_core::Shutdown;
use entourage_http::{Admin, Server};
use tokio::net::TcpListener;

use crate::Common;

/// Where the page is served: on this machine alone unless a host is named, for it asks nobody
/// who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    host: String,
    port: u16,
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
/// It is ready while `is_ready` finds no reason why not and `shutdown` does not drain; it is
/// served through the drain, so that those who look see it.
pub(crate) async fn serve(
    common: &Common,
    described: impl Describe + Send + Sync + 'static,
    is_ready: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    shutdown: &Shutdown,
) -> Result<()> {
    let Some(Address { host, port }) = &common.admin else { return Ok(()) };
    let listener = TcpListener::bind((host.as_str(), *port))
        .await
        .with_context(|| format!("cannot listen at {host} port {port}; choose another --admin"))?;
    tracing::info!(address = %listener.local_addr()?, "the admin page is served");
    let page =
        Admin::new().with_blueprint(described).with_check("store", is_ready).with_shutdown(shutdown.clone());
    tokio::spawn(Server::new(page.into_router()).run(listener, Shutdown::new()));
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
