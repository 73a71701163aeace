//! What must be true of the protocol in every state, and what must come about in some.

use stateright::Property;

use super::{
    crowd::Crowd,
    protocol::Protocol,
    state::{Message, Phase, State},
    store::Key,
};

pub(super) const INCREASING: &str = "E1: each epoch is above all that were held before";
pub(super) const FENCED: &str = "E2: no epoch is accepted after a higher one";
pub(super) const ALONE: &str = "E3: no two believe at once";
pub(super) const LET_IN: &str = "E5: nobody without a key shuts an owner out";
pub(super) const WITH_A_KEY: &str = "E5: who believes has a key";

pub(super) fn promises(crowd: Crowd) -> Vec<Property<Protocol>> {
    let mut promises = vec![
        Property::always(INCREASING, |_, state: &State| !state.repeated),
        Property::always(FENCED, |_, state: &State| !state.went_back),
        Property::always(ALONE, |protocol: &Protocol, state: &State| owners(protocol, state).count() <= 1),
        // Whoever asks the store for the epoch, or for who has it, lets an owner in that believes.
        Property::always(LET_IN, |protocol: &Protocol, state: &State| {
            owners(protocol, state).all(|(who, epoch)| state.store.grants(epoch, who))
        }),
        Property::always(WITH_A_KEY, |protocol: &Protocol, state: &State| {
            owners(protocol, state).all(|(who, _)| state.store.stands(state.contenders[who].key))
        }),
        Property::sometimes("an heir owns without a claim", |protocol: &Protocol, state: &State| {
            owners(protocol, state).any(|(who, epoch)| {
                let contender = &state.contenders[who];
                !contender.claimed && epoch > contender.key.created
            })
        }),
        Property::sometimes("a look says yes to an heir that is no more", |_, state: &State| {
            let is_no_more = |message: &Message| match *message {
                Message::Inherited { to, .. } => !state.store.stands(to),
                _ => false,
            };
            state.network.iter().any(is_no_more)
        }),
        Property::sometimes("a release arrives when another owns", |protocol: &Protocol, state: &State| {
            is_late(protocol, state, |from, owner| from.who != owner.who)
        }),
    ];
    promises.extend(match crowd {
        Crowd::Three => vec![
            Property::sometimes("an heir hands over to an heir", |protocol: &Protocol, state: &State| {
                let is_second = |message: &Message| match *message {
                    Message::HandOver { from, heir } => from.who == 1 && heir.who == 2,
                    _ => false,
                };
                let inherits = |(who, _): (usize, u8)| who == 2 && !state.contenders[who].claimed;
                owners(protocol, state).any(inherits) && state.network.iter().any(is_second)
            }),
            Property::sometimes("a stale write is refused", |_, state: &State| {
                let is_stale = |message: &Message| match *message {
                    Message::Write { epoch } => epoch < state.accepted,
                    _ => false,
                };
                state.network.iter().any(is_stale)
            }),
        ],
        Crowd::OneReturns => vec![
            Property::sometimes("a release arrives when its sender has another key", |_, state: &State| {
                let has_come_again = |message: &Message| match *message {
                    Message::HandOver { from, heir } => {
                        let own = state.contenders[from.who].key;
                        own.created != from.created && state.store.stands(own) && state.store.stands(heir)
                    }
                    _ => false,
                };
                state.network.iter().any(has_come_again)
            }),
            Property::sometimes(
                "a release arrives when a later life owns with its key",
                |protocol: &Protocol, state: &State| {
                    is_late(protocol, state, |from, owner| {
                        from.created == owner.created && from.life != owner.life
                    })
                },
            ),
        ],
        Crowd::AtOnce => vec![Property::sometimes(
            "who came alone owns without a claim",
            |protocol: &Protocol, state: &State| {
                owners(protocol, state).any(|(who, epoch)| epoch == state.contenders[who].key.created)
            },
        )],
    });
    promises
}

/// Whether a release is on its way that could still find its heir, though with its key and that
/// of who owns by now it must be refused.
fn is_late(protocol: &Protocol, state: &State, is_other: fn(Key, Key) -> bool) -> bool {
    let owner = owners(protocol, state).next().map(|(who, _)| state.contenders[who].key);
    let finds_its_heir = |message: &Message| match *message {
        Message::HandOver { from, heir } => {
            state.store.stands(heir) && owner.is_some_and(|owner| is_other(from, owner))
        }
        _ => false,
    };
    state.network.iter().any(finds_its_heir)
}

/// Who believes to own, and with which epoch.
fn owners<'a>(protocol: &'a Protocol, state: &'a State) -> impl Iterator<Item = (usize, u8)> + 'a {
    state.contenders.iter().enumerate().filter_map(|(who, contender)| match contender.phase {
        Phase::Holding(epoch) if protocol.believes(state, who) => Some((who, epoch)),
        _ => None,
    })
}
