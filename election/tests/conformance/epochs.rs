//! E1: epochs increase in order of grant, however the last one ended.

use entourage_core::Fence;
use entourage_store::{SessionId, Store, StoreExt, Txn};

use crate::{
    subject::{FENCE, LONG, NAME, Subject, acquiring},
    wire::Way,
};

fn assert_increasing(fences: &[Fence]) {
    for pair in fences.windows(2) {
        assert_eq!(pair[1].supersedes(&pair[0]), Ok(true), "{fences:?}");
    }
}

pub(crate) async fn e1_epochs_increase_over_releases(subject: Subject) {
    let (a, b) = (subject.process().await.lock(LONG), subject.process().await.lock(LONG));
    let mut fences = Vec::new();
    for _ in 0..3 {
        let of_a = a.acquire().await.unwrap();
        let waiting = acquiring(b.clone());
        subject.contending(2).await;
        fences.push(of_a.fence().clone());
        of_a.release().await.unwrap();
        let of_b = subject.joined("who waited is granted", waiting).await;
        fences.push(of_b.fence().clone());
        of_b.release().await.unwrap();
        let tried = b.try_acquire().await.unwrap().expect("it is free");
        fences.push(tried.fence().clone());
        tried.release().await.unwrap();
    }
    assert_increasing(&fences);
}

pub(crate) async fn e1_epochs_increase_over_a_crash_of_the_owner(subject: Subject) {
    let (a, b) = (subject.process().await, subject.process().await);
    let lock = a.lock(subject.short);
    let owner = lock.acquire().await.unwrap();
    let held = owner.held();
    // Nothing of it runs any more, and nothing says so.
    drop((owner, lock, a));
    let next = subject.within("the next is granted", b.lock(LONG).acquire()).await.unwrap();
    assert!(!held.is_held());
    assert_increasing(&[held.fence().clone(), next.fence().clone()]);
    assert!(!subject.write(&held, "old").await);
    assert!(subject.write(&next.held(), "new").await);
}

pub(crate) async fn e1_epochs_increase_over_an_expiry_that_the_owner_outlives(subject: Subject) {
    let (a, b) = (subject.process().await, subject.process().await);
    let lock = a.lock(subject.short);
    let first = lock.acquire().await.unwrap();
    a.wire.becomes(Way::Silent);
    let second = subject.within("the next is granted", b.lock(LONG).acquire()).await.unwrap();
    a.wire.becomes(Way::Open);
    let former = first.held();
    drop(first);
    let waiting = acquiring(lock);
    subject.contending(2).await;
    let mut fences = vec![former.fence().clone(), second.fence().clone()];
    second.release().await.unwrap();
    let third = subject.joined("the first is granted again", waiting).await;
    fences.push(third.fence().clone());
    assert_increasing(&fences);
}

pub(crate) async fn e1_an_earlier_life_is_shut_out_by_the_one_that_resumed_it(subject: Subject) {
    let (before, after) = (subject.process().await, subject.process().await);
    let former = before.lock(LONG).acquire().await.unwrap();
    let (held, session) = (former.held(), former.session().unwrap());
    let resumed = after.lock(LONG).resume(session).await.unwrap();
    assert_increasing(&[held.fence().clone(), resumed.fence().clone()]);
    assert!(!subject.write(&held, "old").await);
    assert!(subject.write(&resumed.held(), "new").await);
}

pub(crate) async fn e1_nobody_inherits_what_an_earlier_life_has_inherited(subject: Subject) {
    let first = subject.process().await.lock(LONG);
    let owner = first.acquire().await.unwrap();
    let (before, after) = (subject.process().await, subject.process().await);
    let waiting = acquiring(before.lock(LONG));
    let key = subject.contending(2).await.remove(1);
    subject.seen_by(&first, 2).await;
    let number = key.rsplit_once('/').and_then(|(_, number)| u64::from_str_radix(number, 16).ok()).unwrap();
    let session = SessionId { realm: subject.operator.realm(), number };
    // The later life has seen the queue as it was before the release, and resumes after it.
    after.wire.resumes_later(true);
    let lock = after.lock(LONG);
    let resuming = tokio::spawn(async move { lock.resume(session).await.unwrap() });
    let is_held_up = async || (after.wire.held_up() > 0).then_some(());
    subject.eventually("it is about to resume", is_held_up).await;
    owner.release().await.unwrap();
    let former = subject.joined("the earlier life inherits", waiting).await;
    after.wire.resumes_later(false);
    let resumed = subject.joined("the later life is granted", resuming).await;
    assert_increasing(&[former.fence().clone(), resumed.fence().clone()]);
    assert!(!subject.write(&former.held(), "old").await);
    assert!(subject.write(&resumed.held(), "new").await);
}

pub(crate) async fn e1_who_waited_takes_an_epoch_above_all_that_were_granted_meanwhile(subject: Subject) {
    let process = subject.process().await;
    let hidden = format!("{NAME}/hidden");
    // It finds nobody, and somebody is there when its one transaction arrives.
    process.wire.before_naming(FENCE, Txn::new().put(&hidden, ""));
    let waiting = acquiring(process.lock(LONG));
    subject.contending(2).await;
    let granted = subject.operator.put(FENCE, "another's".into()).await.unwrap();
    assert!(!waiting.is_finished());
    subject.operator.delete(&hidden).await.unwrap();
    let ownership = subject.joined("who waited is granted", waiting).await;
    assert!(ownership.fence().epoch() > granted.number());
    assert!(subject.write(&ownership.held(), "1").await);
}

pub(crate) async fn e1_who_was_granted_and_is_gone_before_the_watch_shows_it_is_counted(subject: Subject) {
    let process = subject.process().await;
    let hidden = format!("{NAME}/hidden");
    process.wire.before_naming(FENCE, Txn::new().put(&hidden, ""));
    process.wire.is_deaf(true);
    let waiting = acquiring(process.lock(LONG));
    subject.contending(2).await;
    let granted = subject.operator.put(FENCE, "another's".into()).await.unwrap();
    subject.operator.delete(&hidden).await.unwrap();
    // By the time that it sees anything it is the first, and its fence is not.
    process.wire.is_deaf(false);
    let ownership = subject.joined("who waited is granted", waiting).await;
    assert!(ownership.fence().epoch() > granted.number());
    assert!(subject.write(&ownership.held(), "1").await);
}

pub(crate) async fn e1_an_answer_that_was_lost_is_never_taken_for_success_nor_for_failure(subject: Subject) {
    for lost in 1..=3 {
        let (a, b) = (subject.process().await, subject.process().await);
        // Of the one transaction of a free lock, and of its repetitions.
        a.wire.forget_answers(lost);
        let first = subject.within("the first is granted", a.lock(LONG).acquire()).await.unwrap();
        assert!(subject.write(&first.held(), "1").await, "{lost} answers lost");
        // Of the waiter's place, and of its claim.
        b.wire.forget_answers(lost);
        let waiting = acquiring(b.lock(LONG));
        subject.contending(2).await;
        b.wire.forget_answers(lost);
        let earlier = first.fence().clone();
        // And of a release.
        a.wire.forget_answers(lost);
        first.release().await.unwrap();
        let second = subject.joined("who waited is granted", waiting).await;
        assert_increasing(&[earlier, second.fence().clone()]);
        assert!(subject.write(&second.held(), "2").await, "{lost} answers lost");
        second.release().await.unwrap();
        subject.contending(0).await;
    }
}

pub(crate) async fn who_owns_is_stored_with_the_lock_and_beside_its_fence(subject: Subject) {
    let process = subject.process().await;
    let ownership = process.lock(LONG).acquire().await.unwrap();
    let (key, created) = ownership.key().unwrap();
    let entry = subject.operator.get(key).await.unwrap().unwrap();
    assert_eq!((entry.value.as_ref(), entry.created), (process.identity.as_str().as_bytes(), created));
    let fence = subject.operator.get(FENCE).await.unwrap().unwrap();
    assert_eq!(fence.value, format!("{} {key}", process.identity));
    assert_eq!(fence.version.number(), ownership.fence().epoch());
}
