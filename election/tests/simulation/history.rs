//! The history of one seed, from its first call to the verdict.

use std::{sync::Arc, time::Duration};

use entourage_core::Realm;
use entourage_election::{Election, Identity, Observed};
use entourage_sim::{Context, Coverage, Fault, Sim, check_grants};
use entourage_store::{FencedStore, MemoryOptions, MemoryStore, Order, SessionId, Store, Txn, What};

use crate::{
    FENCE_KEY, NAME, TTL,
    cast::{Cast, STORM},
    contender::Contender,
    disk::Disk,
    judge::Judge,
    tally::{Broken, Counts},
};

/// A history that is shorter, or in which less goes wrong, proves too little to be counted.
pub(crate) const LEAST_CALLS: u64 = 40;
pub(crate) const LEAST_FAULTS: u64 = 2;

/// What one history came to.
#[derive(Debug)]
pub(crate) struct Tale {
    pub(crate) counts: Counts,
    pub(crate) coverage: Coverage,
    pub(crate) broken: Option<Broken>,
    /// What happened, if that was asked for.
    pub(crate) trace: String,
}

impl Tale {
    /// What went wrong in it; that a clock runs at its own rate all the time is not counted.
    pub(crate) fn faults(&self) -> u64 {
        let faults = self.coverage.faults().filter(|(fault, _)| *fault != Fault::ClockRate);
        faults.map(|(_, times)| times).sum()
    }

    /// Whether enough happened in it.
    pub(crate) fn counts(&self) -> bool {
        self.coverage.made() >= LEAST_CALLS && self.faults() >= LEAST_FAULTS
    }
}

/// Runs the history of this seed.
pub(crate) fn tell(seed: u64, traced: bool) -> Tale {
    let cast = Cast::of(seed);
    let mut sim = Sim::new(seed, cast.faults.clone()).with_time_limit(Duration::from_secs(600));
    if !traced {
        sim = sim.without_trace();
    }
    let options = MemoryOptions::new().with_clock(sim.clock()).with_realm(Realm::new(1));
    let raw: Arc<dyn Store> = Arc::new(MemoryStore::with_options(options));
    // An operator takes away what is owned, and nobody can know it at once.
    let strict = cast.steady && !cast.operator;
    let judge = Arc::new(Judge::new(strict, sim.clock()));
    let disk = Arc::new(Disk::default());
    let steady = cast.steady;
    for (number, role) in cast.contenders.iter().copied().enumerate() {
        let (judge, disk, raw) = (Arc::clone(&judge), Arc::clone(&disk), Arc::clone(&raw));
        sim.process(&format!("contender-{number}"), move |ctx| {
            let contender = Contender::new(&ctx, &judge, &disk, &raw, steady);
            async move { contender.contend(role).await }
        });
    }
    if cast.twin {
        let (judge, disk, raw) = (Arc::clone(&judge), Arc::clone(&disk), Arc::clone(&raw));
        sim.process("twin", move |ctx| {
            let twin = Contender::new(&ctx, &judge, &disk, &raw, steady);
            async move { twin.replace("contender-0").await }
        });
    }
    if cast.operator {
        let raw = Arc::clone(&raw);
        sim.observer("operator", move |ctx| operate(ctx, Arc::clone(&raw)));
    }
    if cast.observer {
        let (judge, raw) = (Arc::clone(&judge), Arc::clone(&raw));
        sim.service("observer", move |ctx| {
            let store = ctx.store(&raw);
            observe(Arc::clone(&judge), store)
        });
    }
    let run = sim.run_traced();
    let (counts, mut broken) = judge.verdict();
    let (coverage, trace) = match run {
        Ok(run) => {
            let sessions = check_grants(&run.grants.events());
            broken = broken
                .or_else(|| sessions.err().map(|error| Broken { promise: "E1", what: error.to_string() }));
            (run.coverage, run.trace.to_string())
        }
        Err((stuck, trace)) => {
            broken.get_or_insert_with(|| Broken { promise: "E6", what: stuck.to_string() });
            (Coverage::new(), trace.to_string())
        }
    };
    Tale { counts, coverage, broken, trace }
}

/// Takes things away from their owners, and asks leaders to resign.
async fn operate(ctx: Context, raw: Arc<dyn Store>) {
    let fenced = FencedStore::try_from(Arc::clone(&raw)).expect("a memory store is fenced");
    let election = election_of(fenced, "operator");
    let mut rng = ctx.rng();
    for _ in 0..=rng.below(3) {
        ctx.sleep(rng.between(Duration::ZERO, STORM / 3)).await;
        let contenders = What::prefix(format!("{NAME}/")).ordered(Order::Created);
        let mut queue = raw.list(&contenders).await.expect("nothing befalls an operator").entries;
        // More often the owner than somebody who waits.
        let nth =
            if rng.chance(0.7) { 0 } else { usize::try_from(rng.below(queue.len() as u64)).unwrap_or(0) };
        let key = (nth < queue.len()).then(|| queue.swap_remove(nth).key);
        match (rng.below(4), key) {
            (0, Some(key)) => {
                let _ = raw.transact(Txn::new().delete(key)).await;
            }
            (1, Some(key)) => {
                let number = key.rsplit('/').next().and_then(|hex| u64::from_str_radix(hex, 16).ok());
                let id = SessionId {
                    realm: raw.realm(),
                    number: number.expect("a key ends in its session's number"),
                };
                if let Ok(session) = raw.resume(id).await {
                    let _ = session.end().await;
                }
            }
            (2, _) => {
                let _ = raw.transact(Txn::new().delete(FENCE_KEY)).await;
            }
            _ => {
                let _ = election.ask_to_resign().await;
            }
        }
    }
}

/// Whose delays depend on nothing but the seed.
fn election_of(store: FencedStore, name: &str) -> Election {
    let builder = Election::builder(store, NAME).ttl(TTL).identity(Identity::new(name));
    builder.build().expect("the timings are possible")
}

/// Watches who leads: what comes later was written later.
async fn observe(judge: Arc<Judge>, store: Arc<dyn Store>) {
    let fenced = FencedStore::try_from(store).expect("a memory store is fenced");
    let election = election_of(fenced, "observer");
    let mut observer = election.observe();
    let mut last = None;
    loop {
        match observer.next().await {
            Ok(Observed::Leader(leader)) => {
                let seen = Some((leader.created, leader.version));
                if seen <= last {
                    judge.breaks("the order of leaders", format!("an observer sees {seen:?} after {last:?}"));
                }
                last = seen;
            }
            Ok(_) => {}
            Err(error) => {
                judge.breaks("E6", format!("an observer gives up: {error}"));
                return;
            }
        }
    }
}
