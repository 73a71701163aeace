use std::{io, path::PathBuf};

use entourage_core::BoxError;

/// Why what was named for TLS cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// A file could not be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file has no certificate or key in PEM, or one that is damaged.
    #[error("{} has no {what} in PEM that can be understood", path.display())]
    Malformed {
        /// Its path.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// What is wrong with it.
        source: BoxError,
    },
    /// The key is not that of the certificate, or of no kind that is supported.
    #[error("the key {} is not that of the certificate {}", key.display(), certificate.display())]
    Pair {
        /// The certificate's path.
        certificate: PathBuf,
        /// The key's path.
        key: PathBuf,
        /// What is wrong with the two.
        source: BoxError,
    },
    /// A certificate cannot be that of a server of this name.
    #[error("{name:?} cannot stand in a certificate; say which name the servers' certificates have")]
    Name {
        /// A server's host, or what was said to be its name.
        name: String,
    },
}
