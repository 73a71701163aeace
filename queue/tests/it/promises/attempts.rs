//! Q3 to Q5: work may take long, be interrupted, and outlive its worker.

use std::{mem, time::Duration};

use entourage_queue::Redrive;

use super::{LEASE, SWEEP, on_each};

#[test]
fn q3_a_job_may_take_longer_than_its_lease() {
    on_each(async |subject| {
        let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
        subject.put("jobs", &["a"]).await;
        let held = member.take().await;
        for _ in 0..5 {
            subject.pass(LEASE).await;
            peer.finds_nothing().await;
        }
        member.accept(held).await;
        assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
    });
}

#[test]
fn q4_an_interruption_burns_no_attempt() {
    on_each(async |subject| {
        let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
        subject.put("jobs", &["a"]).await;
        for way in 0..12 {
            let held = member.take().await;
            assert_eq!((held.attempt(), held.retries(), held.lapses()), (1, 0, 0), "after {way} ways");
            match way % 4 {
                0 => member.release(held).await,
                1 => drop(held),
                2 => {
                    member.close().await;
                    member = subject.member("jobs").await;
                }
                _ => {
                    drop(member);
                    member = subject.member("jobs").await;
                }
            }
            subject.settle().await;
        }
        assert_eq!(peer.take().await.attempt(), 1);
    });
}

#[test]
fn q4_poison_is_bounded_apart_from_retries() {
    on_each(async |subject| {
        let mut member = subject.member("jobs").await;
        subject.put("jobs", &["poison"]).await;
        for _ in 0..20 {
            let held = member.take().await;
            member.retry(held, Duration::ZERO).await;
        }
        let mut deaths = 0;
        while let [_held] = &member.ready(1).await[..] {
            deaths += 1;
            assert!(deaths <= 5, "five workers are enough");
            subject.advance(LEASE).await;
        }
        assert_eq!(deaths, 5);
        let letters = subject.letters("jobs").await;
        assert_eq!(letters.iter().map(|letter| letter.attempts).collect::<Vec<_>>(), [25]);
        assert_eq!(subject.revive("jobs", Redrive::All).await, 1);
        assert_eq!(member.take().await.attempt(), 1);
    });
}

#[test]
fn q5_a_dead_workers_items_come_back_within_a_lease_and_a_sweep() {
    on_each(async |subject| {
        let mut peer = subject.member("jobs").await;
        subject.put("jobs", &["a", "b"]).await;
        let dead = subject.elsewhere(|subject| async move {
            let other = subject.reopen().await;
            let mut member = other.member("jobs").await;
            let held = member.take_many(2).await;
            (other, member, held)
        });
        mem::forget(dead.await);
        peer.finds_nothing().await;
        let waiting = tokio::spawn(async move { peer.take_many(2).await });
        subject.pass(LEASE + SWEEP).await;
        let back = subject.soon("the dead worker's items", waiting).await.expect("no panic");
        assert!(back.iter().all(|delivery| delivery.lapses() == 1), "{back:?}");
    });
}
