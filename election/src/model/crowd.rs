//! Who contends, and what each of them may do.

use super::{
    fault::Fault,
    state::{Phase, State},
    store::CONTENDERS,
};

/// Who contends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crowd {
    /// Three, each once, in order of their numbers: they are alike until they are in the queue.
    Three,
    /// Two, of whom the first comes again under its session: when it has released, or in a later
    /// life of its process, which finds what the earlier left.
    OneReturns,
    /// Two, of whom the first comes again when it has released. Who sees nobody claims with the
    /// commit that lines it up. None renews.
    AtOnce,
}

impl Crowd {
    /// The last moment that is looked at, in ticks: some session has expired by then, and another
    /// has been granted and may still be held.
    pub(super) const fn end(self) -> u8 {
        match self {
            Self::Three => 6,
            Self::OneReturns | Self::AtOnce => 5,
        }
    }

    /// Whether this contender may line up.
    pub(super) fn may_come(self, state: &State, who: usize) -> bool {
        match state.contenders[who].phase {
            Phase::Idle if self == Self::Three => who == 0 || state.contenders[who - 1].phase != Phase::Idle,
            Phase::Idle => who < 2,
            Phase::Released | Phase::Coming => true,
            _ => false,
        }
    }

    /// Whether it sees nobody, so that it may claim with the commit that lines it up.
    pub(super) fn may_come_at_once(self, fault: Fault, state: &State, who: usize) -> bool {
        let comes = match state.contenders[who].phase {
            Phase::Idle => who == 1,
            Phase::Released => true,
            _ => false,
        };
        let sees_nobody = state.store.is_vacant() || fault == Fault::AtOnceByAnOldWatch;
        self == Self::AtOnce && comes && sees_nobody
    }

    /// Whether it may come in a later life.
    pub(super) fn may_resume(self, state: &State, who: usize) -> bool {
        let contender = &state.contenders[who];
        let is_known = contender.is_there() || contender.phase == Phase::Released;
        self == Self::OneReturns && who == 0 && is_known && !contender.came_again
    }

    /// Whether it comes again once it has released.
    pub(super) fn returns(self, state: &State, who: usize) -> bool {
        self != Self::Three && who == 0 && !state.contenders[who].came_again
    }

    /// Whether it renews now.
    pub(super) fn may_renew(self, state: &State, who: usize) -> bool {
        let contender = &state.contenders[who];
        let is_due = contender.is_there() && !contender.renewed && state.now > contender.sent;
        self != Self::AtOnce && who == 0 && is_due
    }

    /// Whether it writes: somebody may come after it, and be disturbed.
    pub(super) fn writes(self, who: usize) -> bool {
        self == Self::Three && who + 1 < CONTENDERS
    }
}
