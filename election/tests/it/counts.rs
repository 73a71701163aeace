//! What an operator sees: counts of what happened, and how it stands.

use std::{collections::BTreeMap, time::Duration};

use entourage_blueprint::{Blueprint, Describe, Gives, Node};
use entourage_core::{sleep, timeout};
use entourage_election::{AdvisoryLock, Election, LeaseLock, Ran};
use entourage_store::{FencedStore, MemoryOptions, MemoryStore, Store, StoreExt};

use crate::{
    NAME, TTL, candidate, lock, memory, settle,
    wire::{Way, Wire},
};

const ENDS: [&str; 7] = [
    "released_total",
    "resigned_on_request_total",
    "lost_by_deadline_total",
    "lost_with_session_total",
    "lost_with_key_total",
    "lost_to_another_total",
    "dropped_total",
];

fn counts(described: &impl Describe) -> BTreeMap<&'static str, u64> {
    let blueprint = Blueprint::of(described);
    let node = blueprint.nodes().iter().find(|node| node.pattern() == "election").expect("it is drawn");
    node.counters().snapshot().into_iter().collect()
}

/// That each ownership that was acquired has ended once, or is owned.
#[track_caller]
fn ends(described: &impl Describe, wanted: &[(&str, u64)]) {
    let counts = counts(described);
    for name in ENDS {
        let wanted = wanted.iter().find(|(ended, _)| *ended == name).map_or(0, |(_, times)| *times);
        assert_eq!(counts[name], wanted, "{name}: {counts:?}");
    }
    let ended: u64 = ENDS.iter().map(|name| counts[name]).sum();
    assert_eq!(counts["acquisitions_total"], ended + counts["is_owner"], "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn an_ownership_is_counted_from_its_grant_to_its_release() {
    let (clock, store) = memory();
    let lock = lock(store);
    assert!(
        counts(&lock)
            .values()
            .zip(counts(&lock))
            .all(|(value, (name, _))| *value == u64::from(name == "is_in_touch"))
    );
    let owner = lock.acquire().await.unwrap();
    let seen = counts(&lock);
    assert_eq!((seen["acquisitions_total"], seen["acquisitions_uncontended_total"]), (1, 1));
    assert_eq!((seen["is_owner"], seen["epoch"]), (1, owner.fence().epoch()));
    assert_eq!((seen["contenders"], seen["contenders_ahead"], seen["waiting"]), (1, 0, 0));
    sleep(&*clock, TTL / 4).await;
    assert_eq!(counts(&lock)["renewal_age_seconds"], TTL.as_secs() / 4);
    sleep(&*clock, TTL * 2).await;
    owner.release().await.unwrap();
    settle(&clock).await;
    ends(&lock, &[("released_total", 1)]);
    let seen = counts(&lock);
    assert_eq!((seen["is_owner"], seen["contenders"], seen["releases_unconfirmed_total"]), (0, 0, 0));
    assert!(seen["renewals_sent_total"] >= 4, "{seen:?}");
    assert_eq!(seen["renewals_sent_total"], seen["renewals_confirmed_total"]);
}

#[tokio::test(start_paused = true)]
async fn a_release_that_the_store_does_not_confirm_is_counted_as_both() {
    let (_, store) = memory();
    let wire = Wire::to(store);
    let lock = lock(wire.fenced());
    let owner = lock.acquire().await.unwrap();
    wire.becomes(Way::Refused);
    assert!(!owner.release().await.unwrap_err().is_lost());
    ends(&lock, &[("released_total", 1)]);
    assert_eq!(counts(&lock)["releases_unconfirmed_total"], 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_shows_its_place_and_how_long_it_has_waited() {
    let (clock, store) = memory();
    let owner = lock(store.clone()).acquire().await.unwrap();
    let (second, third) = (lock(store.clone()), lock(store.clone()));
    let waiting: Vec<_> = [&second, &third]
        .map(|lock| {
            tokio::spawn({
                let lock = lock.clone();
                async move { lock.acquire().await.unwrap() }
            })
        })
        .into();
    settle(&clock).await;
    for (lock, ahead) in [(&second, 1), (&third, 2)] {
        let status = lock.status();
        assert_eq!((status.is_owner, status.waiting, status.epoch), (false, 1, None));
        assert_eq!((status.contenders, status.ahead), (Some(3), Some(ahead)));
        assert!(status.is_in_touch, "to wait is to be in touch");
        let seen = counts(lock);
        assert_eq!((seen["contenders_ahead"], seen["waiting"]), (ahead as u64, 1));
    }
    sleep(&*clock, TTL * 2).await;
    assert!(second.status().renewed.unwrap() <= TTL / 3);
    owner.release().await.unwrap();
    settle(&clock).await;
    let seen = counts(&second);
    assert_eq!((seen["acquisitions_total"], seen["acquisitions_uncontended_total"]), (1, 0));
    assert_eq!((seen["waiting"], seen["waited_seconds_total"]), (0, 24));
    assert_eq!(seen["acquisitions_given_up_total"], 0);
    assert_eq!(counts(&third)["contenders_ahead"], 1);
    waiting.into_iter().for_each(|waiting| waiting.abort());
    settle(&clock).await;
    assert_eq!((counts(&third)["acquisitions_given_up_total"], counts(&third)["waiting"]), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn every_way_to_lose_it_is_counted_once_and_by_its_name() {
    // The store is gone: by the clock, though nobody looks but the page.
    let (clock, store) = memory();
    let wire = Wire::to(store.clone());
    let of_wire = lock(wire.fenced());
    let owner = of_wire.acquire().await.unwrap();
    wire.becomes(Way::Silent);
    sleep(&*clock, TTL).await;
    let seen = counts(&of_wire);
    assert_eq!(seen["is_owner"], 0);
    assert!(seen["renewals_late_total"] > 0 && seen["renewals_failed_total"] == 0, "{seen:?}");
    ends(&of_wire, &[("lost_by_deadline_total", 1)]);
    drop(owner);
    ends(&of_wire, &[("lost_by_deadline_total", 1)]);

    // An operator deletes the key.
    let (clock, store) = memory();
    let of_store = lock(store.clone());
    let owner = of_store.acquire().await.unwrap();
    store.delete(owner.key().unwrap().0).await.unwrap();
    timeout(&*clock, TTL, owner.lost()).await.expect("it is told");
    ends(&of_store, &[("lost_with_key_total", 1)]);
    assert!(owner.release().await.unwrap_err().is_lost());
    ends(&of_store, &[("lost_with_key_total", 1)]);

    // An operator ends the session, which a renewal tells where the watch is deaf.
    let wire = Wire::to(store.clone());
    let of_wire = lock(wire.fenced());
    let owner = of_wire.acquire().await.unwrap();
    wire.is_deaf(true);
    store.resume(owner.session().unwrap()).await.unwrap().end().await.unwrap();
    timeout(&*clock, TTL, owner.lost()).await.expect("it is told");
    ends(&of_wire, &[("lost_with_session_total", 1)]);
    assert_eq!(counts(&of_wire)["renewals_refused_total"], 1);
    drop(owner);

    // It is dropped, and left to expire.
    let of_store = lock(store.clone());
    drop(of_store.acquire().await.unwrap());
    ends(&of_store, &[("dropped_total", 1)]);
    sleep(&*clock, TTL * 2).await;

    // Another was granted behind the back of a leader that proclaims.
    let of_store = candidate(store.clone());
    let mut leader = of_store.campaign("a").await.unwrap();
    store.put(&format!("fence/{NAME}"), "an operator".into()).await.unwrap();
    assert!(leader.proclaim("b").await.unwrap_err().is_lost());
    ends(&of_store, &[("lost_to_another_total", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_asked_to_resign_is_counted_so_and_work_that_is_cut_too() {
    let (clock, store) = memory();
    let election = candidate(store.clone());
    let leading = tokio::spawn({
        let election = election.clone();
        async move {
            let shutdown = entourage_core::Shutdown::new();
            election
                .run("a", &shutdown, async |held: entourage_election::Held| {
                    held.lost().await;
                    std::ops::ControlFlow::<()>::Continue(())
                })
                .await
        }
    });
    settle(&clock).await;
    assert!(election.ask_to_resign().await.unwrap());
    sleep(&*clock, TTL).await;
    ends(&election, &[("resigned_on_request_total", 1)]);
    leading.abort();

    let (_, store) = memory();
    let lock = lock(store.clone());
    let owner = lock.acquire().await.unwrap();
    store.delete(owner.key().unwrap().0).await.unwrap();
    let ran = owner.run(async |_| std::future::pending::<()>().await).await;
    assert_eq!((ran, counts(&lock)["works_cut_total"]), (Ran::Cut, 1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_without_a_store_is_out_of_touch_until_it_is_back() {
    for way in [Way::Refused, Way::Silent] {
        let (clock, store) = memory();
        let owner = lock(store.clone()).acquire().await.unwrap();
        let wire = Wire::to(store);
        let lock = lock(wire.fenced());
        let waiting = tokio::spawn({
            let lock = lock.clone();
            async move { lock.acquire().await.map(drop) }
        });
        settle(&clock).await;
        assert!(lock.status().is_in_touch);
        wire.becomes(way);
        // What was confirmed a moment ago is no reason for an alarm.
        sleep(&*clock, TTL / 2).await;
        assert!(lock.status().is_in_touch);
        sleep(&*clock, TTL * 3).await;
        let (seen, status) = (counts(&lock), lock.status());
        // Both kinds of answer that confirm nothing: one that says so, and one that does not come.
        let failed = (seen["renewals_failed_total"] > 0, seen["renewals_late_total"] > 0);
        assert_eq!(failed, (way == Way::Refused, way == Way::Silent), "{seen:?}");
        assert!(!status.is_in_touch && status.renewed.is_none(), "{status:?}");
        assert_eq!(counts(&lock)["is_in_touch"], 0);
        wire.becomes(Way::Open);
        sleep(&*clock, TTL).await;
        assert!(lock.status().is_in_touch);
        assert_eq!(counts(&lock)["lined_up_again_total"], 1);
        waiting.abort();
        settle(&clock).await;
        assert!(lock.status().is_in_touch, "who waits for nothing misses nothing");
        drop(owner);
    }
}

#[test]
fn a_lock_is_a_node_of_its_own_with_an_edge_to_its_store() {
    let store = MemoryStore::with_options(MemoryOptions::new().with_name("state"));
    let lock = LeaseLock::builder(store.clone(), NAME).build().unwrap();
    let election = Election::builder(store.clone(), "scheduler").build().unwrap();
    let advisory = AdvisoryLock::builder(FencedStore::from(store).into_inner(), "cron").build().unwrap();
    let mut blueprint = Blueprint::of(&lock);
    election.describe(&mut blueprint);
    advisory.describe(&mut blueprint);
    assert_eq!(blueprint.check(), []);
    for (name, pattern, fence) in
        [(NAME, "election", true), ("scheduler", "election", true), ("cron", "advisory-lock", false)]
    {
        let node = blueprint.node(name).unwrap();
        assert_eq!(
            (node.pattern(), node.backend(), node.is_giving(Gives::Fence)),
            (pattern, Some("memory"), fence)
        );
        let edge = blueprint.edges().iter().find(|edge| edge.from() == name).unwrap();
        assert_eq!((edge.to(), edge.topic()), ("state", format!("{name}/").as_str()));
    }
    assert_eq!(blueprint.node("state").map(Node::pattern), Some("store"));
    let (nodes, edges) = (blueprint.nodes().len(), blueprint.edges().len());
    lock.describe(&mut blueprint);
    assert_eq!((blueprint.nodes().len(), blueprint.edges().len()), (nodes, edges), "once is enough");
}

#[test]
fn a_lock_named_as_its_store_takes_no_place_but_its_own() {
    let store = MemoryStore::with_options(MemoryOptions::new().with_name(NAME));
    let blueprint = Blueprint::of(&LeaseLock::builder(store, NAME).build().unwrap());
    assert_eq!(blueprint.node(NAME).map(Node::pattern), Some("store"));
    assert_eq!(blueprint.node("printer election").map(Node::pattern), Some("election"));
    assert_eq!(blueprint.check(), []);
}

#[tokio::test(start_paused = true)]
async fn a_program_without_rivals_is_counted_as_well() {
    let (clock, store) = memory();
    let election = Election::single_replica(store, NAME).build().unwrap();
    let leader = election.campaign("a").await.unwrap();
    sleep(&*clock, Duration::from_secs(3_600)).await;
    let status = election.status();
    assert!(status.is_owner && status.is_in_touch && status.renewed.is_none());
    assert_eq!(status.epoch, Some(leader.fence().epoch()));
    leader.resign().await.unwrap();
    ends(&election, &[("released_total", 1)]);
}
