//! Redis' commands: which there are, where their keys are, and what becomes of each.

mod guard;
mod index;
mod keys;
mod number;
mod refusal;
mod reply;
mod route;
mod table;
#[cfg(test)]
pub(super) mod tests;

use self::{guard::Guard, route::Kind};
pub(crate) use self::{
    index::lookup,
    keys::{KeyError, Keys},
    number::integer,
    refusal::Refusal,
    reply::Reply,
    route::{Client, Everywhere, Local, Route, Split},
};
use super::args::Args;

/// One command, or one sub-command of a container such as CLIENT.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Command {
    /// In lower case; a sub-command's as `client|setname`, which is how Redis calls it.
    pub(crate) name: &'static str,
    /// How many arguments it takes, the name included; negative where that is the least.
    pub(crate) arity: i16,
    pub(crate) keys: Keys,
    pub(crate) reply: Reply,
    kind: Kind,
    guard: Guard,
    is_read: bool,
}

impl Command {
    /// The command that these arguments are, of which there are as many as it takes.
    ///
    /// A command of a module (`JSON.GET`) that the table does not have is one whose first
    /// argument is its key.
    ///
    /// # Errors
    /// Redis' own words for a command that there is not, or that has too few or too many arguments.
    pub(crate) fn find<'a>(args: &Args<'a>) -> Result<&'static Self, Refusal<'a>> {
        let name = args.get(0).unwrap_or_default();
        let mut command = lookup(name).ok_or(Refusal::Unknown(*args))?;
        if let (Kind::Family(members), Some(verb)) = (command.kind, args.get(1)) {
            let is_meant = |member: &&Self| member.verb().eq_ignore_ascii_case(verb);
            command = members.iter().find(is_meant).ok_or(Refusal::UnknownVerb { of: command.name, verb })?;
        }
        let takes = usize::from(command.arity.unsigned_abs());
        let fits = if command.arity < 0 { args.len() >= takes } else { args.len() == takes };
        fits.then_some(command).ok_or(Refusal::WrongNumber(command.name))
    }

    /// What becomes of it with these arguments.
    pub(crate) fn route(&self, args: &Args<'_>) -> Route {
        match self.kind {
            Kind::Route(Route::Keyed) => self.guard.refuses(args).map_or(Route::Keyed, Route::Refused),
            Kind::Route(route) => route,
            // What a container is called with is a member of it, or was never found.
            Kind::Family(_) => Route::Refused(route::OPERATOR),
        }
    }

    /// Whether it changes nothing, so that it may be sent twice and to an old place.
    pub(crate) const fn is_read(&self) -> bool {
        self.is_read
    }

    /// Whether a client may send it that has not said the password.
    pub(crate) const fn is_free(&self) -> bool {
        let Kind::Route(Route::Local(local)) = self.kind else { return false };
        matches!(local, Local::Auth | Local::Hello | Local::Quit | Local::Reset)
    }

    /// Calls `each` with every key, in the order of the arguments.
    ///
    /// # Errors
    /// Where the arguments do not tell which are keys: Redis' own words. There is at least one key
    /// unless this is an error, or no keys are [meant](Keys::None).
    #[inline]
    pub(crate) fn keys<'a>(&self, args: &Args<'a>, each: &mut impl FnMut(&'a [u8])) -> Result<(), KeyError> {
        self.places(args, &mut |at| each(args.get(at).unwrap_or_default()))
    }

    /// The same with the places of the keys among the arguments.
    #[inline]
    pub(crate) fn places(&self, args: &Args<'_>, each: &mut impl FnMut(usize)) -> Result<(), KeyError> {
        self.keys.places(self.name, args, each)
    }

    /// What follows a container's name; of any other command its name.
    fn verb(&self) -> &'static [u8] {
        self.name.split_once('|').map_or(self.name, |(_, verb)| verb).as_bytes()
    }
}
