//! One call of a script.

use std::borrow::Cow;

use ::redis::Cmd;

use super::{command::Args, fault::Intent, script::Script};

/// One call of a [`Script`]; bytes are borrowed until it is sent, and copied once then.
#[derive(Clone, Debug)]
#[must_use]
pub struct Call<'a> {
    script: &'a Script,
    args: Args<'a>,
}

impl<'a> Call<'a> {
    pub(super) const fn new(script: &'a Script) -> Self {
        Self { script, args: Args::new() }
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

    /// With text or bytes that were made for this call as another argument.
    pub fn owned(mut self, arg: impl Into<Vec<u8>>) -> Self {
        self.args.push(Cow::Owned(arg.into()));
        self
    }

    pub(super) const fn intent(&self) -> Intent {
        self.script.intent()
    }

    /// As it is sent to a server that knows the script.
    pub(super) fn by_hash(&self, prefix: &str, tail: &Tail) -> Cmd {
        self.pack("EVALSHA", &self.script.compiled().hash, prefix, tail)
    }

    /// As it is sent to a server that does not, and knows it from then on.
    pub(super) fn by_text(&self, prefix: &str, tail: &Tail) -> Cmd {
        self.pack("EVAL", &self.script.compiled().text, prefix, tail)
    }

    fn pack(&self, name: &str, script: &str, prefix: &str, tail: &Tail) -> Cmd {
        let before = [name, script, "1", prefix].map(str::as_bytes);
        self.args.pack(&before, &[tail.realm.as_bytes(), tail.seen.as_bytes(), tail.now.as_bytes()])
    }
}

/// What the prelude takes off the arguments' end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// In hexadecimal; empty while it is not known.
    pub(super) realm: String,
    /// The highest version that the caller has seen.
    pub(super) seen: String,
    /// The time in microseconds, of tests alone; else empty.
    pub(super) now: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_stand_before_the_tail_and_the_prefix_is_the_one_key() {
        let script = Script::reading("none", "");
        let tail = Tail { realm: "r".into(), seen: "9".into(), now: String::new() };
        let packed = script.call().arg("a").number(1).owned("b").by_hash("{p}", &tail);
        let sent: Vec<_> = packed.args_iter().collect();
        let expected = ["EVALSHA", &script.compiled().hash, "1", "{p}", "a", "1", "b", "r", "9", ""];
        assert_eq!(sent.len(), expected.len());
        for (sent, expected) in sent.iter().zip(expected) {
            assert!(matches!(sent, ::redis::Arg::Simple(sent) if *sent == expected.as_bytes()));
        }
    }
}
