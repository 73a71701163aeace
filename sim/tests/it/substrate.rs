//! What a process sees of its stores when things go wrong.

use std::{sync::Arc, time::Duration};

use entourage_core::timeout;
use entourage_sim::{Faults, Sim};
use entourage_store::{Standing, Store, StoreExt, Test, Txn};

use crate::{SECOND, holder::run, memory_store};

const SEED: u64 = 11;

#[test]
fn a_lost_answer_is_unknown_and_it_happened() {
    run(SEED, Faults::none().with_lost_answers(1.0), |_, store, raw| async move {
        assert!(store.put("key", "value".into()).await.unwrap_err().is_unknown());
        assert!(raw.get("key").await.unwrap().is_some());
    });
}

#[test]
fn a_lost_request_is_unknown_and_it_did_not_happen() {
    run(SEED, Faults::none().with_lost_requests(1.0), |_, store, raw| async move {
        assert!(store.put("key", "value".into()).await.unwrap_err().is_unknown());
        assert!(raw.get("key").await.unwrap().is_none());
    });
}

#[test]
fn a_refused_call_is_not_unknown_and_it_did_not_happen() {
    run(SEED, Faults::none().with_refused_calls(1.0), |_, store, raw| async move {
        assert!(!store.put("key", "value".into()).await.unwrap_err().is_unknown());
        assert!(raw.get("key").await.unwrap().is_none());
    });
}

#[test]
fn a_repeated_swap_applies_once_and_a_plain_write_is_not_repeated() {
    run(SEED, Faults::none().with_duplicates(1.0), |ctx, store, raw| async move {
        let version = store.put("key", "1".into()).await.unwrap();
        ctx.sleep(SECOND).await;
        assert_eq!(raw.get("key").await.unwrap().unwrap().version, version);
        let swap = Txn::new().when("key", Test::Version(version)).put("key", "2");
        let swapped = store.transact(swap).await.unwrap().applied().unwrap();
        let between = raw.put("key", "3".into()).await.unwrap();
        ctx.sleep(SECOND).await;
        assert!(between > swapped);
        assert_eq!(raw.get("key").await.unwrap().unwrap().version, between);
    });
}

#[test]
fn a_stale_watch_is_late_and_loses_nothing() {
    let faults = Faults::none().with_stale_watches(1.0).with_lost_answers(0.3);
    run(SEED, faults, |ctx, store, raw| async move {
        let mut watch = loop {
            if let Ok(watch) = store.watch("", Some(Default::default())).await {
                break watch;
            }
        };
        for number in 0..20 {
            raw.put(&format!("{number:02}"), "".into()).await.unwrap();
        }
        let began = ctx.clock().now();
        let mut seen = Vec::new();
        while seen.len() < 20 {
            // Most of the waits are given up, which must lose nothing either.
            if let Ok(Ok(change)) = timeout(&*ctx.clock(), Duration::from_millis(100), watch.next()).await {
                seen.push(change.key().unwrap().to_owned());
            }
        }
        assert!(seen.is_sorted() && ctx.clock().now().since(began) > SECOND);
        assert_eq!(watch.position(), raw.get("19").await.unwrap().unwrap().version);
    });
}

#[test]
fn a_session_behind_a_partition_ends_for_its_holder_no_later_than_for_the_store() {
    let mut sim = Sim::new(SEED, Faults::none());
    let raw = memory_store(&sim);
    sim.process("p", move |ctx| {
        let (store, raw) = (ctx.store(&raw), Arc::clone(&raw));
        async move {
            let session = store.session(SECOND).await.unwrap();
            let own = Txn::new().put_with("own", "", session.id());
            store.transact(own).await.unwrap().applied().unwrap();
            let Standing::Live { until } = session.standing() else { panic!("it was granted just now") };
            ctx.partition("p", 5 * SECOND);
            ctx.clock().sleep_until(until).await;
            assert_eq!(session.standing(), Standing::Lost);
            assert!(raw.get("own").await.unwrap().is_some(), "the store counts from when it was asked");
            ctx.sleep(Duration::from_millis(2)).await;
            assert!(raw.get("own").await.unwrap().is_none());
        }
    });
    sim.run().unwrap();
}

#[test]
fn a_call_behind_a_partition_fails_or_hangs_until_it_heals() {
    let (mut failed, mut hung) = (0, 0);
    for seed in 0..20 {
        let mut sim = Sim::new(seed, Faults::none());
        let raw = memory_store(&sim);
        let failures = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counted = Arc::clone(&failures);
        sim.process("p", move |ctx| {
            let (store, counted) = (ctx.store(&raw), Arc::clone(&counted));
            async move {
                ctx.partition("p", 5 * SECOND);
                let began = ctx.clock().now();
                let answer = store.get("key").await;
                let took = ctx.clock().now().since(began);
                assert_eq!(answer.is_ok(), took >= 5 * SECOND);
                counted.fetch_add(u64::from(answer.is_err()), std::sync::atomic::Ordering::Relaxed);
            }
        });
        sim.run().unwrap();
        let failure = failures.load(std::sync::atomic::Ordering::Relaxed);
        (failed, hung) = (failed + failure, hung + 1 - failure);
    }
    assert!(failed > 3 && hung > 3, "{failed} failed, {hung} hung");
}
