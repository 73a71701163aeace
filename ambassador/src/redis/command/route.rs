//! What becomes of a command.

use super::Command;

/// What becomes of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// To the shard of its keys, which must be one.
    Keyed,
    /// Key by key to the shards, and one answer made of theirs.
    Split(Split),
    /// Over every shard, one after the other.
    Scan,
    /// To any shard: each gives the same answer.
    Anywhere,
    /// To every shard, and one answer made of theirs.
    Everywhere(Everywhere),
    /// Answered here.
    Local(Local),
    /// Not served, for this reason.
    Refused(&'static str),
}

/// A command of many keys which each shard can do for its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    Mget,
    Mset,
    Del,
    Unlink,
    Touch,
    Exists,
}

/// How the answers of all shards become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Everywhere {
    /// The sum of integers.
    Sum,
    /// They are the same: the first.
    Same,
    /// Arrays of 0 and 1, as long as each other: 1 where all say 1.
    And,
}

/// A command that is answered here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    Auth,
    Client(Client),
    ConfigGet,
    Echo,
    Hello,
    Info,
    NoCluster,
    Ping,
    Quit,
    Reset,
    Role,
    Select,
}

/// A sub-command of CLIENT that is answered here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Getname,
    Getredir,
    Help,
    Id,
    Info,
    List,
    NoEvict,
    NoTouch,
    Reply,
    Setinfo,
    Setname,
    Tracking,
}

/// A row of the table: a route, or a container of commands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Route(Route),
    Family(&'static [Command]),
}

pub(super) const ALL_KEYS: &str = "it acts on the keys of every shard; send it to each server";
pub(super) const BLOCKS: &str =
    "it would hold up everyone who shares the connection to its shard; ask without blocking, and again";
pub(super) const LISTS_KEYS: &str = "it needs the keys of every shard at once; use SCAN";
pub(super) const ONE_DATABASE: &str = "there is one database, 0";
pub(super) const OPERATOR: &str = "it concerns one server and not its keys; send it to that server";
pub(super) const PATTERN: &str =
    "a pattern of BY or GET finds the keys of one shard only; sort in the client";
pub(super) const PUBLISH: &str =
    "only the subscribers of one shard would hear it; publish and subscribe at one server";
pub(super) const SHARED: &str = "connections to the servers are shared, and this would change one for all";
pub(super) const SUBSCRIBE: &str = "messages need a connection of their own; subscribe at a server";
pub(super) const TRANSACTION: &str =
    "a transaction holds a connection, and those to the servers are shared; use a script";
