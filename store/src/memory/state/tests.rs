//! What a memory store does at each moment.

use super::*;
use crate::txn::Test;

const REALM: Realm = Realm::new(7);
const TTL: Duration = Duration::from_secs(10);

fn state() -> State {
    State::new(REALM, Capabilities::new(), 100)
}

fn at(seconds: u64) -> Moment {
    Moment::ZERO + Duration::from_secs(seconds)
}

fn apply(state: &mut State, now: u64, txn: Txn) -> Version {
    state.transact(at(now), txn).unwrap().applied().expect("nothing stands against it")
}

#[test]
fn a_session_is_live_just_before_its_deadline_and_expired_at_it() {
    let mut state = state();
    let grant = state.open(at(0), TTL);
    apply(&mut state, 0, Txn::new().put_with("k", "1", grant.id(REALM)));
    let just_before = Moment::from_nanos(at(10).as_nanos() - 1);
    assert!(state.get(just_before, "k").unwrap().is_some());
    assert_eq!(state.get(at(10), "k").unwrap(), None);
    assert!(matches!(state.renew(at(10), &grant), Err(Error::SessionLost { .. })));
    assert_eq!((state.expired(), state.deadline()), (1, None));
}

#[test]
fn each_expiry_is_a_commit_of_its_own_in_the_order_of_deadlines() {
    let mut state = state();
    let late = state.open(at(0), TTL * 2);
    let early = state.open(at(0), TTL);
    apply(&mut state, 0, Txn::new().put_with("a", "1", late.id(REALM)));
    let last = apply(&mut state, 0, Txn::new().put_with("b", "1", early.id(REALM)));
    let batch = state.read(at(30), "", last);
    let seen: Vec<_> = batch.changes.iter().map(|c| (c.key(), c.version().number())).collect();
    assert_eq!(seen, [(Some("b"), last.number() + 1), (Some("a"), last.number() + 2)]);
}

#[test]
fn a_resumed_session_keeps_its_keys_under_a_higher_fence() {
    let mut state = state();
    let first = state.open(at(0), TTL);
    apply(&mut state, 0, Txn::new().put_with("k", "1", first.id(REALM)));
    let second = state.resume(at(9), first.id(REALM)).unwrap();
    assert_eq!(second.fence(REALM).supersedes(&first.fence(REALM)), Ok(true));
    assert!(state.renew(at(9), &first).is_err());
    assert!(!state.end(at(9), &first), "the former incarnation ends nothing");
    assert!(state.get(at(18), "k").unwrap().is_some(), "the time to live began again");
    let refused = state.transact(at(18), Txn::new().when_held(first.fence(REALM)).delete("k")).unwrap();
    assert_eq!(refused, Outcome::Refused { condition: 0, found: None });
    apply(&mut state, 18, Txn::new().when_held(second.fence(REALM)).delete("k"));
}

#[test]
fn a_put_under_a_lost_session_changes_nothing_at_all() {
    let mut state = state();
    let grant = state.open(at(0), TTL);
    state.end(at(1), &grant);
    let before = state.version();
    let txn = Txn::new().put("a", "1").put_with("b", "1", grant.id(REALM));
    assert!(matches!(state.transact(at(1), txn), Err(Error::SessionLost { .. })));
    assert_eq!((state.version(), state.get(at(1), "a").unwrap()), (before, None));
}

#[test]
fn the_last_put_decides_with_which_session_a_key_ends() {
    let mut state = state();
    let one = state.open(at(0), TTL);
    let two = state.open(at(0), TTL * 2);
    apply(&mut state, 0, Txn::new().put_with("a", "1", one.id(REALM)).put_with("b", "1", one.id(REALM)));
    apply(&mut state, 0, Txn::new().put("a", "2").put_with("b", "2", two.id(REALM)));
    assert!(state.get(at(10), "a").unwrap().is_some() && state.get(at(10), "b").unwrap().is_some());
    assert!(state.get(at(20), "a").unwrap().is_some() && state.get(at(20), "b").unwrap().is_none());
}

#[test]
fn the_first_condition_that_fails_is_reported_with_what_stands_there() {
    let mut state = state();
    let version = apply(&mut state, 0, Txn::new().put("a", "1"));
    let txn = Txn::new().when("a", Test::Present).when("a", Test::Absent).when("b", Test::Present);
    let Outcome::Refused { condition: 1, found: Some(found) } = state.transact(at(0), txn).unwrap() else {
        panic!("the second condition does not hold");
    };
    assert_eq!((found.version, found.created), (version, version));
}

#[test]
fn listings_are_ordered_cut_and_continued() {
    let mut state = state();
    for key in ["b", "p/2", "p/1", "p/3", "q"] {
        apply(&mut state, 0, Txn::new().put(key, "1"));
    }
    apply(&mut state, 0, Txn::new().put("p/2", "2"));
    let mut keys = |what: What| {
        let listing = state.list(at(0), &what).unwrap();
        let keys: Vec<String> = listing.entries.into_iter().map(|entry| entry.key).collect();
        (keys.join(" "), listing.more)
    };
    let all = What::prefix("p/");
    assert_eq!(keys(all.clone()), ("p/1 p/2 p/3".to_owned(), false));
    assert_eq!(keys(all.clone().ordered(Order::Created)), ("p/2 p/1 p/3".to_owned(), false));
    assert_eq!(keys(all.clone().ordered(Order::CreatedDescending).limit(2)), ("p/3 p/1".to_owned(), true));
    assert_eq!(keys(all.clone().limit(2)), ("p/1 p/2".to_owned(), true));
    assert_eq!(keys(all.clone().after("p/2")), ("p/3".to_owned(), false));
    assert_eq!(keys(all.clone().after("a").limit(1)), ("p/1".to_owned(), true));
    assert_eq!(keys(all.created_below(Version::new(3))), ("p/2".to_owned(), false));
    assert_eq!(keys(What::key("p/2")), ("p/2".to_owned(), false));
}
