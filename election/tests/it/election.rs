//! Campaigns, leaders and those who look on.

use std::{future::pending, ops::ControlFlow, sync::Arc};

use entourage_core::{Clock, Shutdown, sleep};
use entourage_election::{Election, Error, Observed, Ran};
use entourage_store::{MemoryOptions, MemoryStore, Store, StoreExt, Txn};
use tokio::sync::mpsc;

use crate::{
    NAME, TTL, candidate, keys, memory, settle,
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
async fn observers_see_every_leader_and_every_value_in_order() {
    let (clock, store) = memory();
    let (a, b) = (candidate(store.clone()), candidate(store.clone()));
    let mut observer = a.observe();
    assert_eq!(value(observer.next().await.unwrap()), None);
    let mut of_a = a.campaign("a1").await.unwrap();
    let fence = of_a.fence().clone();
    of_a.proclaim("a2").await.unwrap();
    let campaign = tokio::spawn(async move { b.campaign("b1").await.unwrap() });
    settle(&clock).await;
    of_a.proclaim("a3").await.unwrap();
    assert_eq!(of_a.fence(), &fence, "a value is no new term");
    let guarded = of_a.guard(Txn::new().put("document", "1"));
    assert!(store.transact(guarded).await.unwrap().applied().is_some());
    of_a.resign().await.unwrap();
    let of_b = campaign.await.unwrap();
    assert_eq!(of_b.fence().supersedes(&fence), Ok(true));
    of_b.resign().await.unwrap();
    for seen in [Some("a1"), Some("a2"), Some("a3"), Some("b1"), None] {
        assert_eq!(value(observer.next().await.unwrap()).as_deref(), seen);
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
async fn who_leads_no_longer_proclaims_nothing() {
    let (clock, store) = memory();
    let wire = Wire::to(store.clone());
    let mut former = candidate(wire.fenced()).campaign("old").await.unwrap();
    wire.becomes(Way::Silent);
    sleep(&*clock, TTL).await;
    let _leader = candidate(store.clone()).campaign("new").await.unwrap();
    wire.becomes(Way::Open);
    assert!(matches!(former.proclaim("older").await, Err(Error::Lost { .. })));
    let mut observer = candidate(store).observe();
    assert_eq!(value(observer.next().await.unwrap()).as_deref(), Some("new"));
}

#[tokio::test(start_paused = true)]
async fn a_proclamation_whose_answer_was_lost_is_made_once() {
    let (_, store) = memory();
    let wire = Wire::to(store.clone());
    let mut leader = candidate(wire.fenced()).campaign("1").await.unwrap();
    for number in 2..5 {
        wire.forget_answers(1);
        leader.proclaim(number.to_string()).await.unwrap();
    }
    let entry = store.get(leader.key().unwrap().0).await.unwrap().unwrap();
    assert_eq!(entry.value, "4");
    leader.resign().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_later_life_takes_its_place_back_under_a_new_epoch() {
    let (_, store) = memory();
    let former = candidate(store.clone()).campaign("life 1").await.unwrap();
    // In a file, over a restart.
    let session = former.session().unwrap().to_string();
    let resumed = candidate(store.clone()).resume(session.parse().unwrap(), "life 2").await.unwrap();
    assert_eq!(resumed.fence().supersedes(former.fence()), Ok(true));
    let entry = store.get(resumed.key().unwrap().0).await.unwrap().unwrap();
    assert_eq!(entry.value, "life 2");
    resumed.resign().await.unwrap();
    assert!(candidate(store).resume(session.parse().unwrap(), "life 3").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn losing_ends_the_leadership_and_campaigns_again_in_the_same_process() {
    let (clock, store) = memory();
    let wire = Wire::to(store.clone());
    let election = candidate(wire.fenced());
    let shutdown = Shutdown::new();
    let (term, mut terms) = mpsc::unbounded_channel();
    let running = tokio::spawn({
        let shutdown = shutdown.clone();
        async move {
            let lead = |held: entourage_election::Held| {
                let (term, shutdown) = (term.clone(), shutdown.clone());
                async move {
                    term.send(held.fence().clone()).unwrap();
                    tokio::select! {
                        biased;
                        () = held.lost() => ControlFlow::Continue(()),
                        () = shutdown.draining() => ControlFlow::Break(()),
                    }
                }
            };
            election.run("1", &shutdown, lead).await
        }
    });
    let mut last = terms.recv().await.unwrap();
    for way in [Way::Refused, Way::Silent, Way::Refused] {
        wire.becomes(way);
        sleep(&*clock, TTL * 3).await;
        assert!(terms.try_recv().is_err());
        wire.becomes(Way::Open);
        let next = terms.recv().await.unwrap();
        assert_eq!(next.supersedes(&last), Ok(true));
        last = next;
    }
    shutdown.drain();
    assert_eq!(running.await.unwrap().unwrap(), Some(()));
    assert!(keys(&store).await.is_empty(), "it was released");
}

#[tokio::test(start_paused = true)]
async fn a_follower_may_ask_the_leader_to_resign() {
    let (clock, store) = memory();
    let follower = candidate(store.clone());
    assert!(!follower.ask_to_resign().await.unwrap(), "nobody was ever elected");
    let (term, mut terms) = mpsc::unbounded_channel();
    let running = |name: &'static str| {
        let (election, term) = (candidate(store.clone()), term.clone());
        tokio::spawn(async move {
            let lead = |held: entourage_election::Held| {
                let term = term.clone();
                async move {
                    term.send(name).unwrap();
                    held.lost().await;
                    ControlFlow::<()>::Continue(())
                }
            };
            election.run(name, &Shutdown::new(), lead).await
        })
    };
    let a = running("a");
    assert_eq!(terms.recv().await, Some("a"));
    let b = running("b");
    settle(&clock).await;
    let start = clock.now();
    for leader in ["b", "a", "b"] {
        assert!(follower.ask_to_resign().await.unwrap());
        assert_eq!(terms.recv().await, Some(leader));
        settle(&clock).await;
    }
    assert!(clock.now().since(start) < TTL / 4, "nobody waited for a lease to expire");
    sleep(&*clock, TTL * 2).await;
    assert!(terms.try_recv().is_err(), "one request is one resignation");
    a.abort();
    b.abort();
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
async fn a_single_replica_leads_at_once_and_a_second_one_shuts_it_out() {
    let (clock, store) = memory();
    let alone = || Election::single_replica(store.clone(), NAME).build().unwrap();
    let first = alone().campaign("1").await.unwrap();
    sleep(&*clock, TTL * 100).await;
    assert!(first.is_held());
    let write =
        |leadership: &entourage_election::Leadership| leadership.guard(Txn::new().put("document", "1"));
    assert!(store.transact(write(&first)).await.unwrap().applied().is_some());
    let second = alone().campaign("2").await.unwrap();
    assert!(store.transact(write(&first)).await.unwrap().applied().is_none());
    assert!(store.transact(write(&second)).await.unwrap().applied().is_some());
    let ran = second.into_ownership().run(async |held| held.is_held()).await;
    assert_eq!(ran, Ran::Finished(true));
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
