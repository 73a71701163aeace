//! E5 and E7: who comes first, and what it costs the others.

use std::collections::VecDeque;

use entourage_store::{Change, SessionId, Store, StoreExt, Txn, What};

use crate::subject::{FENCE, LONG, NAME, Subject, acquiring};

const WAITERS: usize = 16;

pub(crate) async fn e7_one_release_lets_at_most_one_waiter_send_anything(subject: Subject) {
    let first = subject.process().await.lock(LONG);
    let mut owner = first.acquire().await.unwrap();
    let mut waiting = VecDeque::new();
    for waiter in 0..WAITERS {
        let process = subject.process().await;
        let acquiring = acquiring(process.lock(LONG));
        subject.contending(waiter + 2).await;
        waiting.push_back((process.asked(), process, acquiring));
    }
    subject.seen_by(&first, WAITERS + 1).await;
    while let Some((asked, process, acquiring)) = waiting.pop_front() {
        let former = owner.fence().clone();
        owner.release().await.unwrap();
        // In the order in which they came, the first by one transaction, the others by nothing.
        owner = subject.joined("the first waiter is granted", acquiring).await;
        assert_eq!(owner.fence().supersedes(&former), Ok(true));
        assert_eq!(process.asked(), asked + 1, "of {}", process.identity);
        for (asked, process, acquiring) in &waiting {
            assert!(!acquiring.is_finished(), "{} came later", process.identity);
            assert_eq!(process.asked(), *asked, "of {}", process.identity);
        }
    }
    assert_eq!(subject.keys().await, [owner.key().unwrap().0]);
}

pub(crate) async fn e7_a_release_is_the_grant_of_who_is_next(subject: Subject) {
    let lock = subject.process().await.lock(LONG);
    let owner = lock.acquire().await.unwrap();
    let process = subject.process().await;
    let waiting = acquiring(process.lock(LONG));
    let [first, second] = <[String; 2]>::try_from(subject.contending(2).await).unwrap();
    let before = subject.operator.list(&What::prefix(FENCE)).await.unwrap().as_of;
    let mut queue = subject.operator.watch(&format!("{NAME}/"), Some(before)).await.unwrap();
    subject.seen_by(&lock, 2).await;
    owner.release().await.unwrap();
    let next = subject.joined("who waited is granted", waiting).await;
    let gone = subject.within("the release is seen", queue.next()).await.unwrap();
    assert!(matches!(&gone, Change::Delete { key, .. } if *key == first), "{gone:?}");
    assert_eq!(next.fence().epoch(), gone.version().number());
    let fence = subject.operator.get(FENCE).await.unwrap().expect("it was written");
    assert_eq!(
        (fence.version, fence.value),
        (gone.version(), format!("{} {second}", process.identity).into())
    );
    assert!(subject.write(&next.held(), "1").await);
}

pub(crate) async fn a_release_whose_heir_has_gone_is_a_release_all_the_same(subject: Subject) {
    let process = subject.process().await;
    let lock = process.lock(LONG);
    let owner = lock.acquire().await.unwrap();
    let former = owner.fence().clone();
    let waiting = acquiring(subject.process().await.lock(LONG));
    let keys = subject.contending(2).await;
    subject.seen_by(&lock, 2).await;
    // Between the owner's last look at the queue and its release.
    process.wire.before_naming(FENCE, Txn::new().delete(&keys[1]));
    subject.within("it is released", owner.release()).await.unwrap();
    let next = subject.joined("who was deleted lines up again and is granted", waiting).await;
    assert_eq!(next.fence().supersedes(&former), Ok(true));
    assert!(subject.write(&next.held(), "1").await);
}

pub(crate) async fn e7_a_waiter_sends_nothing_while_others_come_and_go(subject: Subject) {
    let lock = subject.process().await.lock(LONG);
    let owner = lock.acquire().await.unwrap();
    let process = subject.process().await;
    let waiting = acquiring(process.lock(LONG));
    subject.contending(2).await;
    let asked = process.asked();
    for _ in 0..5 {
        let other = acquiring(subject.process().await.lock(LONG));
        subject.contending(3).await;
        other.abort();
        subject.contending(2).await;
    }
    assert_eq!(process.asked(), asked);
    subject.seen_by(&lock, 2).await;
    owner.release().await.unwrap();
    let next = subject.joined("who waited is granted", waiting).await;
    assert_eq!(process.asked(), asked + 1);
    next.release().await.unwrap();
}

pub(crate) async fn what_nobody_contends_for_is_acquired_by_one_transaction_and_released_by_one(
    subject: Subject,
) {
    let process = subject.process().await;
    let lock = process.lock(LONG);
    lock.acquire().await.unwrap().release().await.unwrap();
    for _ in 0..3 {
        let asked = process.asked();
        let ownership = lock.acquire().await.unwrap();
        assert_eq!(process.asked(), asked + 1);
        ownership.release().await.unwrap();
        assert_eq!(process.asked(), asked + 2);
    }
}

pub(crate) async fn trying_answers_at_once_and_leaves_nothing_behind(subject: Subject) {
    let (a, b) = (subject.process().await.lock(LONG), subject.process().await.lock(LONG));
    let owner = a.try_acquire().await.unwrap().expect("it is free");
    assert!(b.try_acquire().await.unwrap().is_none());
    assert!(a.try_acquire().await.unwrap().is_none(), "a clone of the owner's is no owner");
    assert_eq!(subject.contending(1).await, [owner.key().unwrap().0]);
    owner.release().await.unwrap();
    let owner = b.try_acquire().await.unwrap().expect("it is free, whatever the watch has told yet");
    owner.release().await.unwrap();
    assert!(a.try_acquire().await.unwrap().is_some());
}

pub(crate) async fn clones_take_turns_in_the_order_in_which_they_asked(subject: Subject) {
    let lock = subject.process().await.lock(LONG);
    let mut owner = lock.acquire().await.unwrap();
    let mut waiting = VecDeque::new();
    for _ in 0..3 {
        waiting.push_back(acquiring(lock.clone()));
        // It asks when it is polled.
        tokio::task::yield_now().await;
    }
    assert_eq!(subject.keys().await.len(), 1, "one session has one key");
    while let Some(next) = waiting.pop_front() {
        let fence = owner.fence().clone();
        owner.release().await.unwrap();
        owner = subject.joined("the next clone is granted", next).await;
        assert_eq!(owner.fence().supersedes(&fence), Ok(true));
        assert!(waiting.iter().all(|later| !later.is_finished()));
    }
}

pub(crate) async fn a_waiter_that_gives_up_is_waited_for_by_nobody(subject: Subject) {
    let owner = subject.process().await.lock(LONG).acquire().await.unwrap();
    let (b, c) = (subject.process().await.lock(LONG), subject.process().await);
    let patient = tokio::spawn({
        let (lock, deadline) = (b.clone(), subject.clock().now() + subject.short);
        async move { lock.acquire_until(deadline).await.unwrap() }
    });
    subject.contending(2).await;
    let next = acquiring(c.lock(LONG));
    subject.contending(3).await;
    assert!(subject.joined("its deadline comes", patient).await.is_none());
    let left = subject.contending(2).await;
    owner.release().await.unwrap();
    let next = subject.joined("who came behind it is granted", next).await;
    assert_eq!(left[1], next.key().unwrap().0);
    next.release().await.unwrap();
    b.acquire().await.unwrap().release().await.unwrap();
}

pub(crate) async fn e5_who_was_deleted_while_it_claimed_does_not_lead(subject: Subject) {
    let owner = subject.process().await.lock(LONG).acquire().await.unwrap();
    let process = subject.process().await;
    let waiting = acquiring(process.lock(LONG));
    let keys = subject.contending(2).await;
    // Between the news that it is first and its claim, an operator deletes its key.
    process.wire.before_naming(FENCE, Txn::new().delete(&keys[1]));
    owner.release().await.unwrap();
    let next = subject.joined("who waited is granted", waiting).await;
    let (key, created) = next.key().unwrap();
    let entry = subject.operator.get(key).await.unwrap().expect("who leads has a key");
    assert_eq!(entry.created, created);
    assert!(next.is_held());
}

pub(crate) async fn e5_who_was_deleted_while_it_waited_lines_up_again_as_the_last(subject: Subject) {
    let owner = subject.process().await.lock(LONG).acquire().await.unwrap();
    let (b, c) = (subject.process().await, subject.process().await);
    let deleted = acquiring(b.lock(LONG));
    subject.contending(2).await;
    let other = acquiring(c.lock(LONG));
    let [first, second, third] = <[String; 3]>::try_from(subject.contending(3).await).unwrap();
    subject.operator.delete(&second).await.unwrap();
    assert_eq!(subject.contending(3).await, [first, third.clone(), second.clone()]);
    owner.release().await.unwrap();
    let other = subject.joined("who came after it is granted", other).await;
    assert_eq!(other.key().unwrap().0, third);
    assert_eq!(subject.keys().await, [third, second.clone()]);
    assert!(!deleted.is_finished());
    other.release().await.unwrap();
    let next = subject.joined("who was deleted is granted in the end", deleted).await;
    assert_eq!(next.key().unwrap().0, second);
}

pub(crate) async fn e5_who_lost_its_session_while_it_waited_does_not_lead_under_it(subject: Subject) {
    let owner = subject.process().await.lock(LONG).acquire().await.unwrap();
    let (b, c) = (subject.process().await, subject.process().await);
    let waiting = acquiring(b.lock(LONG));
    let keys = subject.contending(2).await;
    let other = acquiring(c.lock(LONG));
    subject.contending(3).await;
    // An operator ends the session, of which the waiter has heard nothing when it could claim.
    b.wire.is_deaf(true);
    let number = keys[1].strip_prefix(&format!("{NAME}/")).unwrap();
    let number = u64::from_str_radix(number, 16).unwrap();
    let id = SessionId { realm: subject.operator.realm(), number };
    subject.operator.resume(id).await.unwrap().end().await.unwrap();
    subject.contending(2).await;
    owner.release().await.unwrap();
    let other = subject.joined("who came after it is granted", other).await;
    b.wire.is_deaf(false);
    // It lines up with another session, and is granted under that.
    let lined_up = subject.contending(2).await;
    assert_ne!(lined_up[1], keys[1]);
    assert!(other.is_held() && !waiting.is_finished());
    other.release().await.unwrap();
    let next = subject.joined("who lost its session is granted in the end", waiting).await;
    assert_eq!(subject.keys().await, [next.key().unwrap().0]);
    assert!(subject.write(&next.held(), "1").await);
}
