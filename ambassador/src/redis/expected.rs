use super::command::{Command, Reply};

/// What the reply to a request in flight may look like, and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(super) reply: Reply,
    pub(super) then: Then,
}

/// What becomes of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It goes to the client as it is.
    Relay,
    /// The same; without it, "there is none" is an answer.
    Miss,
    /// Its cursor is of one shard, and is made one of all.
    Scan { shard: u16, shards: u16 },
}

impl Expected {
    /// A reply that may begin like this, and goes to the client as it is.
    pub(super) const fn of(reply: Reply) -> Self {
        Self { reply, then: Then::Relay }
    }

    /// The reply to this command.
    #[inline]
    pub(super) fn to(command: &Command) -> Self {
        let is_get = command.is_read() && command.reply == Reply::BULK;
        Self { reply: command.reply, then: if is_get { Then::Miss } else { Then::Relay } }
    }
}
