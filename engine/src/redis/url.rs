//! Where a Redis is, as text.

use std::time::Duration;

use super::{
    fault::{Fault, Result},
    options::RedisOptions,
};

/// Reads `redis://[[user]:password@]host[:port][/prefix][?timeout_ms=…&connect_timeout_ms=…]`.
///
/// What is wrong is said without what is secret: nothing of the user's part is repeated.
pub(super) fn parse(url: &str) -> Result<RedisOptions> {
    let rest = match url.split_once("://") {
        Some(("redis", rest)) => rest,
        Some(("rediss", _)) => return invalid("rediss: asks for tls, which is not built in; use redis:"),
        _ => return invalid("a url of redis begins with redis://"),
    };
    // A password holds /, ? and @ only in percent signs, but people forget: nothing of it is
    // taken for what may be repeated.
    let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (place, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = place_of(place)?;
    let mut options = RedisOptions::new(host, port);
    if !prefix.is_empty() {
        options = options.with_prefix(decoded(prefix, "the prefix")?);
    }
    if let Some(user) = user {
        let Some((name, password)) = user.split_once(':') else {
            return invalid("a user of redis comes with a password: redis://user:password@host");
        };
        options = options.with_password(decoded(password, "the password")?);
        if !name.is_empty() {
            options = options.with_user(decoded(name, "the user")?);
        }
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let time = || match value.parse() {
            Ok(millis) => Ok(Duration::from_millis(millis)),
            Err(_) => invalid(format!("{name} is a number of milliseconds")),
        };
        options = match name {
            "timeout_ms" => options.with_timeout(time()?),
            "connect_timeout_ms" => options.with_connect_timeout(time()?),
            _ => {
                return invalid(format!(
                    "{name:?} is not known; there are timeout_ms and connect_timeout_ms"
                ));
            }
        };
    }
    options.check()?;
    Ok(options)
}

/// Host and port; an address of IPv6 stands in brackets.
fn place_of(place: &str) -> Result<(&str, u16)> {
    let (host, port) = match place.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((host, ""))) => (host, None),
        Some(Some((host, rest))) => (host, rest.strip_prefix(':')),
        Some(None) => return invalid("an address of ipv6 ends with a bracket"),
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    match port.map_or(Ok(RedisOptions::PORT), str::parse) {
        Ok(port) => Ok((host, port)),
        Err(_) => invalid("the port of a redis is a number up to 65535"),
    }
}

/// Without its percent signs.
fn decoded(text: &str, what: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = rest.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let Some(byte) = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
            return invalid(format!("{what} in a url writes a percent sign as %25"));
        };
        bytes.push(byte);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).or_else(|_| invalid(format!("{what} in a url is text")))
}

fn invalid<T>(why: impl Into<String>) -> Result<T> {
    Err(Fault::Invalid(why.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_below_which_prefix() {
        let said = |url| format!("{:?}", parse(url).unwrap());
        for (url, address, prefix) in [
            ("redis://localhost", "localhost:6379", "entourage"),
            ("redis://10.0.0.1:7000/team-a/jobs", "10.0.0.1:7000", "team-a/jobs"),
            ("redis://[::1]:7000/a", "[::1]:7000", "a"),
            ("redis://[::1]", "[::1]:6379", "entourage"),
            ("redis://h/a?timeout_ms=100&connect_timeout_ms=50", "h:6379", "a"),
        ] {
            let said = said(url);
            assert!(
                said.contains(&format!("{address:?}")) && said.contains(&format!("{prefix:?}")),
                "{said}"
            );
        }
        assert!(said("redis://h?timeout_ms=100").contains("100ms"));
    }

    #[test]
    fn a_password_is_decoded_and_never_printed() {
        for (url, password) in [
            ("redis://:hu%40sh@h", "hu@sh"),
            ("redis://ann:hu@sh@h", "hu@sh"),
            ("redis://ann:hu%40sh@h/a", "hu@sh"),
            ("redis://:hu/sh?sh=sh@h/a?timeout_ms=1", "hu/sh?sh=sh"),
        ] {
            let options = parse(url).unwrap();
            assert_eq!(options.password(), Some(password));
            let said = format!("{options:?}");
            assert!(!said.contains("sh") && said.contains("***"), "{said}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_what_is_secret() {
        for url in [
            "http://h",
            "rediss://:hush@h",
            "redis://hush@h",
            "redis://:hush%4@h",
            "redis://:hush@h:99999",
            "redis://:hush@[::1",
            "redis://:hush@",
            "redis://:hush@h/0",
            "redis://:hush@h/a{b}",
            "redis://:hush@h?timeout_ms=soon",
            "redis://:hush@h?timeout_ms=0",
            "redis://:hush@h?password=hush",
        ] {
            let Err(Fault::Invalid(why)) = parse(url) else { panic!("{url} was taken") };
            assert!(!why.contains("hush"), "{why}");
        }
    }
}
