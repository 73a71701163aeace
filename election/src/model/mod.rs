//! The protocol of lease, claim, hand-over and fence, in every order of its events.
//!
//! A few contenders, one store and one resource that checks fences. Every message may be late
//! without bound, or lost; any contender may stop and go on at any moment, which is the same
//! as its messages being late. What a contender believes is decided by the shipped [`Lease`], and
//! who is first, since when and who is next by the shipped [`Queue`].
//!
//! What is left out changes nothing that is asked here: only the first contender renews, and once,
//! since they are alike; the last neither writes nor releases, since nobody comes after it; what
//! is on its way to one who no longer listens is lost; and a release is sent while the sender
//! believes, since it may arrive as late as any.
//!
//! [`Lease`]: crate::lease::Lease
//! [`Queue`]: crate::place::Queue

mod crowd;
mod fault;
mod promises;
mod protocol;
mod state;
mod store;

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model};

use self::{
    crowd::Crowd,
    fault::Fault,
    promises::{ALONE, FENCED, INCREASING, LET_IN, WITH_A_KEY},
    protocol::Protocol,
};

/// Looks at everything that can happen, or with a fault until this promise is broken; what it
/// found against the protocol.
fn check(fault: Fault, crowd: Crowd, promise: &'static str) -> (usize, Vec<&'static str>) {
    let mut checker = Protocol::new(fault, crowd).checker().threads(2);
    if fault != Fault::None {
        checker = checker.finish_when(HasDiscoveries::AllOf(BTreeSet::from([promise])));
    }
    let checker = checker.spawn_bfs().join();
    let found: Vec<_> = checker.discoveries().into_keys().filter(|name| name.starts_with('E')).collect();
    if fault == Fault::None {
        checker.assert_properties();
        assert!(checker.is_done());
    }
    (checker.unique_state_count(), found)
}

#[test]
fn no_order_of_events_lets_a_former_owner_write_or_two_believe() {
    for crowd in [Crowd::Three, Crowd::OneReturns, Crowd::AtOnce] {
        let (states, found) = check(Fault::None, crowd, "");
        println!("{crowd:?}: {states} states");
        assert_eq!(found, [""; 0]);
    }
}

#[test]
fn each_fault_in_the_protocol_is_found() {
    for (fault, crowd, promise) in [
        (Fault::UncheckedResource, Crowd::Three, FENCED),
        (Fault::ClaimWithoutOwnKey, Crowd::Three, LET_IN),
        (Fault::AtOnceWithoutFence, Crowd::AtOnce, LET_IN),
        (Fault::AtOnceByAnOldWatch, Crowd::AtOnce, LET_IN),
        (Fault::FirstByNow, Crowd::AtOnce, INCREASING),
        (Fault::RepeatedEpoch, Crowd::Three, INCREASING),
        (Fault::TrustedReceipt, Crowd::Three, LET_IN),
        (Fault::ReleaseWhileBelieving, Crowd::Three, ALONE),
        (Fault::HandOverWithoutOwnKey, Crowd::Three, LET_IN),
        (Fault::HandOverOfAnyKey, Crowd::OneReturns, LET_IN),
        (Fault::HandOverOfAnyLife, Crowd::OneReturns, LET_IN),
        (Fault::WithdrawOfAnyKey, Crowd::OneReturns, WITH_A_KEY),
        (Fault::HandOverToNobody, Crowd::Three, LET_IN),
        (Fault::InheritBlindly, Crowd::Three, LET_IN),
        (Fault::InheritAnyFence, Crowd::Three, INCREASING),
        (Fault::InheritAfterClaiming, Crowd::Three, LET_IN),
        (Fault::InheritInALaterLife, Crowd::OneReturns, INCREASING),
    ] {
        let (states, found) = check(fault, crowd, promise);
        println!("{fault:?}: {found:?} in {states} states");
        assert!(found.contains(&promise), "{fault:?}: {found:?}");
    }
}
