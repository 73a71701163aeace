//! E3 and E6: belief ends by the owner's own clock, before another is granted.

use entourage_core::{Moment, sleep};
use entourage_election::{Error, LeaseLock, Ownership, Timings};
use entourage_store::StoreExt;

use crate::{
    subject::{LONG, NAME, Subject, acquiring},
    wire::Way,
};

/// Waits until it is lost, and says until when it was believed in at last.
async fn last_belief(subject: &Subject, owner: &Ownership) -> Moment {
    let clock = subject.clock();
    let mut until = owner.until();
    let losing = async {
        loop {
            tokio::select! {
                biased;
                () = owner.lost() => return,
                () = sleep(&*clock, subject.short / 100) => until = until.max(owner.until()),
            }
        }
    };
    subject.within("the owner stops believing", losing).await;
    until
}

pub(crate) async fn e3_belief_ends_a_quarter_of_the_time_to_live_before_another_is_granted(subject: Subject) {
    for way in [Way::Refused, Way::Silent] {
        let (a, b) = (subject.process().await, subject.process().await);
        let owner = a.lock(subject.short).acquire().await.unwrap();
        a.wire.becomes(way);
        let (lock, clock) = (b.lock(LONG), subject.clock());
        let waiting = tokio::spawn(async move { (lock.acquire().await.unwrap(), clock.now()) });
        let until = last_belief(&subject, &owner).await;
        let (next, granted) = subject.joined("another is granted", waiting).await;
        assert!(!owner.is_held(), "once it has ended, it has ended");
        assert!(until + subject.short / 4 <= granted, "until {until:?}, granted at {granted:?}");
        next.release().await.unwrap();
    }
}

pub(crate) async fn e3_each_confirmed_renewal_moves_the_end_of_belief(subject: Subject) {
    let process = subject.process().await;
    let timings = Timings::builder().ttl(LONG).renew_after(subject.short / 4).build().unwrap();
    let lock = LeaseLock::builder(process.wire.fenced(), NAME).timings(timings).build().unwrap();
    let owner = lock.acquire().await.unwrap();
    let mut until = owner.until();
    for way in [Way::Open, Way::Refused, Way::Open] {
        // What is refused for a while is tried again.
        process.wire.becomes(way);
        if way == Way::Refused {
            let before = process.wire.held_up();
            let refused = async || (process.wire.held_up() > before).then_some(());
            subject.eventually("a renewal is refused", refused).await;
        }
        process.wire.becomes(Way::Open);
        until = subject
            .eventually("a renewal is confirmed", async || Some(owner.until()).filter(|now| *now > until))
            .await;
        assert!(owner.is_held());
    }
    owner.release().await.unwrap();
}

pub(crate) async fn e6_loss_of_the_store_ends_ownership_by_the_clock_and_it_is_acquired_again(
    subject: Subject,
) {
    for way in [Way::Refused, Way::Silent] {
        let process = subject.process().await;
        let lock = process.lock(subject.short);
        let first = lock.acquire().await.unwrap();
        let fence = first.fence().clone();
        process.wire.becomes(way);
        let until = last_belief(&subject, &first).await;
        drop(first);
        // The same process contends on, through an outage that outlives its lease.
        let again = acquiring(lock);
        subject.contending(0).await;
        let expired = subject.clock().now();
        assert!(until + subject.short / 4 <= expired, "until {until:?}, and its key until {expired:?}");
        assert!(!again.is_finished());
        process.wire.becomes(Way::Open);
        let again = subject.joined("it is acquired again", again).await;
        assert_eq!(again.fence().supersedes(&fence), Ok(true));
        let _ = again.release().await;
    }
}

pub(crate) async fn e6_a_waiter_outlives_the_loss_of_its_session(subject: Subject) {
    let (a, b) = (subject.process().await, subject.process().await);
    let owner = a.lock(LONG).acquire().await.unwrap();
    let waiting = acquiring(b.lock(subject.short));
    subject.contending(2).await;
    b.wire.becomes(Way::Silent);
    subject.contending(1).await;
    b.wire.becomes(Way::Open);
    subject.contending(2).await;
    owner.release().await.unwrap();
    let next = subject.joined("who waited is granted", waiting).await;
    let _ = next.release().await;
}

pub(crate) async fn e6_what_was_lost_says_so_when_it_is_released(subject: Subject) {
    let process = subject.process().await;
    let lost = process.lock(subject.short).acquire().await.unwrap();
    process.wire.becomes(Way::Refused);
    subject.within("it is lost", lost.lost()).await;
    process.wire.becomes(Way::Open);
    assert!(matches!(lost.release().await, Err(Error::Lost { .. })));
    // Nobody waits for what is known to be over.
    assert!(subject.keys().await.is_empty());
}

pub(crate) async fn e5_what_an_operator_takes_away_is_held_no_longer(subject: Subject) {
    let (a, b) = (subject.process().await, subject.process().await);
    // The key alone, and then the session with all that is tied to it.
    for end_session in [false, true] {
        let ownership = a.lock(LONG).acquire().await.unwrap();
        if end_session {
            let session = subject.operator.resume(ownership.session().unwrap()).await.unwrap();
            session.end().await.unwrap();
        } else {
            let (key, _) = ownership.key().unwrap();
            subject.operator.delete(key).await.unwrap();
        }
        subject.within("the owner hears of it", ownership.lost()).await;
        let next = b.lock(LONG).try_acquire().await.unwrap().expect("it is free");
        assert!(!subject.write(&ownership.held(), "late").await);
        assert!(subject.write(&next.held(), "2").await);
        next.release().await.unwrap();
    }
}
