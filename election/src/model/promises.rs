//! What must be true of the protocol in every state, and what must come about in some.

use stateright::Property;

use super::protocol::{CONTENDERS, Phase, Protocol, State};

pub(super) fn promises() -> Vec<Property<Protocol>> {
    vec![
        Property::always("E2: no epoch is accepted after a higher one", |_, state: &State| !state.went_back),
        Property::always("E3: no two believe at once", |protocol: &Protocol, state: &State| {
            (0..CONTENDERS).filter(|who| protocol.believes(state, *who)).count() <= 1
        }),
        Property::always("E1: no two hold one epoch", |_, state: &State| {
            let mut held: Vec<u8> = state
                .contenders
                .iter()
                .filter_map(|c| match c.phase {
                    Phase::Holding(epoch) => Some(epoch),
                    _ => None,
                })
                .collect();
            held.sort_unstable();
            held.windows(2).all(|pair| pair[0] != pair[1])
        }),
        Property::always(
            "E5: nobody without a key shuts an owner out",
            |protocol: &Protocol, state: &State| {
                (0..CONTENDERS).all(|who| {
                    !protocol.believes(state, who)
                        || state.contenders[who].phase == Phase::Holding(state.fence)
                })
            },
        ),
        Property::sometimes("an owner is followed by another", |_, state: &State| {
            state.contenders.iter().filter(|c| matches!(c.phase, Phase::Holding(_))).count() == 2
        }),
        Property::sometimes("a stale write is refused", |_, state: &State| state.refused),
    ]
}
