//! What a process sees of its queues when things go wrong.

use std::{sync::Arc, time::Duration};

use entourage_core::{Realm, timeout};
use entourage_queue::{
    Ask, Item, MemoryOptions as QueueOptions, MemoryQueue, Publication, Queue, SettlerExt, Step,
    SubscribeOptions,
};
use entourage_sim::{Call, Context, CrashPoint, Faults, Side, Sim, check_grants};

use crate::SECOND;

const SEED: u64 = 11;

fn queue(sim: &Sim) -> Arc<dyn Queue> {
    Arc::new(MemoryQueue::with_options(sim.clock(), QueueOptions::new().with_realm(Realm::new(7))))
}

fn item(id: &str) -> Vec<Publication> {
    vec![Publication::new("work", Item::new(id, ""))]
}

fn options() -> SubscribeOptions {
    SubscribeOptions::new().with_lease(SECOND)
}

/// One process over a queue, under these faults.
fn with_queue<Fut>(faults: Faults, program: impl Fn(Context, Arc<dyn Queue>, Arc<dyn Queue>) -> Fut + 'static)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut sim = Sim::new(SEED, faults);
    let raw = queue(&sim);
    sim.process("p", move |ctx| program(ctx.clone(), ctx.queue(&raw), Arc::clone(&raw)));
    let run = sim.run().unwrap();
    check_grants(&run.grants.events()).unwrap();
}

#[test]
fn a_dropped_receive_loses_and_burns_nothing() {
    let faults = Faults::none().with_slow_calls(0.8, 2 * SECOND);
    with_queue(faults, |ctx, queue, raw| async move {
        raw.publish((0..20).flat_map(|id| item(&id.to_string())).collect()).await.unwrap();
        let options = options().with_delivery_limit(1);
        let (mut receiver, settler) = queue.subscribe(&["work".into()], &"g".into(), options).await.unwrap();
        let mut rng = ctx.rng();
        let mut seen = Vec::new();
        while seen.len() < 20 {
            let ask = Ask::up_to(1 + usize::try_from(rng.below(3)).unwrap());
            let patience = rng.between(Duration::ZERO, SECOND);
            let Ok(deliveries) = timeout(&*ctx.clock(), patience, receiver.receive(ask)).await else {
                continue;
            };
            for delivery in deliveries.unwrap() {
                assert_eq!(delivery.attempt(), 1);
                seen.push(delivery.id().as_str().parse::<u32>().unwrap());
                settler.accept(vec![delivery]).await.unwrap();
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
    });
}

#[test]
fn what_a_lost_answer_carried_is_given_back_with_no_attempt_burnt() {
    with_queue(Faults::none().with_lost_answers(0.5), |_, queue, raw| async move {
        raw.publish(item("1")).await.unwrap();
        let options = options().with_delivery_limit(1);
        let (mut receiver, settler) = loop {
            if let Ok(both) = queue.subscribe(&["work".into()], &"g".into(), options).await {
                break both;
            }
        };
        let delivery = loop {
            let received = receiver.receive(Ask::up_to(1)).await;
            if let Ok(mut deliveries) = received {
                break deliveries.pop().unwrap();
            }
        };
        assert_eq!(delivery.attempt(), 1);
        let mut step = Step::new().accept(delivery);
        while let Err(unapplied) = settler.step(step).await {
            assert!(unapplied.error.is_unknown());
            step = *unapplied.step;
        }
        let stats = raw.stats(&"work".into(), &"g".into()).await.unwrap();
        assert_eq!((stats.unsettled(), stats.dead), (0, 0));
    });
}

#[test]
fn a_repeated_step_applies_once() {
    with_queue(Faults::none().with_duplicates(1.0), |ctx, queue, raw| async move {
        queue.publish(item("1")).await.unwrap();
        let (mut receiver, settler) =
            queue.subscribe(&["work".into()], &"g".into(), options()).await.unwrap();
        let delivery = receiver.receive(Ask::up_to(1)).await.unwrap().pop().unwrap();
        let out = Publication::new("out", Item::new("2", ""));
        settler.step(Step::new().accept(delivery).publish(out).write("count", 0, "1")).await.unwrap();
        ctx.sleep(5 * SECOND).await;
        assert_eq!(raw.stats(&"work".into(), &"g".into()).await.unwrap().unsettled(), 0);
        assert_eq!(settler.state("count").await.unwrap().unwrap().version, 1);
    });
}

#[test]
fn what_a_dead_process_held_comes_back_when_its_lease_ends_and_counts_as_a_delivery() {
    for side in [Side::Before, Side::After] {
        let faults = Faults::none().with_crash_at(CrashPoint { call: Call::SettlerStep, side });
        with_queue(faults, move |ctx, queue, raw| async move {
            if ctx.incarnation() == 1 {
                raw.publish(item("1")).await.unwrap();
            }
            let (mut receiver, settler) =
                queue.subscribe(&["work".into()], &"g".into(), options()).await.unwrap();
            let began = ctx.clock().now();
            let received = receiver.receive(Ask::up_to(1).wait(5 * SECOND)).await.unwrap().pop();
            if ctx.incarnation() == 1 {
                let _ = settler.accept(received.into_iter().collect()).await;
                panic!("it died in the step");
            }
            match side {
                Side::Before => {
                    let delivery = received.expect("it was not settled");
                    assert_eq!((delivery.attempt(), delivery.lapses()), (2, 1));
                    assert!(ctx.clock().now() > began, "the lease of the dead went on for a while");
                    settler.accept(vec![delivery]).await.unwrap();
                }
                Side::After => assert!(received.is_none()),
            }
        });
    }
}

#[test]
fn a_partition_stops_heartbeats_and_a_stale_worker_is_refused() {
    let mut sim = Sim::new(SEED, Faults::none());
    let raw = queue(&sim);
    for name in ["first", "second"] {
        let raw = Arc::clone(&raw);
        sim.process(name, move |ctx| {
            let (queue, raw) = (ctx.queue(&raw), Arc::clone(&raw));
            async move {
                if ctx.name() == "first" {
                    raw.publish(item("1")).await.unwrap();
                } else {
                    ctx.sleep(SECOND / 2).await;
                }
                let (mut receiver, settler) =
                    queue.subscribe(&["work".into()], &"g".into(), options()).await.unwrap();
                let delivery = receiver.receive(Ask::up_to(1)).await.unwrap().pop().unwrap();
                if ctx.name() == "first" {
                    // Heartbeats keep a lease for longer than it lasts; then they no longer arrive.
                    ctx.sleep(5 * SECOND).await;
                    ctx.partition("first", 3 * SECOND);
                    ctx.sleep(4 * SECOND).await;
                    let error = settler.accept(vec![delivery]).await.unwrap_err();
                    assert!(error.is_stale(), "{error}");
                } else {
                    let at = ctx.clock().now().as_nanos();
                    assert!((5_600_000_000..6_500_000_000).contains(&at), "{at}");
                    assert_eq!(delivery.lapses(), 1);
                    settler.accept(vec![delivery]).await.unwrap();
                }
            }
        });
    }
    sim.run().unwrap();
}

#[test]
fn what_is_dropped_behind_a_partition_is_given_back_when_it_heals() {
    let mut sim = Sim::new(SEED, Faults::none());
    let raw = queue(&sim);
    sim.process("p", move |ctx| {
        let (queue, raw) = (ctx.queue(&raw), Arc::clone(&raw));
        async move {
            raw.publish(item("1")).await.unwrap();
            let options = options().with_lease(60 * SECOND);
            let (mut receiver, _settler) =
                queue.subscribe(&["work".into()], &"g".into(), options).await.unwrap();
            let delivery = receiver.receive(Ask::up_to(1)).await.unwrap().pop().unwrap();
            ctx.partition("p", 3 * SECOND);
            drop(delivery);
            let in_flight = || async { raw.stats(&"work".into(), &"g".into()).await.unwrap().in_flight };
            assert_eq!(in_flight().await, 1);
            ctx.sleep(4 * SECOND).await;
            assert_eq!(in_flight().await, 0);
        }
    });
    sim.run().unwrap();
}
