//! A composition as a user writes it: tokens that hop around a full topic, each hop one step.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_core::Realm;
use entourage_queue::{
    Applied, Ask, Delivery, Error, Item, MemoryOptions, MemoryQueue, Publication, Queue, Settler, Step,
    SubscribeOptions, TopicOptions, Unapplied,
};
use entourage_sim::{Call, Context, Run, Seeds, Sim, check_grants};

use crate::faults;

const CALLS: &[Call] = &[
    Call::QueueConfigure,
    Call::QueuePublish,
    Call::QueueSubscribe,
    Call::ReceiverReceive,
    Call::SettlerStep,
    Call::SettlerState,
];
const TOKENS: u64 = 5;
const HOPS: u64 = 3;

/// What is outside of all processes.
#[derive(Default)]
struct Outside {
    /// Attempts whose workers were told for good that their step was not applied.
    refused: Mutex<BTreeSet<u64>>,
}

/// A token's id names the attempt that published it, so that no window hides a second copy.
fn token(number: u64, hop: u64, attempt: u64) -> Item {
    Item::new(format!("{number}/{hop}/{attempt}"), format!("{}", 1 << number))
}

fn parts(delivery: &Delivery) -> [u64; 3] {
    let parts: Vec<u64> = delivery.id().as_str().split('/').map(|part| part.parse().unwrap()).collect();
    parts.try_into().unwrap()
}

fn amount(delivery: &Delivery) -> u64 {
    std::str::from_utf8(delivery.item().payload()).unwrap().parse().unwrap()
}

fn options() -> SubscribeOptions {
    SubscribeOptions::new().with_lease(Duration::from_secs(1)).with_delivery_limit(1_000)
}

async fn insist<T, E, Fut: Future<Output = Result<T, E>>>(ctx: &Context, ask: impl Fn() -> Fut) -> T {
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(_) => ctx.sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn mint(ctx: Context, queue: Arc<dyn Queue>) {
    let (ring, full) = ("ring".into(), TopicOptions::new().with_capacity(TOKENS));
    insist(&ctx, || queue.configure(&ring, full)).await;
    let tokens = || (0..TOKENS).map(|number| Publication::new("ring", token(number, 0, 0))).collect();
    insist(&ctx, || queue.publish(tokens())).await;
}

/// Moves one token on: accepted here, published there and added to the total, or none of it.
async fn hop(ctx: &Context, settler: &dyn Settler, delivery: Delivery, outside: &Outside) {
    let ([number, hop, _], attempt) = (parts(&delivery), delivery.fence().epoch());
    let topic = if hop + 1 == HOPS { "out" } else { "ring" };
    let mut delivery = Some(delivery);
    while let Some(held) = delivery.take() {
        let total = insist(ctx, || settler.state("total")).await;
        let (version, value) = total.map_or((0, 0), |record| {
            (record.version, std::str::from_utf8(&record.value).unwrap().parse::<u64>().unwrap())
        });
        let next = format!("{}", value + amount(&held));
        let publication = Publication::new(topic, token(number, hop + 1, attempt));
        let mut step = Step::new().accept(held).publish(publication).write("total", version, next);
        loop {
            match settler.step(step).await {
                Ok(Applied { .. }) => return,
                Err(Unapplied { error: Error::StateConflict { .. }, step: mut conflicted }) => {
                    delivery = conflicted.accept.pop();
                    break;
                }
                Err(Unapplied { error, .. }) if error.is_stale() => {
                    outside.refused.lock().unwrap().insert(attempt);
                    return;
                }
                Err(Unapplied { error, .. }) if error.is_full() => {
                    panic!("a step that frees as much as it takes was refused: {error}")
                }
                Err(unapplied) => step = *unapplied.step,
            }
            ctx.sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn worker(ctx: Context, queue: Arc<dyn Queue>, outside: Arc<Outside>) {
    let (topics, group) = (["ring".into()], "hoppers".into());
    let subscribe = || queue.subscribe(&topics, &group, options());
    let (mut receiver, settler) = insist(&ctx, subscribe).await;
    loop {
        let ask = Ask::up_to(2).wait(Duration::from_secs(5));
        for delivery in receiver.receive(ask).await.unwrap_or_default() {
            hop(&ctx, &*settler, delivery, &outside).await;
        }
    }
}

/// Collects what comes out, then demands that nothing was lost, made or counted twice.
async fn auditor(raw: Arc<dyn Queue>, outside: Arc<Outside>) {
    let (mut receiver, settler) =
        raw.subscribe(&["out".into()], &"auditors".into(), options()).await.unwrap();
    let (mut arrived, mut attempts, mut sum) = (BTreeSet::new(), BTreeSet::new(), 0);
    let mut quiet = false;
    while !quiet {
        let ask = Ask::up_to(10).wait(Duration::from_secs(15));
        let deliveries = receiver.receive(ask).await.unwrap();
        quiet = deliveries.is_empty() && arrived.len() as u64 == TOKENS;
        let mut step = Step::new();
        for delivery in deliveries {
            let [number, hops, attempt] = parts(&delivery);
            assert_eq!(hops, HOPS);
            assert!(arrived.insert(number), "token {number} came out twice");
            attempts.insert(attempt);
            sum += amount(&delivery);
            step = step.accept(delivery);
        }
        if !step.accept.is_empty() {
            settler.step(step).await.unwrap();
        }
    }
    assert!(
        attempts.is_disjoint(&outside.refused.lock().unwrap()),
        "a step was applied, and its worker told no"
    );
    let minted = (1 << TOKENS) - 1;
    assert_eq!(sum, minted);
    let records = raw.records(&"hoppers".into(), "total").await.unwrap();
    assert_eq!(records[0].value, format!("{}", minted * HOPS));
    assert_eq!(records[0].version, TOKENS * HOPS);
    let stats = raw.stats(&"ring".into(), &"hoppers".into()).await.unwrap();
    assert_eq!((stats.unsettled(), stats.dead), (0, 0));
}

fn run(seed: u64) -> Run {
    let mut sim = Sim::new(seed, faults(seed, CALLS)).with_time_limit(Duration::from_secs(600));
    let options = MemoryOptions::new().with_realm(Realm::new(1));
    let raw: Arc<dyn Queue> = Arc::new(MemoryQueue::with_options(sim.clock(), options));
    let outside = Arc::new(Outside::default());
    let minter = Arc::clone(&raw);
    sim.process("mint", move |ctx| {
        let queue = ctx.queue(&minter);
        mint(ctx, queue)
    });
    for number in 0..3 {
        let (raw, outside) = (Arc::clone(&raw), Arc::clone(&outside));
        sim.service(&format!("worker-{number}"), move |ctx| {
            let queue = ctx.queue(&raw);
            worker(ctx, queue, Arc::clone(&outside))
        });
    }
    sim.observer("auditor", move |_| auditor(Arc::clone(&raw), Arc::clone(&outside)));
    sim.run().unwrap()
}

#[test]
fn a_step_moves_a_token_exactly_once_whatever_goes_wrong() {
    let coverage = Seeds::new(300).run(|seed| {
        let run = run(seed);
        check_grants(&run.grants.events()).unwrap();
        run
    });
    coverage.assert_covered();
}
