//! The protocol itself: three contenders, a store, a resource, and the messages between them.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use entourage_core::Moment;
use entourage_store::{Entry, Version};
use stateright::{Model, Property};

use super::promises::promises;
use crate::{
    lease::Lease,
    place::{Place, Queue},
    timings::Timings,
};

pub(super) const CONTENDERS: usize = 3;
/// A session lives for so many ticks after the store took a renewal in.
const TTL: u8 = 4;
/// The last moment that is looked at.
const END: u8 = 6;
const TICK: Duration = Duration::from_secs(1);

/// What is wrong with the protocol, to see that the checker finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// The resource takes any write.
    UncheckedResource,
    /// The claim does not ask whether the contender's key still stands.
    ClaimWithoutOwnKey,
    /// The epoch is read before the claim, not given by it.
    RepeatedEpoch,
    /// A renewal counts from when its answer came.
    TrustedReceipt,
}

#[derive(Clone, Debug)]
pub(super) struct Protocol {
    fault: Fault,
    timings: Timings,
}

/// What a contender is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Phase {
    Idle,
    /// Its key was created at this version.
    Waiting(u8),
    Holding(u8),
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Contender {
    pub(super) phase: Phase,
    /// When its last confirmed renewal was sent.
    sent: u8,
    renewed: bool,
    claimed: bool,
    wrote: bool,
}

/// What is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Message {
    Renew { from: usize, sent: u8 },
    Renewed { to: usize, sent: u8 },
    Claim { from: usize, created: u8 },
    Granted { to: usize, epoch: u8 },
    Write { from: usize, epoch: u8 },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    now: u8,
    version: u8,
    /// When each contender's session ends; zero for none.
    sessions: [u8; CONTENDERS],
    /// The contenders' keys, by creation.
    keys: Vec<(u8, usize)>,
    pub(super) fence: u8,
    pub(super) contenders: [Contender; CONTENDERS],
    network: BTreeSet<Message>,
    /// The highest epoch that the resource has accepted.
    accepted: u8,
    /// A lower one was accepted after it.
    pub(super) went_back: bool,
    pub(super) refused: bool,
    grants: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Tick,
    Enqueue(usize),
    Claim(usize),
    Renew(usize),
    Write(usize),
    Arrive(Message),
}

fn at(tick: u8) -> Moment {
    Moment::ZERO + TICK * u32::from(tick)
}

impl Protocol {
    pub(super) fn new(fault: Fault) -> Self {
        let timings = Timings::builder().ttl(TICK * u32::from(TTL)).build().expect("the defaults work");
        Self { fault, timings }
    }

    /// The shipped machine, as this contender has it.
    fn lease(&self, contender: &Contender) -> Lease {
        Lease::granted(self.timings, at(contender.sent), self.timings.ttl(), 1)
    }

    pub(super) fn believes(&self, state: &State, who: usize) -> bool {
        let contender = &state.contenders[who];
        matches!(contender.phase, Phase::Holding(_)) && at(state.now) < self.lease(contender).until()
    }

    /// Ends the sessions whose time has come, with their keys.
    fn expire(state: &mut State) {
        for who in 0..CONTENDERS {
            if state.sessions[who] != 0 && state.sessions[who] <= state.now {
                state.sessions[who] = 0;
                state.version += 1;
                state.keys.retain(|(_, owner)| *owner != who);
            }
        }
    }

    fn is_first(state: &State, who: usize, created: u8) -> bool {
        let entry = |(created, owner): &(u8, usize)| {
            let version = Version::new((*created).into());
            Entry { key: format!("n/{owner}"), value: Bytes::new(), version, created: version }
        };
        let queue = Queue::of(state.keys.iter().map(entry).collect(), Version::new(state.version.into()));
        queue.place(&format!("n/{who}"), Version::new(created.into())) == Place::First
    }

    fn arrive(&self, state: &mut State, message: Message) {
        match message {
            Message::Renew { from, sent } => {
                if state.sessions[from] != 0 {
                    state.sessions[from] = state.now + TTL;
                    state.network.insert(Message::Renewed { to: from, sent });
                }
            }
            Message::Renewed { to, sent } => {
                let sent = if self.fault == Fault::TrustedReceipt { state.now } else { sent };
                let mut lease = self.lease(&state.contenders[to]);
                if matches!(state.contenders[to].phase, Phase::Holding(_))
                    && lease.hold(at(state.now)).is_none()
                {
                    state.contenders[to].phase = Phase::Ended;
                }
                let confirmed = crate::lease::Event::Confirmed { sent: at(sent), ttl: self.timings.ttl() };
                if lease.on(confirmed, at(state.now)).is_some() {
                    state.contenders[to].sent = state.contenders[to].sent.max(sent);
                }
            }
            Message::Claim { from, created } => {
                let stands = state.sessions[from] != 0 && state.keys.contains(&(created, from));
                if stands || self.fault == Fault::ClaimWithoutOwnKey {
                    if self.fault != Fault::RepeatedEpoch || state.grants == 0 {
                        state.version += 1;
                        state.fence = state.version;
                    }
                    state.grants += 1;
                    state.network.insert(Message::Granted { to: from, epoch: state.fence });
                }
            }
            Message::Granted { to, epoch } => {
                let contender = &state.contenders[to];
                if matches!(contender.phase, Phase::Waiting(_)) {
                    let held = self.lease(contender).hold(at(state.now)).is_some();
                    state.contenders[to].phase = if held { Phase::Holding(epoch) } else { Phase::Ended };
                }
            }
            Message::Write { epoch, .. } => {
                if epoch < state.accepted && self.fault != Fault::UncheckedResource {
                    state.refused = true;
                } else {
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
        let contender =
            Contender { phase: Phase::Idle, sent: 0, renewed: false, claimed: false, wrote: false };
        vec![State {
            now: 0,
            version: 1,
            sessions: [0; CONTENDERS],
            keys: Vec::new(),
            fence: 0,
            contenders: [contender; CONTENDERS],
            network: BTreeSet::new(),
            accepted: 0,
            went_back: false,
            refused: false,
            grants: 0,
        }]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        if state.now < END {
            events.push(Event::Tick);
        }
        for (who, contender) in state.contenders.iter().enumerate() {
            match contender.phase {
                // In order of their numbers: the contenders are alike until they are in the queue.
                Phase::Idle if who == 0 || state.contenders[who - 1].phase != Phase::Idle => {
                    events.push(Event::Enqueue(who));
                }
                Phase::Waiting(created) if !contender.claimed && Self::is_first(state, who, created) => {
                    events.push(Event::Claim(who));
                }
                Phase::Holding(_) if self.believes(state, who) && !contender.wrote => {
                    events.push(Event::Write(who));
                }
                _ => {}
            }
            // They are alike, so it is enough that one renews, once.
            let is_there = matches!(contender.phase, Phase::Waiting(_) | Phase::Holding(_));
            if who == 0 && is_there && !contender.renewed && state.now > contender.sent {
                events.push(Event::Renew(who));
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
                Self::expire(&mut state);
            }
            Event::Enqueue(who) => {
                state.version += 1;
                state.sessions[who] = state.now + TTL;
                state.keys.push((state.version, who));
                state.contenders[who].phase = Phase::Waiting(state.version);
                state.contenders[who].sent = state.now;
            }
            Event::Claim(who) => {
                let Phase::Waiting(created) = state.contenders[who].phase else { return None };
                state.contenders[who].claimed = true;
                state.network.insert(Message::Claim { from: who, created });
            }
            Event::Renew(who) => {
                state.contenders[who].renewed = true;
                state.network.insert(Message::Renew { from: who, sent: state.now });
            }
            Event::Write(who) => {
                let Phase::Holding(epoch) = state.contenders[who].phase else { return None };
                state.contenders[who].wrote = true;
                state.network.insert(Message::Write { from: who, epoch });
            }
            Event::Arrive(message) => {
                state.network.remove(&message);
                self.arrive(&mut state, message);
            }
        }
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises()
    }
}
