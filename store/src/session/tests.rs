//! Renewals whose answers are late, or do not come.

use std::sync::atomic::{AtomicU64, Ordering};

use entourage_core::{PausedClock, Realm, Scope, sleep};

use super::*;

const TTL: Duration = Duration::from_secs(30);

/// A store that takes its time, and first fails for so many calls, or never answers them.
#[derive(Debug)]
struct Slow {
    clock: PausedClock,
    takes: Duration,
    failing: AtomicU64,
    silent: AtomicU64,
    asked: AtomicU64,
}

#[async_trait::async_trait]
impl Lease for Slow {
    async fn renew(&self) -> Result<Duration> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let silent = self.silent.load(Ordering::Relaxed);
        self.silent.store(silent.saturating_sub(1), Ordering::Relaxed);
        if silent > 0 {
            std::future::pending::<()>().await;
        }
        sleep(&self.clock, self.takes).await;
        let failing = self.failing.load(Ordering::Relaxed);
        self.failing.store(failing.saturating_sub(1), Ordering::Relaxed);
        if failing > 0 { Err(Error::Unavailable("busy".into())) } else { Ok(TTL) }
    }

    async fn end(&self) -> Result<()> {
        Ok(())
    }
}

fn session(takes: Duration, failing: u64) -> (Arc<Slow>, Session) {
    let clock = PausedClock::new();
    let (failing, silent, asked) = (AtomicU64::new(failing), AtomicU64::new(0), AtomicU64::new(0));
    let lease = Arc::new(Slow { clock: clock.clone(), takes, failing, silent, asked });
    let realm = Realm::new(7);
    let (id, fence) = (SessionId { realm, number: 1 }, Fence::new(realm, Scope::new("session/1"), 1));
    let sent = clock.now();
    (Arc::clone(&lease), Session::granted(id, fence, TTL, sent, Arc::new(clock), lease))
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_deadline_brings_nothing_back() {
    let (lease, session) = session(TTL, 0);
    sleep(&lease.clock, TTL / 2).await;
    let (answer, ()) = tokio::join!(biased; session.renew(), async {
        sleep(&lease.clock, TTL / 2).await;
        assert_eq!(session.standing(), Standing::Lost);
    });
    assert!(matches!(answer, Err(Error::SessionLost { .. })), "{answer:?}");
    assert_eq!(session.standing(), Standing::Lost);
}

#[tokio::test(start_paused = true)]
async fn an_ended_session_is_not_renewed_by_a_late_answer() {
    let (_, session) = session(TTL / 3, 0);
    let (answer, ended) = tokio::join!(biased; session.renew(), session.end());
    assert!(ended.is_ok());
    assert!(matches!(answer, Err(Error::SessionLost { .. })), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unconfirmed_renewal_leaves_the_session_doubtful_until_its_deadline() {
    let (lease, session) = session(Duration::ZERO, 1);
    let until = lease.clock.now() + TTL;
    sleep(&lease.clock, TTL / 3).await;
    assert!(session.renew().await.is_err());
    assert_eq!(session.standing(), Standing::Doubtful { until });
    lease.clock.sleep_until(until).await;
    assert_eq!(session.standing(), Standing::Lost);
}

#[tokio::test(start_paused = true)]
async fn it_is_kept_alive_by_a_renewal_at_every_third_and_at_every_tenth_in_doubt() {
    let (lease, session) = session(Duration::ZERO, 2);
    let start = lease.clock.now();
    let shutdown = Shutdown::new();
    tokio::select! {
        biased;
        () = session.keep_alive(&shutdown) => panic!("{:?}", session.standing()),
        () = sleep(&lease.clock, TTL / 3 + TTL / 10 * 2 + TTL / 3) => {}
    }
    // Twice in vain, at a third and a tenth later, and twice to effect.
    assert_eq!(lease.asked.load(Ordering::Relaxed), 4);
    let Standing::Live { until } = session.standing() else { panic!("{:?}", session.standing()) };
    assert_eq!(until.since(start), TTL / 3 + TTL / 10 * 2 + TTL / 3 + TTL);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_never_answered_costs_a_try_and_not_the_session() {
    let (lease, session) = session(Duration::ZERO, 0);
    lease.silent.store(1, Ordering::Relaxed);
    let (start, shutdown) = (lease.clock.now(), Shutdown::new());
    // A third until it is sent, a third in which it is awaited, and a tenth until the next.
    let renewed = TTL / 3 * 2 + TTL / 10;
    tokio::select! {
        biased;
        () = session.keep_alive(&shutdown) => panic!("{:?}", session.standing()),
        () = sleep(&lease.clock, renewed + TTL / 4) => {}
    }
    let Standing::Live { until } = session.standing() else { panic!("{:?}", session.standing()) };
    assert_eq!(until.since(start), renewed + TTL);
}

#[tokio::test(start_paused = true)]
async fn keeping_a_session_alive_ends_at_its_deadline_when_no_answer_comes() {
    let (lease, session) = session(TTL * 100, 0);
    let start = lease.clock.now();
    session.keep_alive(&Shutdown::new()).await;
    assert_eq!(lease.clock.now().since(start), TTL);
    assert_eq!(session.standing(), Standing::Lost);
}
