//! One server of a pool.

use std::{fmt, path::PathBuf};

use entourage_core::planted;

use super::{document::Text, host, invalid::Problem, keys::digits};

/// The port that a server's name in the ring leaves out, as libmemcached did.
const UNNAMED_PORT: u16 = 11211;

/// One server of a pool: a name in the ring, an address, a weight.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Server {
    /// Its name in the ring, which decides its keys.
    ///
    /// What the file says after the weight; else the text `host:port`, or `host` alone where
    /// the port is 11211, or `/path:` with its colon.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Its part of the keys; 1 at least.
    pub weight: u32,
}

impl Server {
    /// The server that an entry of the list says.
    pub(super) fn parse(entry: &Text) -> Result<Self, Problem> {
        let text = entry.text.as_str();
        let (parsed, write) = match text.starts_with('/') {
            true => (Self::unix(text), "`/path:weight`, and a name after a space if you like"),
            false => (Self::tcp(text), "`host:port:weight`, and a name after a space if you like"),
        };
        parsed.map_err(|wrong| Problem::Format { found: entry.excerpt(), wrong, write })
    }

    // From the right, because the host or path may have colons of its own.

    fn tcp(text: &str) -> Result<Self, &'static str> {
        let (place, weight, name) = split(text)?;
        let (host, port_text) =
            place.rsplit_once(':').ok_or("a host, a port and a weight make three parts")?;
        let port = host::port(port_text)?;
        // As it is written: another spelling of the same address has other keys.
        let name = match (name, port) {
            (Some(name), _) => name,
            (None, UNNAMED_PORT) if !planted("nutcracker-names-every-port") => host,
            (None, _) => place,
        };
        let address = Address::Tcp { host: host::host(host)?.to_owned(), port };
        Ok(Self { name: name.to_owned(), address, weight })
    }

    fn unix(text: &str) -> Result<Self, &'static str> {
        let (path, weight, name) = split(text)?;
        if path.contains(':') {
            return Err("the path may not have a colon");
        }
        let name = name.map_or_else(|| format!("{path}:"), str::to_owned);
        Ok(Self { name, address: Address::Unix(host::path(path)?.into()), weight })
    }
}

/// What stands before the weight, the weight, and the name.
fn split(text: &str) -> Result<(&str, u32, Option<&str>), &'static str> {
    let (rest, name) = match text.rsplit_once(' ') {
        None => (text, None),
        Some((rest, name)) => (rest, Some(name)),
    };
    let (place, weight) = rest.rsplit_once(':').ok_or("there is no weight")?;
    if weight.contains([' ', '\t', '\n']) {
        return Err("there is space in the name, or more than one space before it");
    }
    if name.is_some_and(|name| name.is_empty() || name.chars().any(char::is_control)) {
        return Err("the name after the space is empty or cannot be printed");
    }
    match digits(weight) {
        Some(0) => Err("the weight is 0, which leaves it without keys"),
        Some(weight) if weight <= i32::MAX.unsigned_abs() => Ok((place, weight, name)),
        _ => Err("the weight is no number from 1 to 2147483647"),
    }
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host, resolved when it is connected to.
    Tcp {
        /// A name or an address; one of IPv6 is without brackets here.
        host: String,
        /// 1 to 65,535.
        port: u16,
    },
    /// A socket of this machine.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}
