//! One command, before it is sent.

use std::borrow::Cow;

use ::redis::Cmd;

use super::fault::Intent;

/// One command and its arguments; bytes are borrowed until it is sent, and copied once then.
///
/// # Examples
/// ```
/// use entourage_engine::redis::Command;
///
/// let command = Command::reading("GETRANGE").arg("{jobs}:payload").number(0).number(99);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Command<'a> {
    name: &'static str,
    intent: Intent,
    args: Args<'a>,
}

impl<'a> Command<'a> {
    /// A command that changes nothing: it may be sent again.
    pub const fn reading(name: &'static str) -> Self {
        Self { name, intent: Intent::Read, args: Args::new() }
    }

    /// A command that changes something: without an answer it may or may not have happened.
    pub const fn writing(name: &'static str) -> Self {
        Self { name, intent: Intent::Write, args: Args::new() }
    }

    /// With another argument.
    pub fn arg<A: AsRef<[u8]> + ?Sized>(mut self, arg: &'a A) -> Self {
        self.args.push(Cow::Borrowed(arg.as_ref()));
        self
    }

    /// With a number as another argument.
    pub fn number(mut self, number: u64) -> Self {
        self.args.push(Cow::Owned(number.to_string().into_bytes()));
        self
    }

    pub(super) const fn intent(&self) -> Intent {
        self.intent
    }

    pub(super) fn pack(&self) -> Cmd {
        self.args.pack(&[self.name.as_bytes()], &[])
    }
}

/// Arguments in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Args<'a>(Vec<Cow<'a, [u8]>>);

impl<'a> Args<'a> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn push(&mut self, arg: Cow<'a, [u8]>) {
        self.0.push(arg);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What the client sends: these between `before` and `after`, in a buffer of the right size.
    pub(super) fn pack(&self, before: &[&[u8]], after: &[&[u8]]) -> Cmd {
        let args =
            || before.iter().copied().chain(self.0.iter().map(AsRef::as_ref)).chain(after.iter().copied());
        let bytes = args().map(<[u8]>::len).sum();
        let mut packed = Cmd::with_capacity(before.len() + self.len() + after.len(), bytes);
        for arg in args() {
            packed.arg(arg);
        }
        packed
    }
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[test]
    fn a_command_is_sent_as_it_was_given() {
        let packed = Command::writing("SET").arg("k").arg(&[0, 255]).number(7).pack();
        let wire = b"*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\x00\xff\r\n$1\r\n7\r\n";
        assert_eq!(packed.get_packed_command(), wire);
    }

    #[test]
    fn payloads_are_borrowed_until_they_are_sent() {
        let payload = vec![7; 4096];
        let command = (0..100).fold(Command::writing("RPUSH"), |command, _| command.arg(&payload));
        assert!(command.args.0.iter().all(|arg| arg.as_ptr() == payload.as_ptr()));
    }
}
