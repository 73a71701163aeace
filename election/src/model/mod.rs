//! The protocol of lease, claim and fence, in every order of its events.
//!
//! Three contenders, one store and one resource that checks fences. Every message may be late
//! without bound, or lost; any contender may stop and go on at any moment, which is the same
//! as its messages being late. What a contender believes is decided by the shipped [`Lease`],
//! and who is first by the shipped [`Queue`].

mod promises;
mod protocol;

use stateright::{Checker, HasDiscoveries, Model};

use self::protocol::{Fault, Protocol};

/// Looks at everything that can happen; what it found against the protocol.
fn check(fault: Fault) -> (usize, Vec<&'static str>) {
    let mut checker = Protocol::new(fault).checker().threads(2);
    if fault != Fault::None {
        checker = checker.finish_when(HasDiscoveries::AnyFailures);
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
    let (states, found) = check(Fault::None);
    println!("{states} states");
    assert_eq!(found, [""; 0]);
}

#[test]
fn each_fault_in_the_protocol_is_found() {
    for (fault, promise) in [
        (Fault::UncheckedResource, "E2"),
        (Fault::ClaimWithoutOwnKey, "E5"),
        (Fault::RepeatedEpoch, "E1"),
        (Fault::TrustedReceipt, "E5"),
    ] {
        let (_, found) = check(fault);
        assert!(found.iter().any(|found| found.starts_with(promise)), "{fault:?}: {found:?}");
    }
}
