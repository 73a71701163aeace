//! Settings with which no file could be worked on.

/// A setting with which no file could be worked on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFileWorker {
    /// No host.
    #[error("{0:?} is no host; name it as host or host:port")]
    Host(String),
    /// A host with a user, and perhaps a password, which is not repeated.
    #[error("a host has no user here; name it as host or host:port")]
    HostWithUser,
    /// No address for items.
    #[error("the template of the items' addresses cannot be used: {0}")]
    Template(String),
    /// No place for outputs.
    #[error("the address for outputs cannot be used: {0}")]
    OutputUrl(String),
    /// No script.
    #[error("the script cannot be used: {0}")]
    Script(String),
}
