//! Why a server does not do now what it may do later.

use std::fmt;

/// Why a server takes a call later and not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// It loads its data (`LOADING`).
    Loading,
    /// It is a replica, as after a failover (`READONLY`).
    ReadOnly,
    /// It holds as much as it may (`OOM`).
    OutOfMemory,
    /// Somebody's script takes its time (`BUSY`).
    Busy,
    /// It is a replica without its master (`MASTERDOWN`), or of a cluster that is down.
    MasterDown,
    /// It has fewer replicas than it must have (`NOREPLICAS`).
    NoReplicas,
    /// It cannot save its data (`MISCONF`).
    DiskFailing,
    /// It has as many clients as it takes.
    TooManyClients,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loading => "loads its data",
            Self::ReadOnly => "is a replica",
            Self::OutOfMemory => "is out of memory",
            Self::Busy => "is busy with a script",
            Self::MasterDown => "has lost its master",
            Self::NoReplicas => "has too few replicas",
            Self::DiskFailing => "cannot save its data",
            Self::TooManyClients => "has too many clients",
        })
    }
}
