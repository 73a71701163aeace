//! How the rows of the table are written.

use crate::redis::command::{
    Command, Everywhere, Keys, Local, Reply, Route, Split, guard::Guard, keys::Count, route::Kind,
};

pub(super) const STATUS: Reply = Reply::STATUS;
pub(super) const INTEGER: Reply = Reply::INTEGER;
pub(super) const BULK: Reply = Reply::BULK;
pub(super) const ARRAY: Reply = Reply::ARRAY;
pub(super) const ANY: Reply = Reply::ANY;

/// The first argument.
pub(super) const KEY: Keys = range(1, 1, 1);
/// The first two arguments.
pub(super) const TWO: Keys = range(1, 2, 1);
/// The second argument.
pub(super) const SECOND: Keys = range(2, 2, 1);
/// All arguments.
pub(super) const ALL: Keys = range(1, -1, 1);

pub(super) const fn range(first: u8, last: i8, step: u8) -> Keys {
    Keys::Range { first, last, step }
}

/// As many as the argument at `at` says, after it.
pub(super) const fn counted(at: u8, words: Count) -> Keys {
    Keys::Counted { at, step: 1, has_destination: false, words }
}

/// A destination at 1, and as many as the argument at 2 says.
pub(super) const fn stored(words: Count) -> Keys {
    Keys::Counted { at: 2, step: 1, has_destination: true, words }
}

/// A command that changes nothing, for the shard of its keys.
pub(super) const fn reads(name: &'static str, arity: i16, keys: Keys, reply: Reply) -> Command {
    Command { is_read: true, ..writes(name, arity, keys, reply) }
}

/// A command for the shard of its keys.
pub(super) const fn writes(name: &'static str, arity: i16, keys: Keys, reply: Reply) -> Command {
    row(name, arity, keys, reply, Route::Keyed)
}

/// A command of which each shard does what concerns its own keys.
pub(super) const fn split(name: &'static str, arity: i16, keys: Keys, reply: Reply, by: Split) -> Command {
    let is_read = matches!(by, Split::Mget | Split::Exists | Split::Touch);
    Command { is_read, ..row(name, arity, keys, reply, Route::Split(by)) }
}

/// A command that every server answers alike.
pub(super) const fn anywhere(name: &'static str, arity: i16) -> Command {
    Command { is_read: true, ..row(name, arity, Keys::None, ANY, Route::Anywhere) }
}

pub(super) const fn everywhere(name: &'static str, arity: i16, reply: Reply, how: Everywhere) -> Command {
    row(name, arity, Keys::None, reply, Route::Everywhere(how))
}

pub(super) const fn local(name: &'static str, arity: i16, local: Local) -> Command {
    row(name, arity, Keys::None, ANY, Route::Local(local))
}

pub(super) const fn refused(name: &'static str, arity: i16, reason: &'static str) -> Command {
    row(name, arity, Keys::None, ANY, Route::Refused(reason))
}

/// A container of commands, each named `name|verb`.
pub(super) const fn family(name: &'static str, members: &'static [Command]) -> Command {
    Command { kind: Kind::Family(members), ..refused(name, -2, "") }
}

/// The same command, refused with these arguments.
pub(super) const fn unless(guard: Guard, command: Command) -> Command {
    Command { guard, ..command }
}

pub(super) const fn row(name: &'static str, arity: i16, keys: Keys, reply: Reply, route: Route) -> Command {
    Command { name, arity, keys, reply, kind: Kind::Route(route), guard: Guard::Open, is_read: false }
}
