//! A resource that remembers the highest fence it has seen.

use std::sync::atomic::{AtomicU64, Ordering};

use entourage_core::{Fence, Realm, Scope};
use entourage_election::fence::{HighestSeen, Refused};

use super::{LOCK, REALM, fence};

#[test]
fn only_a_seal_keeps_a_late_request_from_being_first() {
    // Not promised: the successor has claimed, and the resource cannot know.
    let open = HighestSeen::new(REALM);
    open.check(&fence(1)).unwrap();
    open.check(&fence(1)).unwrap();
    // Promised.
    let sealed = HighestSeen::new(REALM);
    sealed.check(&fence(1)).unwrap();
    sealed.seal(&fence(2)).unwrap();
    assert!(sealed.check(&fence(1)).is_err());
    assert!(sealed.seal(&fence(1)).is_err(), "a former owner seals nothing");
    sealed.check(&fence(2)).unwrap();
}

#[test]
fn a_fence_that_is_lower_by_one_is_refused() {
    let sink = HighestSeen::new(REALM);
    for epoch in [1, 2, 1 << 40, u64::MAX] {
        sink.check(&fence(epoch)).unwrap();
        sink.check(&fence(epoch)).unwrap();
        assert!(sink.check(&fence(epoch - 1)).is_err(), "{epoch}");
    }
}

#[test]
fn scopes_have_epochs_of_their_own_and_are_bounded() {
    let sink = HighestSeen::new(REALM).with_scopes(3);
    let of = |scope: &str, epoch| Fence::new(REALM, Scope::new(scope), epoch);
    for (scope, epoch) in [("a", 9), ("b", 5), ("c", 1)] {
        sink.check(&of(scope, epoch)).unwrap();
    }
    assert!(matches!(sink.check(&of("d", 1)), Err(Refused::Full { what: "scope", limit: 3 })));
    sink.check(&of("b", 6)).unwrap();
    assert!(sink.check(&of("b", 5)).is_err());
    assert!(sink.check(&of("a", 8)).is_err());

    let roomier = sink.with_scopes(4);
    roomier.check(&of("d", 1)).unwrap();
    assert!(roomier.check(&of("a", 8)).is_err(), "a change of limits forgets nothing");
}

#[test]
fn a_foreign_realm_is_refused_until_it_is_adopted_and_nothing_is_forgotten() {
    let sink = HighestSeen::new(REALM);
    let restored = |epoch| Fence::new(Realm::new(2), Scope::new(LOCK), epoch);
    sink.check(&fence(7)).unwrap();
    assert!(matches!(sink.check(&restored(9)), Err(Refused::ForeignRealm { expected: REALM, .. })));
    sink.adopt(REALM).unwrap();
    assert!(sink.check(&fence(6)).is_err(), "to adopt what is taken forgets nothing");

    sink.adopt(Realm::new(2)).unwrap();
    sink.check(&restored(3)).unwrap();
    assert!(sink.check(&restored(2)).is_err());
    assert!(matches!(sink.check(&fence(8)), Err(Refused::ForeignRealm { .. })));

    sink.adopt(REALM).unwrap();
    assert!(sink.check(&fence(6)).is_err(), "to come back forgets nothing");
    sink.check(&fence(7)).unwrap();
}

#[test]
fn realms_are_bounded_and_the_first_may_be_trusted() {
    let sink = HighestSeen::trusting_first();
    assert_eq!(sink.realm(), None);
    sink.check(&fence(4)).unwrap();
    assert_eq!(sink.realm(), Some(REALM));
    let most = u128::try_from(HighestSeen::MAX_REALMS).unwrap();
    for realm in 1..most {
        sink.adopt(Realm::new(realm)).unwrap();
    }
    assert!(matches!(sink.adopt(Realm::new(most)), Err(Refused::Full { what: "realm", .. })));
    assert_eq!(sink.realm(), Some(Realm::new(most - 1)), "a refused adoption changes nothing");
    sink.adopt(REALM).unwrap();
    assert!(sink.check(&fence(3)).is_err());
}

#[test]
fn a_sink_that_forgets_lets_stale_writes_in_and_one_that_recalls_does_not() {
    let before = HighestSeen::new(REALM);
    before.check(&fence(2)).unwrap();
    let saved = before.save();

    let forgetful = HighestSeen::new(REALM);
    forgetful.check(&fence(1)).unwrap();
    let sealed = HighestSeen::new(REALM);
    sealed.seal(&fence(2)).unwrap();
    assert!(sealed.check(&fence(1)).is_err());

    let recalled = HighestSeen::trusting_first();
    recalled.recall(&saved).unwrap();
    assert_eq!(recalled.realm(), Some(REALM));
    assert!(recalled.check(&fence(1)).is_err());
    recalled.check(&fence(3)).unwrap();
    recalled.recall(&saved).unwrap();
    assert!(recalled.check(&fence(2)).is_err(), "an old copy lowers nothing");
}

/// Many callers with epochs of all kinds; whoever is let in has to be no lower than what was
/// let in before he asked.
#[test]
fn epochs_that_many_threads_are_let_in_with_never_decrease() {
    const SCOPES: usize = 4;
    let sink = HighestSeen::new(REALM);
    let floors: [AtomicU64; SCOPES] = Default::default();
    let (admitted, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|threads| {
        for thread in 0..8_u64 {
            let (sink, floors, admitted, refused) = (&sink, &floors, &admitted, &refused);
            threads.spawn(move || {
                for step in 0..20_000_u64 {
                    let place = usize::try_from((step * 7 + thread) % SCOPES as u64).unwrap();
                    let floor = floors[place].load(Ordering::SeqCst);
                    // Around the floor: some behind it, some the same, some a step ahead.
                    let epoch = (floor + (step ^ thread) % 4).saturating_sub(2);
                    let fence = Fence::new(REALM, Scope::new(place.to_string()), epoch);
                    if sink.check(&fence).is_ok() {
                        assert!(epoch >= floor, "{epoch} was let in after {floor}");
                        floors[place].fetch_max(epoch, Ordering::SeqCst);
                        admitted.fetch_add(1, Ordering::Relaxed);
                    } else {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(admitted.into_inner() > 10_000);
    assert!(refused.into_inner() > 10_000);
}
