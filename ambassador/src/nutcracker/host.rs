//! Hosts, paths and what else an address in the file is made of.

use std::net::Ipv6Addr;

/// The most bytes of the path of a socket, its closing NUL not counted (`sockaddr_un`).
const LONGEST_PATH: usize = 107;

/// A host as it is connected to: an address of IPv6 without its brackets.
///
/// What is refused could never be resolved, which would show only when it is connected to.
pub(super) fn host(text: &str) -> Result<&str, &'static str> {
    if text.is_empty() {
        return Err("there is no host before the port");
    }
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or("a bracket is not closed")?;
        return if is_ipv6(inner) { Ok(inner) } else { Err("between the brackets is no address of IPv6") };
    }
    if text.contains(':') {
        return if is_ipv6(text) { Ok(text) } else { Err("what stands before the port is no host") };
    }
    let may_stand = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.chars().all(may_stand) {
        return Err("a character here may not stand in a host");
    }
    // A dot at the end keeps the resolver from trying the domain's names.
    let labels = text.strip_suffix('.').unwrap_or(text).split('.');
    if labels.clone().any(str::is_empty) {
        return Err("there is nothing between two dots of the host");
    }
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    if labels.clone().next_back().is_some_and(is_number) && !is_ipv4(labels) {
        return Err("these numbers are no address of IPv4");
    }
    Ok(text)
}

/// An address of IPv4, in fewer than four parts too, as the system's resolver takes it.
fn is_ipv4<'t>(mut labels: impl DoubleEndedIterator<Item = &'t str> + Clone) -> bool {
    let before = labels.clone().count() - 1;
    let last = labels.next_back().and_then(super::keys::digits);
    // The last part fills the bytes that are left.
    let is_last = before <= 3 && last.is_some_and(|last| u64::from(last) >> (8 * (4 - before)) == 0);
    is_last && labels.all(|label| label.parse::<u8>().is_ok())
}

/// An address of IPv6, which may name a zone.
fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "0"));
    !zone.is_empty() && address.parse::<Ipv6Addr>().is_ok()
}

/// A port from 1 to 65,535.
pub(super) fn port(text: &str) -> Result<u16, &'static str> {
    let port = super::keys::digits(text).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    port.ok_or("the port is no number from 1 to 65535")
}

/// The path of a socket.
pub(super) fn path(text: &str) -> Result<&str, &'static str> {
    if text.len() > LONGEST_PATH {
        return Err("the path is longer than 107 bytes, the most that a socket may have");
    }
    if text.chars().any(char::is_control) {
        return Err("a character here may not stand in a path");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{host, path, port};

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_brackets() {
        for text in ["cache-1.example.org", "10.0.0.1", "redis_1", "::1", "fe80::1%eth0", "bücher"] {
            assert_eq!(host(text), Ok(text));
        }
        assert_eq!(host("[2001:db8::1]"), Ok("2001:db8::1"));
        for text in
            ["", "a b", "a/b", "[a]", "[::1", "a:6379", "10.0.0.1:6379", "fe80::1%", "a\nb", "user@host"]
        {
            assert!(host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ports_and_paths_keep_within_what_the_system_takes() {
        assert_eq!(port("1"), Ok(1));
        assert_eq!(port("65535"), Ok(65_535));
        for text in ["", "0", "65536", "-1", "4294967297", "http"] {
            assert!(port(text).is_err(), "{text}");
        }
        assert!(path(&format!("/{}", "x".repeat(106))).is_ok());
        assert!(path(&format!("/{}", "x".repeat(107))).is_err());
    }
}
