//! E1 and E2: epochs that increase, and resources that check them.

use entourage_core::{Fence, sleep};
use entourage_election::{Error, Held, Ownership};
use entourage_store::{Call, MemoryStore, Outcome, RecordingStore, Store, StoreExt, Txn};

use crate::{
    TTL, lock, memory, settle,
    wire::{Way, Wire},
};

/// Three contenders in turns that end in every way; returns the epochs in order of grant.
async fn epochs_of_many_ends(store: impl Fn() -> entourage_store::FencedStore) -> Vec<Fence> {
    let mut fences = Vec::new();
    let mut remember = |ownership: &Ownership| fences.push(ownership.fence().clone());

    let (a, b, c) = (lock(store()), lock(store()), lock(store()));
    let of_a = a.acquire().await.unwrap();
    remember(&of_a);
    of_a.release().await.unwrap();
    let again = a.try_acquire().await.unwrap().unwrap();
    remember(&again);
    again.release().await.unwrap();

    // A crash of the holder: its lease expires under the next one's eyes.
    let of_b = b.acquire().await.unwrap();
    remember(&of_b);
    drop(of_b);
    let of_c = c.acquire().await.unwrap();
    remember(&of_c);

    // A restart: the session is resumed by another life.
    let session = of_c.session().unwrap();
    drop(of_c);
    let resumed = lock(store()).resume(session).await.unwrap();
    remember(&resumed);
    resumed.release().await.unwrap();
    remember(&a.acquire().await.unwrap());
    fences
}

#[tokio::test(start_paused = true)]
async fn e1_epochs_increase_in_order_of_grant_however_the_last_ended() {
    let (_, store) = memory();
    let fences = epochs_of_many_ends(|| store.clone().into()).await;
    assert_eq!(fences.len(), 6);
    for pair in fences.windows(2) {
        assert_eq!(pair[1].supersedes(&pair[0]), Ok(true), "{fences:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn e1_an_earlier_life_is_shut_out_by_the_one_that_resumed_it() {
    let (_, store) = memory();
    let former = lock(store.clone()).acquire().await.unwrap();
    let (held, session) = (former.held(), former.session().unwrap());
    let resumed = lock(store.clone()).resume(session).await.unwrap();
    assert!(write(&store, &held, "old").await.applied().is_none());
    assert!(write(&store, &resumed.held(), "new").await.applied().is_some());
}

async fn write(store: &MemoryStore, held: &Held, value: &'static str) -> Outcome {
    store.transact(held.guard(Txn::new().put("document", value))).await.unwrap()
}

/// A resource outside of the store, which knows the highest fence that it has accepted.
#[derive(Debug, Default)]
struct Resource {
    highest: Option<Fence>,
    written: Vec<&'static str>,
}

impl Resource {
    fn request(&mut self, fence: &Fence, what: &'static str) -> bool {
        let stale = self.highest.as_ref().is_some_and(|highest| highest.supersedes(fence).unwrap_or(true));
        if !stale {
            self.highest = Some(fence.clone());
            self.written.push(what);
        }
        !stale
    }
}

/// The book's story of two replicas (chapter 9): a request that was sent by the rightful owner
/// arrives when another is.
#[tokio::test(start_paused = true)]
async fn e2_the_story_of_two_replicas_ends_with_the_late_request_refused() {
    let (clock, store) = memory();
    let way_of_1 = Wire::to(store.clone());
    let mut resource = Resource::default();

    // 1. Replica 1 obtains the lock.
    let replica_1 = lock(way_of_1.fenced()).acquire().await.unwrap();
    // 2. It sends request R1, which is under way for long.
    let (r1, held_1) = (replica_1.fence().clone(), replica_1.held());
    let late_transaction = held_1.guard(Txn::new().put("document", "R1"));
    // 3. It is cut off, and cannot renew.
    way_of_1.becomes(Way::Silent);
    let waiting = tokio::spawn({
        let replica_2 = lock(store.clone());
        async move { replica_2.acquire().await.unwrap() }
    });
    sleep(&*clock, TTL).await;
    // 4. Its lease expires, and it knows.
    assert!(!replica_1.is_held());
    // 5. Replica 2 obtains the lock.
    let replica_2 = waiting.await.unwrap();
    // 6. It sends request R2, which is served.
    assert!(resource.request(replica_2.fence(), "R2"));
    assert!(write(&store, &replica_2.held(), "R2").await.applied().is_some());
    // 7. R1 arrives.
    let served = resource.request(&r1, "R1");
    let applied = store.transact(late_transaction).await.unwrap().applied();
    // 8. It is refused, by a resource that compares fences and by the store itself.
    assert!(!served);
    assert_eq!(applied, None);
    assert_eq!(resource.written, ["R2"]);
    assert_eq!(store.get("document").await.unwrap().unwrap().value, "R2");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_contender_disturbs_no_epoch() {
    let (clock, store) = memory();
    let owner = lock(store.clone()).acquire().await.unwrap();
    // As etcd's own tools do: a key in the queue, and no fence.
    let session = store.session(TTL).await.unwrap();
    let foreign = Txn::new().put_with(format!("{}/{:x}", crate::NAME, session.id().number), "", session.id());
    assert!(store.transact(foreign).await.unwrap().applied().is_some());
    let waiting = tokio::spawn({
        let lock = lock(store.clone());
        async move { lock.acquire().await.unwrap() }
    });
    settle(&clock).await;
    assert!(write(&store, &owner.held(), "1").await.applied().is_some());

    // The foreign one is served between the two.
    owner.release().await.unwrap();
    settle(&clock).await;
    assert!(!waiting.is_finished());
    session.end().await.unwrap();
    let next = waiting.await.unwrap();
    assert!(write(&store, &next.held(), "2").await.applied().is_some());
}

#[tokio::test(start_paused = true)]
async fn e1_who_waited_takes_an_epoch_above_all_that_were_granted_meanwhile() {
    let (clock, store) = memory();
    let wire = Wire::to(store.clone());
    let hidden = format!("{}/hidden", crate::NAME);
    // It finds nobody, and somebody is there when its one transaction arrives.
    wire.before_writing("fence/printer", Txn::new().put(&hidden, ""));
    let waiting = tokio::spawn({
        let lock = lock(wire.fenced());
        async move { lock.acquire().await.unwrap() }
    });
    settle(&clock).await;
    assert!(!waiting.is_finished());
    let granted = store.put("fence/printer", "another's".into()).await.unwrap();
    store.delete(&hidden).await.unwrap();
    let ownership = waiting.await.unwrap();
    assert!(ownership.fence().epoch() > granted.number());
    assert!(write(&store, &ownership.held(), "1").await.applied().is_some());
}

#[tokio::test(start_paused = true)]
async fn e1_who_was_granted_and_is_gone_before_the_watch_shows_it_is_counted() {
    let (clock, store) = memory();
    let wire = Wire::to(store.clone());
    let hidden = format!("{}/hidden", crate::NAME);
    wire.before_writing("fence/printer", Txn::new().put(&hidden, ""));
    wire.is_deaf(true);
    let waiting = tokio::spawn({
        let lock = lock(wire.fenced());
        async move { lock.acquire().await.unwrap() }
    });
    settle(&clock).await;
    let granted = store.put("fence/printer", "another's".into()).await.unwrap();
    store.delete(&hidden).await.unwrap();
    // By the time that it sees anything it is the first, and its fence is not.
    wire.is_deaf(false);
    let ownership = waiting.await.unwrap();
    assert!(ownership.fence().epoch() > granted.number());
    assert!(write(&store, &ownership.held(), "1").await.applied().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_is_never_taken_for_success_nor_for_failure() {
    // Of the one transaction of a free lock, and of its repetitions.
    for lost in 1..=4 {
        let (_, store) = memory();
        let wire = Wire::to(store.clone());
        wire.forget_answers(lost);
        let ownership = lock(wire.fenced()).acquire().await.unwrap();
        assert!(ownership.is_held());
        assert!(write(&store, &ownership.held(), "1").await.applied().is_some(), "{lost} answers lost");
        ownership.release().await.unwrap();
        assert!(crate::keys(&store).await.is_empty());
    }
    // Of the waiter's place, and of its claim.
    for lost in 1..=4 {
        let (clock, store) = memory();
        let first = lock(store.clone()).acquire().await.unwrap();
        let wire = Wire::to(store.clone());
        wire.forget_answers(lost);
        let waiting = tokio::spawn({
            let lock = lock(wire.fenced());
            async move { lock.acquire().await.unwrap() }
        });
        settle(&clock).await;
        wire.forget_answers(lost);
        first.release().await.unwrap();
        let second = waiting.await.unwrap();
        assert!(write(&store, &second.held(), "2").await.applied().is_some(), "{lost} answers lost");
        // Neither is a release.
        wire.forget_answers(lost);
        second.release().await.unwrap();
        assert!(crate::keys(&store).await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_contends_for_is_acquired_by_one_transaction() {
    let (_, store) = memory();
    let store = RecordingStore::new(store);
    let lock = lock(store.clone());
    lock.acquire().await.unwrap().release().await.unwrap();
    for _ in 0..3 {
        let before = asked(&store);
        let ownership = lock.acquire().await.unwrap();
        assert_eq!(asked(&store) - before, 1);
        ownership.release().await.unwrap();
        assert_eq!(asked(&store) - before, 2);
    }
}

/// How much was asked of the store, watching and renewing aside.
pub(crate) fn asked<S: Store>(store: &RecordingStore<S>) -> usize {
    let counts = |call: &Call| !matches!(call, Call::Next { .. } | Call::Renew(_));
    store.calls().iter().filter(|recorded| counts(&recorded.call)).count()
}

#[tokio::test(start_paused = true)]
async fn who_owns_is_stored_with_the_lock_and_beside_its_fence() {
    let (_, store) = memory();
    let identity = entourage_election::Identity::new("host-1/7");
    let lock = entourage_election::LeaseLock::builder(store.clone(), crate::NAME).identity(identity);
    let ownership = lock.build().unwrap().acquire().await.unwrap();
    let (key, created) = ownership.key().unwrap();
    let entry = store.get(key).await.unwrap().unwrap();
    assert_eq!((entry.value.as_ref(), entry.created), (b"host-1/7".as_slice(), created));
    let fence = store.get("fence/printer").await.unwrap().unwrap();
    assert_eq!(fence.value, format!("host-1/7 {key}"));
    assert_eq!(fence.version.number(), ownership.fence().epoch());
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_says_so_when_it_is_released() {
    let (_, store) = memory();
    let wire = Wire::to(store.clone());
    let lost = lock(wire.fenced()).acquire().await.unwrap();
    wire.becomes(Way::Refused);
    lost.lost().await;
    wire.becomes(Way::Open);
    assert!(matches!(lost.release().await, Err(Error::Lost { .. })));
    // Nobody waits for what is known to be over.
    assert!(crate::keys(&store).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_takes_away_is_held_no_longer() {
    let (clock, store) = memory();
    let ownership = lock(store.clone()).acquire().await.unwrap();
    store.delete(ownership.key().unwrap().0).await.unwrap();
    settle(&clock).await;
    assert!(!ownership.is_held());
    let next = lock(store.clone()).try_acquire().await.unwrap().unwrap();
    assert!(write(&store, &ownership.held(), "1").await.applied().is_none());
    assert!(write(&store, &next.held(), "2").await.applied().is_some());
}
