//! Names of servers, and what addresses they have.

use std::{
    fmt::Debug,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
};

use tokio::net::lookup_host;

/// What addresses a name has.
pub(super) type Answer<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + 'a>>;

/// Whoever knows the addresses of names.
pub(super) trait Resolve: Debug + Send + Sync + 'static {
    /// The addresses of this name, each with this port, the best first.
    fn look_up<'a>(&'a self, name: &'a str, port: u16) -> Answer<'a>;
}

/// The resolver of the system.
#[derive(Clone, Copy, Debug)]
pub(super) struct System;

impl Resolve for System {
    fn look_up<'a>(&'a self, name: &'a str, port: u16) -> Answer<'a> {
        Box::pin(async move { Ok(lookup_host((name, port)).await?.collect()) })
    }
}

/// Whether a host is a name, whose address may change, and not itself an address.
pub(super) fn is_name(host: &str) -> bool {
    let is_numeric = |host: &str| host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    !host.contains(':') && !is_numeric(host)
}

/// Whether the two are one address, which that of IPv4 within IPv6 is too.
pub(super) fn is_same(one: &SocketAddr, other: &SocketAddr) -> bool {
    let canonical = |address: &SocketAddr| -> (IpAddr, u16) { (address.ip().to_canonical(), address.port()) };
    canonical(one) == canonical(other)
}

#[cfg(test)]
mod tests {
    use super::{is_name, is_same};

    #[test]
    fn an_address_is_no_name() {
        for host in ["127.0.0.1", "127.1", "::1", "fe80::1%eth0", "::ffff:10.0.0.1"] {
            assert!(!is_name(host), "{host}");
        }
        for host in ["localhost", "cache-1.example.org", "1.example.org", "bücher"] {
            assert!(is_name(host), "{host}");
        }
    }

    #[test]
    fn an_address_of_ipv4_within_ipv6_is_the_same() {
        let address = |text: &str| text.parse().expect("it is an address");
        assert!(is_same(&address("10.0.0.1:1"), &address("[::ffff:10.0.0.1]:1")));
        assert!(!is_same(&address("10.0.0.1:1"), &address("10.0.0.1:2")));
        assert!(!is_same(&address("10.0.0.1:1"), &address("10.0.0.2:1")));
    }
}
