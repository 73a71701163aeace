//! A death on each side of every call there is.

use std::{sync::Arc, time::Duration};

use entourage_core::{BoxError, Realm};
use entourage_queue::{
    Ask, Item, MemoryOptions as QueueOptions, MemoryQueue, Publication, Queue, Redrive, Step,
    SubscribeOptions, TopicOptions,
};
use entourage_sim::{Call, Context, CrashPoint, Faults, Seeds, Side, Sim, check_grants};
use entourage_store::{MemoryOptions, MemoryStore, Store, StoreExt, Txn, Version, What};

/// Every call of both substrates, once.
async fn tour(ctx: &Context, store: &dyn Store, queue: &dyn Queue) -> Result<(), BoxError> {
    store.put("key", "value".into()).await?;
    store.get("key").await?;
    store.list(&What::prefix("")).await?;
    store.watch("", Some(Version::ZERO)).await?.next().await?;
    let session = store.session(Duration::from_secs(5)).await?;
    let session = store.resume(session.id()).await?;
    session.renew().await?;
    session.end().await?;

    let (topic, group) = ("work".into(), "workers".into());
    queue.configure(&topic, TopicOptions::new().with_capacity(10)).await?;
    let id = format!("{}", ctx.incarnation());
    queue.publish(vec![Publication::new("work", Item::new(id, ""))]).await?;
    let options = SubscribeOptions::new().with_lease(Duration::from_secs(1));
    let (mut receiver, settler) = queue.subscribe(&["work".into()], &group, options).await?;
    let deliveries = receiver.receive(Ask::up_to(1)).await?;
    let mut step = Step::new();
    for delivery in deliveries {
        settler.renew(&delivery, Duration::from_secs(60)).await?;
        step = step.reject(delivery, "to be redriven");
    }
    settler.step(step).await.map_err(|unapplied| unapplied.error)?;
    settler.state("record").await?;
    queue.dead(&topic, &group, 10).await?;
    queue.redrive(&topic, &group, Redrive::All).await?;
    queue.stats(&topic, &group).await?;
    queue.records(&group, "").await?;
    queue.room(&topic, 1).await?;
    receiver.close().await?;
    Ok(())
}

/// What is to be seen from outside of a call that was made once.
async fn trace_of(call: Call, store: &dyn Store, queue: &dyn Queue) -> bool {
    let (topic, group) = ("work".into(), "workers".into());
    let stats = queue.stats(&topic, &group).await;
    match call {
        Call::StoreTransact => store.get("key").await.unwrap().is_some(),
        Call::SessionEnd => store.get("own").await.unwrap().is_none(),
        Call::QueuePublish => queue.stats(&topic, &group).await.unwrap().ready > 0,
        Call::ReceiverReceive => stats.unwrap().in_flight > 0,
        Call::SettlerStep => stats.unwrap().dead > 0,
        other => panic!("{other} leaves no trace"),
    }
}

#[test]
fn a_death_before_a_call_is_before_its_effect_and_one_after_it_is_after() {
    let calls =
        [Call::StoreTransact, Call::SessionEnd, Call::QueuePublish, Call::ReceiverReceive, Call::SettlerStep];
    for point in CrashPoint::of(&calls) {
        let mut sim = Sim::new(3, Faults::none().with_crash_at(point));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(sim.clock()));
        let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::with_clock(sim.clock()));
        sim.process("caller", move |ctx| {
            let (store, queue) = (Arc::clone(&store), Arc::clone(&queue));
            async move {
                if ctx.incarnation() == 2 {
                    let seen = trace_of(point.call, &*store, &*queue).await;
                    assert_eq!(seen, point.side == Side::After, "{point}");
                    return;
                }
                // What leads to the call goes past the wrappers.
                let session = ctx.store(&store).session(Duration::from_secs(60)).await.unwrap();
                let own = Txn::new().put_with("own", "", session.id());
                store.transact(own).await.unwrap().applied().unwrap();
                let topics = ["work".into()];
                let options = SubscribeOptions::new().with_lease(Duration::from_secs(60));
                let reached = ctx.queue(&queue);
                let (mut receiver, settler) =
                    reached.subscribe(&topics, &"workers".into(), options).await.unwrap();
                let publication = || vec![Publication::new("work", Item::new("1", ""))];
                match point.call {
                    Call::StoreTransact => drop(ctx.store(&store).put("key", "value".into()).await),
                    Call::SessionEnd => drop(session.end().await),
                    Call::QueuePublish => drop(reached.publish(publication()).await),
                    _ => {
                        queue.publish(publication()).await.unwrap();
                        let delivery = receiver.receive(Ask::up_to(1)).await.unwrap().pop().unwrap();
                        drop(settler.step(Step::new().reject(delivery, "to be seen")).await);
                    }
                }
                panic!("it died in the call");
            }
        });
        assert_eq!(sim.run().unwrap().coverage.hits().collect::<Vec<_>>(), [(point, 1)]);
    }
}

#[test]
fn a_process_may_die_on_each_side_of_every_call() {
    let points: Vec<CrashPoint> = CrashPoint::all().collect();
    let coverage = Seeds::new(points.len() as u64).run(|seed| {
        let point = points[usize::try_from(seed).unwrap() % points.len()];
        let mut sim = Sim::new(seed, Faults::none().with_crash_at(point));
        let options = MemoryOptions::new().with_clock(sim.clock()).with_realm(Realm::new(1));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::with_options(options));
        let options = QueueOptions::new().with_realm(Realm::new(2));
        let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::with_options(sim.clock(), options));
        sim.process("tourist", move |ctx| {
            let (store, queue) = (ctx.store(&store), ctx.queue(&queue));
            async move { tour(&ctx, &*store, &*queue).await.unwrap() }
        });
        let run = sim.run().unwrap();
        assert_eq!(run.coverage.hits().collect::<Vec<_>>(), [(point, 1)]);
        // The wrapper writes the substrate's answer down when it is there.
        let life = run.trace.lines().iter().take_while(|line| !line.contains(" tourist dies "));
        let happened = life.filter(|line| line.contains(&format!(" tourist {}: ", point.call))).count();
        assert_eq!(happened, usize::from(point.side == Side::After), "{point}");
        check_grants(&run.grants.events()).unwrap();
        run
    });
    assert!(coverage.calls().eq(Call::ALL.iter().copied()));
    coverage.assert_covered();
}
