//! E2: what checks fences refuses a former owner.

use entourage_core::Fence;
use entourage_election::fence::{AgainstStore, FenceCheck, HighestSeen, Refused};
use entourage_store::{Outcome, Store, Txn};

use crate::{
    subject::{LONG, NAME, Process, Subject, acquiring},
    wire::Way,
};

/// Whether the lock's store, asked over `process`, lets this fence in.
async fn is_let_in(process: &Process, fence: &Fence, owner: &Process) -> bool {
    let check = AgainstStore::new(process.wire.fenced());
    match check.check(fence, Some(owner.identity.as_str())).await {
        Ok(()) => true,
        Err(refused) => {
            assert!(refused.is_stale() || matches!(refused, Refused::NotOwner { .. }), "{refused}");
            false
        }
    }
}

/// The book's story of two replicas (chapter 9): a request that was sent by the rightful owner
/// arrives when another is.
pub(crate) async fn e2_the_story_of_two_replicas_ends_with_the_late_request_refused(subject: Subject) {
    let (one, two) = (subject.process().await, subject.process().await);
    let resource = HighestSeen::new(subject.operator.realm());

    // 1. Replica 1 obtains the lock.
    let replica_1 = one.lock(subject.short).acquire().await.unwrap();
    // 2. It sends request R1, which is under way for long.
    let r1 = replica_1.fence().clone();
    let late_transaction = replica_1.guard(Txn::new().put("document", "R1"));
    // 3. It is cut off, and cannot renew.
    one.wire.becomes(Way::Silent);
    let waiting = acquiring(two.lock(LONG));
    // 4. Its lease expires, and it knows.
    subject.within("replica 1 knows", replica_1.lost()).await;
    // 5. Replica 2 obtains the lock.
    let replica_2 = subject.joined("replica 2 obtains the lock", waiting).await;
    assert!(!replica_1.is_held());
    // 6. It sends request R2, which is served.
    resource.check(replica_2.fence()).unwrap();
    assert!(subject.write(&replica_2.held(), "R2").await);
    assert!(is_let_in(&two, replica_2.fence(), &two).await);
    // 7. R1 arrives.
    let served = resource.check(&r1).is_ok();
    let checked = is_let_in(&two, &r1, &one).await;
    let applied = subject.apply(late_transaction).await;
    // 8. It is refused: by a resource that compares fences, by one that asks the store, and by
    // the store itself.
    assert!(!served && !checked && !applied);
    assert_eq!(subject.operator.get("document").await.unwrap().unwrap().value, "R2");
}

pub(crate) async fn e2_who_released_writes_nothing_more(subject: Subject) {
    let (a, b) = (subject.process().await, subject.process().await);
    let owner = a.lock(LONG).acquire().await.unwrap();
    let former = owner.held();
    assert!(subject.write(&former, "1").await);
    assert!(is_let_in(&b, former.fence(), &a).await);
    assert!(!is_let_in(&b, former.fence(), &b).await, "it is another's");
    owner.release().await.unwrap();
    let next = b.lock(LONG).acquire().await.unwrap();
    assert!(!subject.write(&former, "late").await);
    assert!(!is_let_in(&b, former.fence(), &a).await);
    assert!(subject.write(&next.held(), "2").await);
}

pub(crate) async fn e2_a_resumed_ownership_shuts_the_earlier_life_out_of_every_resource(subject: Subject) {
    let (before, after) = (subject.process().await, subject.process().await);
    let lock = before.lock(LONG);
    let former = lock.acquire().await.unwrap();
    let held = former.held();
    let resumed = after.lock(LONG).resume(former.session().unwrap()).await.unwrap();
    let resource = HighestSeen::new(subject.operator.realm());
    resource.seal(resumed.fence()).unwrap();
    assert!(resource.check(held.fence()).is_err());
    assert!(!is_let_in(&after, held.fence(), &before).await);
    assert!(!subject.write(&held, "late").await);
    assert!(is_let_in(&after, resumed.fence(), &after).await);
    // What the earlier life gives back, late, is no longer its own to give.
    let _ = former.release().await;
    assert_eq!(subject.keys().await, [resumed.key().unwrap().0]);
    assert!(subject.write(&resumed.held(), "2").await);
}

pub(crate) async fn e2_a_stranger_who_writes_no_fence_disturbs_no_epoch_and_shuts_the_former_owner_out(
    subject: Subject,
) {
    let (a, b) = (subject.process().await, subject.process().await);
    let owner = a.lock(LONG).acquire().await.unwrap();
    // As etcd's own tools do: a key in the queue, and no fence.
    let session = subject.operator.session(LONG).await.unwrap();
    let foreign = format!("{NAME}/{:x}", session.id().number);
    assert!(subject.apply(Txn::new().put_with(&foreign, "", session.id())).await);
    let waiting = acquiring(b.lock(LONG));
    subject.contending(3).await;
    assert!(subject.write(&owner.held(), "1").await);

    // The stranger owns between the two, as they can see.
    let former = owner.held();
    owner.release().await.unwrap();
    assert_eq!(subject.contending(2).await[0], foreign);
    assert!(!subject.write(&former, "late").await);
    assert!(!waiting.is_finished());
    session.end().await.unwrap();
    let next = subject.joined("who waited is granted", waiting).await;
    assert!(subject.write(&next.held(), "2").await);
}

pub(crate) async fn e2_three_processes_never_own_together_and_lose_no_write(subject: Subject) {
    const ROUNDS: u32 = 6;
    let mut contenders = Vec::new();
    for _ in 0..3 {
        let process = subject.process().await;
        contenders.push(tokio::spawn(async move {
            let (store, lock) = (process.wire.fenced(), process.lock(LONG));
            for _ in 0..ROUNDS {
                let ownership = lock.acquire().await.unwrap();
                let found = store.get("count").await.unwrap();
                let count = found.map_or(0, |entry| {
                    String::from_utf8(entry.value.to_vec()).unwrap().parse::<u32>().unwrap()
                });
                let write = ownership.guard(Txn::new().put("count", (count + 1).to_string()));
                assert!(matches!(store.transact(write).await.unwrap(), Outcome::Applied { .. }));
                ownership.release().await.unwrap();
            }
        }));
    }
    for contender in contenders {
        subject.joined("every process had its turns", contender).await;
    }
    let count = subject.operator.get("count").await.unwrap().unwrap();
    assert_eq!(count.value, (3 * ROUNDS).to_string());
    assert!(subject.keys().await.is_empty());
}
