//! A death on each side of every call there is.

use std::{sync::Arc, time::Duration};

use entourage_core::{BoxError, Realm};
use entourage_queue::{
    Ask, Item, MemoryOptions as QueueOptions, MemoryQueue, Publication, Queue, Redrive, Step,
    SubscribeOptions, TopicOptions,
};
use entourage_sim::{Call, Context, CrashPoint, Faults, Seeds, Sim, check_grants};
use entourage_store::{MemoryOptions, MemoryStore, Store, StoreExt, Version, What};

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
        check_grants(&run.grants.events()).unwrap();
        run
    });
    assert!(coverage.calls().eq(Call::ALL.iter().copied()));
    coverage.assert_covered();
}
