//! Publishers and workers of a queue while everything goes wrong; a sink outside judges.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_core::{Fence, Realm};
use entourage_queue::{
    Ask, Delivery, Item, MemoryOptions, MemoryQueue, Publication, Queue, Settler, Step, SubscribeOptions,
    Unapplied,
};
use entourage_sim::{
    Call, Context, Effects, Faults, Rng, Run, Seeds, Sim, Taken, What, check_effects, check_grants,
};

use crate::faults;

const CALLS: &[Call] =
    &[Call::QueuePublish, Call::QueueSubscribe, Call::ReceiverReceive, Call::SettlerStep, Call::SettlerRenew];
const DELIVERIES: u32 = 4;

/// Where effects happen: outside of all processes.
#[derive(Default)]
pub(crate) struct Sink {
    highest: BTreeMap<String, u64>,
    done: BTreeSet<String>,
}

impl Sink {
    /// Applies an effect unless its fence or its id is known to be past.
    pub(crate) fn apply(&mut self, id: &str, fence: &Fence, effects: Effects) -> bool {
        if effects == Effects::Repeated {
            return true;
        }
        let highest = self.highest.entry(fence.scope().as_str().to_owned()).or_default();
        if fence.epoch() < *highest {
            return false;
        }
        *highest = fence.epoch();
        self.done.insert(id.to_owned())
    }
}

/// What is outside of all processes.
#[derive(Default)]
struct World {
    sink: Mutex<Sink>,
    published: Mutex<BTreeSet<String>>,
}

fn options() -> SubscribeOptions {
    SubscribeOptions::new().with_lease(Duration::from_secs(1)).with_delivery_limit(DELIVERIES)
}

/// The publisher's items: of three keys and of none, and perhaps a poisonous one.
fn items(publisher: &str) -> Vec<Item> {
    let item = |number: u32| {
        let item = Item::new(format!("{publisher}/{number}"), "");
        if number % 4 == 3 { item } else { item.with_key(format!("{publisher}/{}", number % 2)) }
    };
    let poison = Item::new(format!("{publisher}/poison"), "");
    (0..8).map(item).chain([poison]).collect()
}

async fn publisher(ctx: Context, queue: Arc<dyn Queue>, world: Arc<World>) {
    for item in items(ctx.name()) {
        let (id, key) = (item.id().to_string(), item.key().map(ToString::to_string));
        loop {
            let publication = Publication::new("work", item.clone());
            let answer = queue.publish(vec![publication]).await;
            let res = match &answer {
                Ok(_) => Taken::Ok,
                Err(error) if error.is_unknown() => Taken::Unknown,
                Err(_) => Taken::Fail,
            };
            ctx.history().record(What::Enqueue { id: id.clone(), key: key.clone(), res });
            if answer.is_ok() {
                break;
            }
            ctx.sleep(Duration::from_millis(100)).await;
        }
    }
    world.published.lock().unwrap().insert(ctx.name().to_owned());
}

/// Settles until the queue has said yes or no; no is that the attempt is not the item's any more.
pub(crate) async fn settle(ctx: &Context, settler: &dyn Settler, mut step: Step) -> bool {
    loop {
        match settler.step(step).await {
            Ok(_) => return true,
            Err(Unapplied { error, .. }) if error.is_stale() => return false,
            Err(unapplied) => step = *unapplied.step,
        }
        ctx.sleep(Duration::from_millis(20)).await;
    }
}

/// One attempt: a retry, an interruption, a long work, a refusal or simply the work.
async fn attempt(
    ctx: &Context,
    settler: &dyn Settler,
    delivery: Delivery,
    rng: &mut Rng,
    (world, effects): (&World, Effects),
) {
    let (id, worker, attempt) = (delivery.id().to_string(), ctx.name().to_owned(), delivery.fence().epoch());
    ctx.history().record(What::Start { id: id.clone(), worker: worker.clone(), attempt });
    if id.ends_with("poison") {
        ctx.kill(ctx.name());
        std::future::pending::<()>().await;
    }
    match rng.below(100) {
        0..10 => {
            let after = rng.between(Duration::ZERO, Duration::from_secs(1));
            settle(ctx, settler, Step::new().retry(delivery, after)).await;
            return;
        }
        10..15 => {
            settle(ctx, settler, Step::new().release(delivery)).await;
            return;
        }
        15..20 => {
            // Longer than a lease.
            let _ = settler.renew(&delivery, Duration::from_secs(60)).await;
            ctx.sleep(Duration::from_secs(3)).await;
        }
        20..23 => {
            settle(ctx, settler, Step::new().reject(delivery, "the worker dislikes it")).await;
            return;
        }
        _ => ctx.sleep(rng.between(Duration::ZERO, Duration::from_millis(50))).await,
    }
    let ok = world.sink.lock().unwrap().apply(&id, delivery.fence(), effects);
    ctx.history().record(What::Effect { id: id.clone(), worker: worker.clone(), attempt, ok });
    ctx.sleep(rng.between(Duration::ZERO, Duration::from_millis(50))).await;
    let ok = settle(ctx, settler, Step::new().accept(delivery)).await;
    ctx.history().record(What::Ack { id, worker, ok });
}

async fn worker(ctx: Context, queue: Arc<dyn Queue>, world: Arc<World>, effects: Effects) {
    let mut rng = ctx.rng();
    let (mut receiver, settler) = loop {
        match queue.subscribe(&["work".into()], &"workers".into(), options()).await {
            Ok(both) => break both,
            Err(_) => ctx.sleep(Duration::from_millis(100)).await,
        }
    };
    loop {
        let ask = Ask::up_to(3).wait(Duration::from_secs(5));
        for delivery in receiver.receive(ask).await.unwrap_or_default() {
            attempt(&ctx, &*settler, delivery, &mut rng, (&world, effects)).await;
        }
    }
}

/// Waits until all is published and settled, and notes what was given up.
async fn judge(ctx: Context, raw: Arc<dyn Queue>, world: Arc<World>, publishers: usize) {
    let (topic, group) = ("work".into(), "workers".into());
    loop {
        ctx.sleep(Duration::from_secs(1)).await;
        let unsettled = raw.stats(&topic, &group).await.unwrap().unsettled();
        if world.published.lock().unwrap().len() == publishers && unsettled == 0 {
            break;
        }
    }
    for dead in raw.dead(&topic, &group, 1_000).await.unwrap() {
        ctx.history().record(What::Dead { id: dead.item.id().to_string() });
    }
}

fn run(seed: u64, faults: Faults, effects: Effects) -> Run {
    let mut sim = Sim::new(seed, faults).with_time_limit(Duration::from_secs(600));
    let options = MemoryOptions::new().with_realm(Realm::new(1));
    let raw: Arc<dyn Queue> = Arc::new(MemoryQueue::with_options(sim.clock(), options));
    let world = Arc::new(World::default());
    for number in 0..2 {
        let (raw, world) = (Arc::clone(&raw), Arc::clone(&world));
        sim.process(&format!("publisher-{number}"), move |ctx| {
            let queue = ctx.queue(&raw);
            publisher(ctx, queue, Arc::clone(&world))
        });
    }
    for number in 0..3 {
        let (raw, world) = (Arc::clone(&raw), Arc::clone(&world));
        sim.service(&format!("worker-{number}"), move |ctx| {
            let queue = ctx.queue(&raw);
            worker(ctx, queue, Arc::clone(&world), effects)
        });
    }
    sim.observer("judge", move |ctx| judge(ctx, Arc::clone(&raw), Arc::clone(&world), 2));
    sim.run().unwrap()
}

/// Q4: a poisonous item costs no more deaths than its delivery limit says.
fn check_poison(run: &Run) {
    let mut starts = BTreeMap::<String, u32>::new();
    for event in run.history.events() {
        if let What::Start { id, .. } = event.what
            && id.ends_with("poison")
        {
            *starts.entry(id).or_default() += 1;
        }
    }
    for (id, starts) in starts {
        assert!(starts <= DELIVERIES, "{id} killed {starts} workers");
    }
}

#[test]
fn a_queue_loses_and_repeats_nothing_whatever_goes_wrong() {
    let coverage = Seeds::new(300).run(|seed| {
        let effects = if seed % 4 == 3 { Effects::Repeated } else { Effects::Once };
        let run = run(seed, faults(seed, CALLS), effects);
        check_effects(&run.history.events(), effects).unwrap();
        check_grants(&run.grants.events()).unwrap();
        check_poison(&run);
        run
    });
    coverage.assert_covered();
}

#[test]
fn a_history_of_a_queue_is_the_same_for_the_same_seed() {
    for seed in 0..5 {
        let run = || run(seed, faults(seed, CALLS), Effects::Once);
        let (first, second) = (run(), run());
        assert_eq!(first.trace.to_string(), second.trace.to_string());
        assert_eq!(first.history.to_string(), second.history.to_string());
    }
}

#[test]
fn a_slow_worker_keeps_its_lease_and_an_interruption_burns_no_attempt() {
    Seeds::new(20).run(|seed| {
        let mut sim = Sim::new(seed, Faults::none()).with_time_limit(Duration::from_secs(600));
        let options = MemoryOptions::new().with_realm(Realm::new(1));
        let raw: Arc<dyn Queue> = Arc::new(MemoryQueue::with_options(sim.clock(), options));
        sim.process("worker", move |ctx| {
            let queue = ctx.queue(&raw);
            async move {
                queue.publish(vec![Publication::new("work", Item::new("1", ""))]).await.unwrap();
                let (mut receiver, settler) =
                    queue.subscribe(&["work".into()], &"workers".into(), self::options()).await.unwrap();
                for attempts in [1, 1, 2] {
                    let delivery = receiver.receive(Ask::up_to(1)).await.unwrap().pop().unwrap();
                    assert_eq!((delivery.attempt(), delivery.lapses()), (attempts, 0));
                    ctx.sleep(Duration::from_secs(10)).await;
                    let step = match (delivery.retries(), ctx.clock().now().as_nanos() < 15_000_000_000) {
                        (0, true) => Step::new().release(delivery),
                        (0, false) => Step::new().retry(delivery, Duration::ZERO),
                        _ => Step::new().accept(delivery),
                    };
                    settler.step(step).await.unwrap();
                }
            }
        });
        sim.run().unwrap()
    });
}
