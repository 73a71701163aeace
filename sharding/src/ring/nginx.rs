//! The points of nginx' `hash KEY consistent`.

use super::points::{Points, widen};
use crate::{Result, roster::Roster};

/// How many points a server has for each unit of its weight.
const POINTS_PER_WEIGHT: u32 = 160;

/// How many points nginx looks at before it goes over to round robin: a key's own and 20 more.
///
/// So the servers that it tries in turn are the distinct ones among the first so many of
/// [`ConsistentRing::walk`](crate::ConsistentRing::walk).
pub const NGINX_WALK: usize = 21;

/// The points of these servers: each is the CRC-32 of host, port and the point before it.
pub(super) fn points(roster: &Roster) -> Result<Points> {
    let mut points = Points::with_room_for(u128::from(roster.weight()) * u128::from(POINTS_PER_WEIGHT))?;
    for (server, number) in roster.servers().iter().zip(0..) {
        let (host, port) = host_and_port(server.name());
        let mut start = crc32fast::Hasher::new();
        start.update(host.as_bytes());
        start.update(&[0]);
        start.update(port.as_bytes());
        let mut hash = 0_u32;
        for _ in 0..u64::from(server.weight()) * u64::from(POINTS_PER_WEIGHT) {
            let mut next = start.clone();
            next.update(&hash.to_le_bytes());
            hash = next.finalize();
            points.push(widen(hash), number);
        }
    }
    // Nginx drops them, so they are no steps of its walk either.
    Ok(points.without_shadowed())
}

/// Cuts off what is a port by its looks. There is none in a name of digits alone, nor in a path.
fn host_and_port(name: &str) -> (&str, &str) {
    if let Some((scheme, path)) = name.split_at_checked(5)
        && scheme.eq_ignore_ascii_case("unix:")
    {
        return (path, "");
    }
    match name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_digits_behind_the_last_colon() {
        for (name, host, port) in [
            ("10.0.0.1:80", "10.0.0.1", "80"),
            ("cache", "cache", ""),
            ("[::1]:8080", "[::1]", "8080"),
            ("[::1]", "[::1]", ""),
            ("cache:", "cache", ""),
            ("11211", "11211", ""),
            ("unix:/tmp/a:80", "/tmp/a:80", ""),
            ("UNIX:/tmp/a", "/tmp/a", ""),
            ("日本:80", "日本", "80"),
        ] {
            assert_eq!(host_and_port(name), (host, port), "{name}");
        }
    }
}
