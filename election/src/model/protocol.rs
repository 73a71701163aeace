//! The protocol itself: what contenders may do in each state, and what comes of it.

use std::time::Duration;

use entourage_core::Moment;
use stateright::{Model, Property};

use super::{
    crowd::Crowd,
    fault::Fault,
    promises::promises,
    state::{Contender, Message, Phase, State},
    store::{CONTENDERS, TTL},
};
use crate::{
    lease::{Event as News, Lease},
    timings::Timings,
};

const TICK: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub(super) struct Protocol {
    fault: Fault,
    crowd: Crowd,
    timings: Timings,
    /// The shipped machine, for each moment at which its last renewal can have been sent.
    leases: Vec<Lease>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Tick,
    Enqueue(usize),
    ComeAtOnce(usize),
    Resume(usize),
    Look(usize),
    Claim(usize),
    Renew(usize),
    Release(usize),
    Arrive(Message),
}

fn at(tick: u8) -> Moment {
    Moment::ZERO + TICK * u32::from(tick)
}

impl Protocol {
    pub(super) fn new(fault: Fault, crowd: Crowd) -> Self {
        let timings = Timings::builder().ttl(TICK * u32::from(TTL)).build().expect("the defaults work");
        let leases =
            (0..=crowd.end()).map(|sent| Lease::granted(timings, at(sent), timings.ttl(), 1)).collect();
        Self { fault, crowd, timings, leases }
    }

    fn lease(&self, state: &State, who: usize) -> &Lease {
        &self.leases[usize::from(state.contenders[who].sent)]
    }

    pub(super) fn believes(&self, state: &State, who: usize) -> bool {
        matches!(state.contenders[who].phase, Phase::Holding(_))
            && at(state.now) < self.lease(state, who).until()
    }

    fn come(state: &mut State, who: usize) {
        let contender = &mut state.contenders[who];
        match contender.phase {
            Phase::Idle => {
                state.store.open_session(who, state.now);
                contender.sent = state.now;
            }
            Phase::Released => contender.came_again = true,
            _ => {}
        }
        contender.phase = Phase::Coming;
        contender.claimed = false;
    }

    fn enqueue(state: &mut State, who: usize) -> Option<()> {
        Self::come(state, who);
        state.contenders[who].key = state.store.enqueue(who)?;
        state.contenders[who].phase = Phase::Waiting;
        Some(())
    }

    /// Lines up and claims in one commit, which counts if nobody was there before.
    fn enqueue_at_once(&self, state: &mut State, who: usize, fence: u8) {
        let is_alone = state.store.is_vacant() || self.fault == Fault::FirstByNow;
        if state.contenders[who].phase == Phase::Coming
            && let Some(key) = state.store.enqueue_at_once(self.fault, who, fence)
        {
            state.contenders[who].key = key;
            state.contenders[who].phase = Phase::Waiting;
            if is_alone {
                state.network.insert(Message::CameAlone { to: key });
            }
        }
    }

    /// A later life goes on with the session and the key, and knows nothing of the earlier.
    fn resume(state: &mut State, who: usize) -> Option<()> {
        let contender = &mut state.contenders[who];
        contender.key = state.store.resume(who, state.now)?;
        contender.sent = state.now;
        contender.phase = Phase::Waiting;
        contender.claimed = false;
        contender.came_again = true;
        state.forget_answers(who);
        Some(())
    }

    /// A release hands over if somebody is next, and withdraws if that is refused or its answer
    /// is lost: the network may deliver either of them, or both, in any order.
    fn release(&self, state: &mut State, who: usize) {
        let from = state.contenders[who].key;
        if let Some(heir) = state.store.next_after(from) {
            state.network.insert(Message::HandOver { from, heir });
        }
        state.network.insert(Message::Withdraw { from });
        if self.fault != Fault::ReleaseWhileBelieving {
            if self.crowd.returns(state, who) {
                state.contenders[who].phase = Phase::Released;
            } else {
                state.end(who);
            }
        }
    }

    /// Who has claimed neither looks nor awaits the answer to its look, since the claim may apply;
    /// nor does a later life, since the earlier may have inherited.
    fn may_inherit(&self, contender: &Contender) -> bool {
        (!contender.claimed || self.fault == Fault::InheritAfterClaiming)
            && (contender.key.life == 0 || self.fault == Fault::InheritInALaterLife)
    }

    /// Begins to hold, if the lease has a moment left.
    fn hold(&self, state: &mut State, who: usize, epoch: u8) {
        match self.lease(state, who).clone().hold(at(state.now)) {
            Some(_) => {
                state.begin(who, epoch);
                // What it writes is sent at once, since it may arrive as late as any.
                if self.crowd.writes(who) {
                    state.network.insert(Message::Write { epoch });
                }
            }
            None => state.end(who),
        }
    }

    fn confirm(&self, state: &mut State, who: usize, sent: u8) {
        let sent = if self.fault == Fault::TrustedReceipt { state.now } else { sent };
        let mut lease = self.lease(state, who).clone();
        let confirmed = News::Confirmed { sent: at(sent), ttl: self.timings.ttl() };
        let contender = &mut state.contenders[who];
        if contender.is_there() && lease.on(confirmed, at(state.now)).is_some() {
            contender.sent = contender.sent.max(sent);
        }
    }

    /// Ends what is over by its owner's own clock.
    fn tick(&self, state: &mut State) {
        for who in 0..CONTENDERS {
            if matches!(state.contenders[who].phase, Phase::Holding(_)) && !self.believes(state, who) {
                state.end(who);
            }
        }
    }

    fn arrive(&self, state: &mut State, message: Message) {
        match message {
            Message::Renew { from, sent } => {
                if state.store.renew(from, state.now) {
                    state.network.insert(Message::Renewed { to: from, sent });
                }
            }
            Message::Renewed { to, sent } => self.confirm(state, to, sent),
            Message::Claim { from } => {
                if let Some(epoch) = state.store.claim(self.fault, from) {
                    state.network.insert(Message::Granted { to: from, epoch });
                }
            }
            Message::Granted { to, epoch } if state.awaits(to) => self.hold(state, to.who, epoch),
            Message::Inherited { to, epoch }
                if state.awaits(to) && self.may_inherit(&state.contenders[to.who]) =>
            {
                self.hold(state, to.who, epoch);
            }
            // To have come before all others is to be first: who was there may have been granted.
            Message::CameAlone { to } if state.awaits(to) && !state.contenders[to.who].claimed => {
                if state.store.is_first(to) || self.fault != Fault::FirstByNow {
                    self.hold(state, to.who, to.created);
                }
            }
            Message::Granted { .. } | Message::Inherited { .. } | Message::CameAlone { .. } => {}
            Message::AtOnce { from, fence } => self.enqueue_at_once(state, from, fence),
            Message::HandOver { from, heir } => state.store.hand_over(self.fault, from, heir),
            Message::Withdraw { from } => state.store.withdraw(self.fault, from),
            Message::Write { epoch } => {
                if epoch >= state.accepted || self.fault == Fault::UncheckedResource {
                    state.went_back |= epoch < state.accepted;
                    state.accepted = state.accepted.max(epoch);
                }
            }
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        vec![State::new()]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        if state.now < self.crowd.end() {
            events.push(Event::Tick);
        }
        for (who, contender) in state.contenders.iter().enumerate() {
            if self.crowd.may_come(state, who) {
                events.push(Event::Enqueue(who));
            }
            if self.crowd.may_come_at_once(self.fault, state, who) {
                events.push(Event::ComeAtOnce(who));
            }
            if self.crowd.may_resume(state, who) {
                events.push(Event::Resume(who));
            }
            if self.crowd.may_renew(state, who) {
                events.push(Event::Renew(who));
            }
            match contender.phase {
                Phase::Waiting if state.store.is_first(contender.key) => {
                    // A look that says no, or whose answer is lost, changes nothing.
                    let heir = state.store.inherited(self.fault, contender.key);
                    if self.may_inherit(contender) && heir.is_some() {
                        events.push(Event::Look(who));
                    }
                    if !contender.claimed {
                        events.push(Event::Claim(who));
                    }
                }
                Phase::Holding(_) if who + 1 < CONTENDERS => events.push(Event::Release(who)),
                _ => {}
            }
        }
        // A message that never arrives is lost.
        events.extend(state.network.iter().copied().map(Event::Arrive));
    }

    fn next_state(&self, before: &State, event: Event) -> Option<State> {
        let mut state = before.clone();
        match event {
            Event::Tick => {
                state.now += 1;
                state.store.expire(state.now);
                self.tick(&mut state);
            }
            Event::Enqueue(who) => Self::enqueue(&mut state, who)?,
            Event::ComeAtOnce(who) => {
                Self::come(&mut state, who);
                let fence = state.store.fence();
                state.network.insert(Message::AtOnce { from: who, fence });
            }
            Event::Resume(who) => Self::resume(&mut state, who)?,
            Event::Look(who) => {
                let to = state.contenders[who].key;
                let epoch = state.store.inherited(self.fault, to)?;
                state.network.insert(Message::Inherited { to, epoch });
            }
            Event::Claim(who) => {
                state.contenders[who].claimed = true;
                let from = state.contenders[who].key;
                state.network.insert(Message::Claim { from });
            }
            Event::Renew(who) => {
                state.contenders[who].renewed = true;
                state.network.insert(Message::Renew { from: who, sent: state.now });
            }
            Event::Release(who) => self.release(&mut state, who),
            Event::Arrive(message) => {
                self.arrive(&mut state, message);
                // What changes nothing may as well arrive later, and what is repeated again.
                if state != *before && !message.is_repeated() {
                    state.network.remove(&message);
                }
            }
        }
        state.settle();
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises(self.crowd)
    }
}
