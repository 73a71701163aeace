//! Contenders under seeded faults, judged by what a clerk and a sink saw.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_core::{Clock, Realm};
use entourage_election::{Identity, LeaseLock};
use entourage_sim::{Call, Context, CrashPoint, Faults, Run, Seeds, Sim, What, check_fences, check_grants};
use entourage_store::{
    Change, FencedStore, MemoryOptions, MemoryStore, Order, Store, Txn, Version, What as Which,
};

use crate::NAME;

const CONTENDERS: usize = 3;
const ROUNDS: usize = 4;
const TTL: Duration = Duration::from_secs(2);
const CALLS: &[Call] = &[
    Call::StoreGet,
    Call::StoreList,
    Call::StoreTransact,
    Call::StoreSession,
    Call::StoreWatch,
    Call::WatchNext,
    Call::SessionRenew,
];

/// What the clerk saw: when the store granted which token.
type Grants = Arc<Mutex<Vec<(u64, u64)>>>;
/// What the contenders say: for which token they began to believe, and when they stopped.
type Beliefs = Arc<Mutex<BTreeMap<u64, Option<u64>>>>;

/// What the lock protects, outside of all processes and of the store.
#[derive(Debug, Default)]
struct Sink {
    highest: u64,
    refused: u64,
}

/// Writes to the sink, which decides.
fn write(ctx: &Context, sink: &Mutex<Sink>, res: String, holder: String, token: u64) -> bool {
    let ok = {
        let mut sink = sink.lock().unwrap();
        let ok = token >= sink.highest;
        sink.highest = sink.highest.max(token);
        sink.refused += u64::from(!ok);
        ok
    };
    ctx.history().record(What::Sink { res, holder, token, ok });
    ok
}

/// Owns in rounds, and writes under each ownership until it is lost or done.
async fn contender(
    ctx: Context,
    store: Arc<dyn Store>,
    sink: Arc<Mutex<Sink>>,
    beliefs: Beliefs,
    truth: Arc<dyn Clock>,
) {
    let done = format!("done/{}", ctx.name());
    let fenced = FencedStore::try_from(Arc::clone(&store)).unwrap();
    let builder = LeaseLock::builder(fenced, NAME).ttl(TTL).identity(Identity::new(ctx.name()));
    let lock = builder.build().unwrap();
    for _ in 0..ROUNDS {
        let Ok(ownership) = lock.acquire().await else { continue };
        let (held, token) = (ownership.held(), ownership.fence().epoch());
        let (res, holder) = (NAME.to_owned(), ctx.name().to_owned());
        beliefs.lock().unwrap().insert(token, None);
        let writing = async {
            for _ in 0..3 {
                // The owner is held when it begins to write, and may be paused before it does.
                ctx.sleep(ctx.rng().between(Duration::ZERO, Duration::from_millis(900))).await;
                let guarded = store.transact(held.guard(Txn::new().put("document", "1"))).await;
                let (res, holder) = (res.clone(), holder.clone());
                if !write(&ctx, &sink, res, holder, token)
                    || guarded.is_ok_and(|made| made.applied().is_none())
                {
                    break;
                }
            }
        };
        tokio::select! {
            biased;
            () = writing => {}
            () = held.lost() => {}
        }
        beliefs.lock().unwrap().insert(token, Some(truth.now().as_nanos()));
        if ctx.rng().chance(0.7) {
            let _ = ownership.release().await;
        }
        if ctx.rng().chance(0.5) {
            // A request that was under way for long: only the fence stops it.
            ctx.sleep(ctx.rng().between(Duration::ZERO, TTL)).await;
            write(&ctx, &sink, NAME.to_owned(), ctx.name().to_owned(), token);
        }
    }
    while store.transact(Txn::new().put(&done, "1")).await.is_err() {
        ctx.sleep(Duration::from_millis(50)).await;
    }
}

/// Writes down each grant when the store makes it: the fence was written by who is first.
async fn clerk(ctx: Context, raw: Arc<dyn Store>, grants: Grants) {
    let mut watch = raw.watch("", Some(Version::ZERO)).await.unwrap();
    let mut done = 0;
    while done < CONTENDERS {
        let Change::Put(entry) = watch.next().await.unwrap() else { continue };
        if entry.key.starts_with("done/") && entry.version == entry.created {
            done += 1;
        }
        if entry.key.starts_with("fence/") {
            let written = String::from_utf8(entry.value.to_vec()).unwrap();
            let (holder, key) = written.split_once(' ').unwrap();
            let first = Which::prefix(format!("{NAME}/")).ordered(Order::Created).limit(1);
            let first = raw.list(&first).await.unwrap().entries;
            if first.first().is_some_and(|first| first.key == key) {
                let token = entry.version.number();
                ctx.history().granted(NAME, holder, token);
                grants.lock().unwrap().push((raw.clock().now().as_nanos(), token));
            }
        }
    }
}

struct Story {
    run: Run,
    refused: u64,
    grants: Vec<(u64, u64)>,
    beliefs: BTreeMap<u64, Option<u64>>,
}

fn story(seed: u64, faults: Faults) -> Story {
    let mut sim = Sim::new(seed, faults).with_time_limit(Duration::from_secs(3600));
    let options = MemoryOptions::new().with_clock(sim.clock()).with_realm(Realm::new(1));
    let raw: Arc<dyn Store> = Arc::new(MemoryStore::with_options(options));
    let sink = Arc::new(Mutex::new(Sink::default()));
    let (grants, beliefs) = (Grants::default(), Beliefs::default());
    for number in 0..CONTENDERS {
        let (raw, sink, beliefs) = (Arc::clone(&raw), Arc::clone(&sink), Arc::clone(&beliefs));
        sim.process(&format!("contender-{number}"), move |ctx| {
            let store = ctx.store(&raw);
            contender(ctx, store, Arc::clone(&sink), Arc::clone(&beliefs), raw.clock())
        });
    }
    let seen = Arc::clone(&grants);
    sim.observer("clerk", move |ctx| clerk(ctx, Arc::clone(&raw), Arc::clone(&seen)));
    let run = sim.run().unwrap();
    let refused = sink.lock().unwrap().refused;
    let (grants, beliefs) = (grants.lock().unwrap().clone(), beliefs.lock().unwrap().clone());
    Story { run, refused, grants, beliefs }
}

#[test]
fn e1_e2_no_former_owner_writes_whatever_goes_wrong() {
    let points: Vec<CrashPoint> = CrashPoint::of(CALLS).collect();
    let refused = AtomicU64::new(0);
    Seeds::new(100).run(|seed| {
        let point = points[usize::try_from(seed).unwrap() % points.len()];
        let faults = Faults::all().quiet_after(Duration::from_secs(20)).with_crash_at(point);
        let Story { run, refused: stale, .. } = story(seed, faults);
        refused.fetch_add(stale, Ordering::Relaxed);
        check_fences(&run.history.events()).unwrap();
        check_grants(&run.grants.events()).unwrap();
        run
    });
    assert!(refused.into_inner() > 100, "too few former owners tried");
}

#[test]
fn e3_belief_ends_before_another_is_granted_while_clocks_are_at_most_a_third_apart() {
    let taken_over = AtomicU64::new(0);
    Seeds::new(100).run(|seed| {
        let faults = Faults::none()
            .with_slow_calls(0.2, Duration::from_millis(700))
            .with_refused_calls(0.05)
            .with_lost_requests(0.05)
            .with_lost_answers(0.05)
            .with_stale_watches(0.2)
            .with_partitions(0.02, TTL * 2)
            .with_lost_renewals(0.3)
            .with_late_renewals(0.3, TTL)
            .with_clock_rates(0.76, 1.3)
            .quiet_after(Duration::from_secs(20));
        let Story { run, grants, beliefs, .. } = story(seed, faults);
        for (at, token) in grants {
            for (earlier, over) in beliefs.range(..token) {
                let over = over.expect("every belief ends");
                assert!(over <= at, "{earlier} was believed in until {over}, and {token} granted at {at}");
                taken_over.fetch_add(1, Ordering::Relaxed);
            }
        }
        run
    });
    assert!(taken_over.into_inner() > 1_000, "too few were taken over");
}
