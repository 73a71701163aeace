//! Campaigns, leaders and those who look on.

use std::{future::pending, ops::ControlFlow, sync::Arc};

use entourage_core::{Clock, Shutdown, sleep};
use entourage_election::Observed;
use entourage_store::{Change, MemoryOptions, MemoryStore, Store, StoreExt};

use crate::{
    TTL, candidate, keys, memory, settle,
    wire::{Way, Wire},
};

fn value(observed: Observed) -> Option<String> {
    match observed {
        Observed::Leader(leader) => Some(String::from_utf8(leader.value.to_vec()).unwrap()),
        Observed::Vacant => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_goes_on_after_the_store_was_lost_and_says_where_there_is_a_gap() {
    let clock: Arc<dyn Clock> = Arc::new(entourage_core::PausedClock::new());
    let options = MemoryOptions::new().with_clock(Arc::clone(&clock)).with_history(3);
    let store = MemoryStore::with_options(options);
    let wire = Wire::to(store.clone());
    let mut observer = candidate(wire.fenced()).observe();
    assert_eq!(value(observer.next().await.unwrap()), None);
    let mut leader = candidate(store.clone()).campaign("1").await.unwrap();
    assert_eq!(value(observer.next().await.unwrap()).as_deref(), Some("1"));

    wire.becomes(Way::Refused);
    leader.proclaim("2").await.unwrap();
    let looking = tokio::spawn(async move { (observer.next().await.unwrap(), observer) });
    sleep(&*clock, TTL).await;
    wire.becomes(Way::Open);
    let (seen, mut observer) = looking.await.unwrap();
    assert_eq!(value(seen).as_deref(), Some("2"));

    for number in 3..20 {
        leader.proclaim(number.to_string()).await.unwrap();
    }
    assert_eq!(observer.next().await.unwrap(), Observed::Resync);
    assert_eq!(value(observer.next().await.unwrap()).as_deref(), Some("19"));
    leader.resign().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_fence_never_names_a_proposal_as_who_was_granted() {
    let (clock, store) = memory();
    let leader = candidate(store.clone()).campaign("host-1:8080").await.unwrap();
    let mut fence = store.watch("fence/printer", None).await.unwrap();
    let waits = candidate(store.clone());
    let waiting = tokio::spawn(async move { waits.campaign("host-2:8080").await.unwrap() });
    settle(&clock).await;
    leader.resign().await.unwrap();
    let next = waiting.await.unwrap();
    let granted = format!("{} {}", next.held().identity(), next.key().unwrap().0);
    loop {
        let Change::Put(written) = fence.next().await.unwrap() else { panic!("it is written") };
        assert_eq!(written.value, granted, "at version {}", written.version.number());
        if written.version.number() == next.fence().epoch() {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_drains_while_it_waits_leaves_nothing_that_others_wait_for() {
    let (clock, store) = memory();
    let leader = candidate(store.clone()).campaign("1").await.unwrap();
    let (waiting, shutdown) = (candidate(store.clone()), Shutdown::new());
    let (drained, queue) = (shutdown.clone(), store.clone());
    let waits = tokio::spawn(async move {
        let led: Option<()> = waiting.run("2", &drained, |_held| pending()).await.unwrap();
        // At once: a process would end here, and nothing would clear away behind it.
        (led, keys(&queue).await)
    });
    settle(&clock).await;
    assert_eq!(keys(&store).await.len(), 2);
    shutdown.drain();
    let (led, left) = waits.await.unwrap();
    assert_eq!(led, None);
    assert_eq!(left, [leader.key().unwrap().0]);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_program_leaves_its_lease_to_expire() {
    let (clock, store) = memory();
    let (election, shutdown) = (candidate(store.clone()), Shutdown::new());
    let running = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { election.run("1", &shutdown, |_| pending::<ControlFlow<()>>()).await }
    });
    settle(&clock).await;
    shutdown.drain();
    settle(&clock).await;
    assert!(!running.is_finished(), "the work in hand goes on");
    shutdown.stop();
    assert_eq!(running.await.unwrap().unwrap(), None);
    assert_eq!(keys(&store).await.len(), 1);
    sleep(&*clock, TTL).await;
    assert!(keys(&store).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_request_to_an_earlier_leader_is_not_heard_by_a_later_one() {
    let (clock, store) = memory();
    let election = candidate(store.clone());
    let first = election.campaign("1").await.unwrap();
    assert!(election.ask_to_resign().await.unwrap());
    first.asked_to_resign().await;
    first.resign().await.unwrap();
    let second = election.campaign("2").await.unwrap();
    assert!(entourage_core::timeout(&*clock, TTL, second.asked_to_resign()).await.is_err());
    store.put("resign/printers", second.fence().epoch().to_string().into()).await.unwrap();
    assert!(entourage_core::timeout(&*clock, TTL, second.asked_to_resign()).await.is_err());
    second.resign().await.unwrap();
}
