//! Who is at what, and what is on its way.

use std::collections::BTreeSet;

use super::store::{CONTENDERS, Key, Store};

/// What a contender is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Idle,
    /// It has asked for a place and the fence at once.
    Coming,
    Waiting,
    /// It was granted this epoch, and has not given it back.
    Holding(u8),
    /// It has given back what it held, and may come again.
    Released,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Contender {
    pub(super) phase: Phase,
    pub(super) key: Key,
    /// When its last confirmed renewal was sent.
    pub(super) sent: u8,
    pub(super) renewed: bool,
    pub(super) claimed: bool,
    /// Whether it came a second time, under the session of the first.
    pub(super) came_again: bool,
}

impl Contender {
    pub(super) const fn is_there(&self) -> bool {
        matches!(self.phase, Phase::Waiting | Phase::Holding(_))
    }

    const fn new() -> Self {
        Self {
            phase: Phase::Idle,
            key: Key { who: 0, created: 0, life: 0 },
            sent: 0,
            renewed: false,
            claimed: false,
            came_again: false,
        }
    }
}

/// What is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Message {
    Renew {
        from: usize,
        sent: u8,
    },
    Renewed {
        to: usize,
        sent: u8,
    },
    /// A place in the queue, and the fence if it is still this one.
    AtOnce {
        from: usize,
        fence: u8,
    },
    CameAlone {
        to: Key,
    },
    Claim {
        from: Key,
    },
    Granted {
        to: Key,
        epoch: u8,
    },
    /// A look's yes.
    ///
    /// The look is judged when it is sent, and its answer may be late without bound. So it tells
    /// of any state from the heir's commit on, whatever has become of the heir since, as does
    /// the answer of a server that is not behind that commit.
    Inherited {
        to: Key,
        epoch: u8,
    },
    /// A release that is the heir's grant.
    HandOver {
        from: Key,
        heir: Key,
    },
    Withdraw {
        from: Key,
    },
    Write {
        epoch: u8,
    },
}

impl Message {
    /// Whether it may arrive more than once: a release is sent again until it is answered, and
    /// one write stands for all of its owner's.
    pub(super) const fn is_repeated(self) -> bool {
        matches!(self, Self::HandOver { .. } | Self::Withdraw { .. } | Self::Write { .. })
    }

    /// The contender that it answers.
    const fn to(self) -> Option<usize> {
        match self {
            Self::Renewed { to, .. } => Some(to),
            Self::CameAlone { to } | Self::Granted { to, .. } | Self::Inherited { to, .. } => Some(to.who),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) now: u8,
    pub(super) store: Store,
    pub(super) contenders: [Contender; CONTENDERS],
    pub(super) network: BTreeSet<Message>,
    /// The highest epoch that was held.
    epoch: u8,
    /// One was held that was not above all before it.
    pub(super) repeated: bool,
    /// The highest epoch that the resource has accepted.
    pub(super) accepted: u8,
    /// A lower one was accepted after it.
    pub(super) went_back: bool,
}

impl State {
    pub(super) const fn new() -> Self {
        Self {
            now: 0,
            store: Store::new(),
            contenders: [Contender::new(); CONTENDERS],
            network: BTreeSet::new(),
            epoch: 0,
            repeated: false,
            accepted: 0,
            went_back: false,
        }
    }

    /// Whether this is the answer to a contender that still waits with this key.
    pub(super) fn awaits(&self, key: Key) -> bool {
        let contender = &self.contenders[key.who];
        contender.phase == Phase::Waiting && contender.key == key
    }

    /// It does nothing more: what it was at and what is on its way to it is forgotten.
    pub(super) fn end(&mut self, who: usize) {
        self.contenders[who] = Contender { phase: Phase::Ended, ..Contender::new() };
        self.forget_answers(who);
    }

    /// Loses what is on its way to this contender.
    pub(super) fn forget_answers(&mut self, who: usize) {
        self.network.retain(|message| message.to() != Some(who));
    }

    /// Forgets the sessions to which nothing is tied, nor ever will be: when they expire is no
    /// matter then, and states that differ in it alone are one.
    pub(super) fn settle(&mut self) {
        for who in 0..CONTENDERS {
            if self.contenders[who].phase == Phase::Ended && self.store.close_idle(who) {
                self.network
                    .retain(|message| !matches!(message, Message::Renew { from, .. } if *from == who));
            }
        }
    }

    pub(super) fn begin(&mut self, who: usize, epoch: u8) {
        self.contenders[who].phase = Phase::Holding(epoch);
        self.repeated |= epoch <= self.epoch;
        self.epoch = self.epoch.max(epoch);
    }
}
