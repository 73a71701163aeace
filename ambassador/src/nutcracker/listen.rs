//! Where a pool's clients connect.

use std::{fmt, path::PathBuf};

use super::{document::Text, host, invalid::Problem};

/// Where a pool's clients connect; the key `listen`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Listen {
    /// `host:port`.
    Tcp {
        /// A name or an address; one of IPv6 is without brackets here.
        host: String,
        /// 1 to 65,535.
        port: u16,
    },
    /// `/path`, and after a space the permissions in octal.
    Unix {
        /// Where the socket is made.
        path: PathBuf,
        /// Its permissions, 0 to 0o777; `None`: what the process' mask leaves.
        mode: Option<u32>,
    },
}

impl Listen {
    /// The address that a value of the file says.
    pub(super) fn parse(value: &Text) -> Result<Self, Problem> {
        let text = value.text.as_str();
        let (parsed, write) = match text.starts_with('/') {
            true => (Self::unix(text), "`/path`, or `/path 0770` with permissions"),
            false => (Self::tcp(text), "`host:port`, as in `0.0.0.0:22121`"),
        };
        parsed.map_err(|wrong| Problem::Format { found: value.excerpt(), wrong, write })
    }

    fn tcp(text: &str) -> Result<Self, &'static str> {
        let (host, port) = text.rsplit_once(':').ok_or("there is no colon and port")?;
        // The system's resolver takes the star for any address, and so it has been written.
        let host = if host == "*" { "0.0.0.0" } else { host::host(host)? };
        Ok(Self::Tcp { host: host.to_owned(), port: host::port(port)? })
    }

    fn unix(text: &str) -> Result<Self, &'static str> {
        let (path, mode) = match text.rsplit_once(' ') {
            None => (text, None),
            Some((path, mode)) => (path, Some(permissions(mode)?)),
        };
        Ok(Self::Unix { path: host::path(path)?.into(), mode })
    }

    /// Whether the two cannot be listened at by one process.
    pub(super) fn clashes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unix { path, .. }, Self::Unix { path: other, .. }) => path == other,
            _ => self == other,
        }
    }
}

/// Permissions in octal digits, 0 to 0777.
fn permissions(text: &str) -> Result<u32, &'static str> {
    let is_octal = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let mode = is_octal.then(|| u32::from_str_radix(text, 8).ok()).flatten();
    mode.filter(|mode| *mode <= 0o777).ok_or("the permissions after the path are not octal from 0 to 0777")
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix { path, .. } => write!(f, "{}", path.display()),
        }
    }
}
