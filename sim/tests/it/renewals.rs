//! Renewals that come late or not at all.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use entourage_sim::Faults;
use entourage_store::Standing;

use crate::{
    MILLISECOND, SECOND,
    holder::{holding, run, stands},
};

#[test]
fn a_session_whose_renewals_are_lost_ends_for_its_holder_no_later_than_for_the_store() {
    let (mut extended, mut expired) = (0, 0);
    for seed in 0..20 {
        let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let counted = Arc::clone(&counts);
        run(seed, Faults::none().with_lost_renewals(1.0), move |ctx, store, raw| {
            let counted = Arc::clone(&counted);
            async move {
                let session = holding(&*store, 3 * SECOND).await;
                ctx.sleep(2 * SECOND).await;
                assert!(session.renew().await.unwrap_err().is_unknown());
                let Standing::Doubtful { until } = session.standing() else {
                    panic!("nothing was confirmed")
                };
                ctx.clock().sleep_until(until).await;
                assert_eq!(session.standing(), Standing::Lost);
                ctx.sleep(SECOND).await;
                // If only the answer was lost, the store gave it the full time again.
                counted[usize::from(stands(&*raw).await)].fetch_add(1, Ordering::Relaxed);
            }
        });
        expired += counts[0].load(Ordering::Relaxed);
        extended += counts[1].load(Ordering::Relaxed);
    }
    assert!(extended > 3 && expired > 3, "{extended} answers and {expired} requests were lost");
}

#[test]
fn a_late_renewal_arrives_although_nobody_waits_for_it() {
    let faults = Faults::none().with_late_renewals(1.0, 3 * SECOND);
    let run = run(5, faults, |ctx, store, raw| async move {
        let session = holding(&*store, 3 * SECOND).await;
        ctx.sleep(2 * SECOND).await;
        let gave_up = entourage_core::timeout(&*ctx.clock(), 10 * MILLISECOND, session.renew()).await;
        assert!(gave_up.is_err() && matches!(session.standing(), Standing::Doubtful { .. }));
        ctx.sleep(10 * SECOND).await;
        assert!(!stands(&*raw).await);
    });
    assert!(run.trace.lines().iter().any(|line| line.contains("network delivers p's session.renew late")));
}

#[test]
fn a_renewal_that_arrives_when_the_session_has_expired_changes_nothing() {
    let (mut in_time, mut too_late) = (0, 0);
    for seed in 0..20 {
        let faults = Faults::none().with_late_renewals(1.0, 3 * SECOND);
        let run = run(seed, faults, |ctx, store, raw| async move {
            let session = holding(&*store, 3 * SECOND).await;
            ctx.sleep(2 * SECOND).await;
            let renewed = session.renew().await;
            // The store's word and the store's state agree, whenever it was asked.
            assert_eq!(renewed.is_ok(), stands(&*raw).await);
            if let Ok(sent) = renewed {
                assert!(ctx.clock().now().since(sent) > MILLISECOND);
            }
        });
        let delivered = run.trace.lines().iter().find(|line| line.contains("session.renew late")).unwrap();
        *(if delivered.ends_with(": ok") { &mut in_time } else { &mut too_late }) += 1;
    }
    assert!(in_time > 3 && too_late > 3, "{in_time} came in time, {too_late} too late");
}
