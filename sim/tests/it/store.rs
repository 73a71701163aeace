//! Clients of a store that count, lock and watch while everything goes wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use entourage_core::{Realm, Shutdown};
use entourage_sim::{
    Call, Context, Run, Seeds, Sim, What as Happened, check_fences, check_grants, check_registers,
};
use entourage_store::{
    Change, Entry, Error, MemoryOptions, MemoryStore, Outcome, Session, SessionId, Standing, Store, Test,
    Txn, Version, What,
};

use crate::{
    faults,
    registers::{Registers, check_counts, number},
};

const CALLS: &[Call] = &[
    Call::StoreGet,
    Call::StoreList,
    Call::StoreTransact,
    Call::StoreSession,
    Call::StoreResume,
    Call::StoreWatch,
    Call::WatchNext,
    Call::SessionRenew,
    Call::SessionEnd,
];
const CLIENTS: usize = 3;
const ROUNDS: usize = 5;

/// What a lock protects, outside of all processes: it knows the highest fence that it has seen.
#[derive(Default)]
struct Printer {
    highest: u64,
}

impl Printer {
    fn print(&mut self, fence: u64) -> bool {
        let ok = fence >= self.highest;
        self.highest = self.highest.max(fence);
        ok
    }
}

/// Asks until there is an answer, and is patient about it.
async fn insist<T, Fut: Future<Output = Result<T, Error>>>(ctx: &Context, ask: impl Fn() -> Fut) -> T {
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) if error.is_session_lost() => panic!("{error}"),
            Err(_) => ctx.sleep(Duration::from_millis(50)).await,
        }
    }
}

/// The session of a former life, if it still stands, or a new one.
async fn session(ctx: &Context, store: &dyn Store) -> Session {
    let key = format!("session/{}", ctx.name());
    let former = insist(ctx, || store.get(&key)).await;
    if let Some(entry) = former {
        let id: SessionId = String::from_utf8_lossy(&entry.value).parse().unwrap();
        loop {
            match store.resume(id).await {
                Ok(session) => return session,
                Err(Error::SessionLost { .. }) => break,
                Err(_) => ctx.sleep(Duration::from_millis(50)).await,
            }
        }
    }
    let session = insist(ctx, || store.session(Duration::from_secs(2))).await;
    let _ = insist(ctx, || store.transact(Txn::new().put(&key, session.id().to_string()))).await;
    session
}

/// Takes the lock once, if it is free, and prints under it.
async fn print(ctx: &Context, store: &dyn Store, session: &Session, printer: &Mutex<Printer>) {
    let claim = format!("{} {} {}", ctx.name(), ctx.incarnation(), ctx.clock().now().as_nanos());
    let take = Txn::new().when("lock", Test::Absent).when_held(session.fence().clone()).put_with(
        "lock",
        claim.clone(),
        session.id(),
    );
    match store.transact(take).await {
        Ok(Outcome::Refused { .. }) | Err(Error::SessionLost { .. }) => return,
        Ok(Outcome::Applied { .. }) => {}
        // It may have happened: only the key itself tells.
        Err(_) => {}
    }
    let Ok(Some(entry)) = store.get("lock").await else { return };
    if entry.value != claim.as_bytes() || session.standing() == Standing::Lost {
        return;
    }
    let token = entry.version.number();
    for _ in 0..3 {
        ctx.sleep(ctx.rng().between(Duration::ZERO, Duration::from_secs(1))).await;
        let ok = printer.lock().unwrap().print(token);
        let (res, holder) = ("printer".to_owned(), ctx.name().to_owned());
        ctx.history().record(Happened::Sink { res, holder, token, ok });
        if !ok {
            return;
        }
    }
    let _ = store.transact(Txn::new().when("lock", Test::Version(entry.version)).delete("lock")).await;
}

async fn client(ctx: Context, store: Arc<dyn Store>, printer: Arc<Mutex<Printer>>) {
    let done = format!("r/done/{}", ctx.name());
    if insist(&ctx, || store.get(&done)).await.is_some() {
        // It died after its last word.
        return;
    }
    let name = format!("{}.{}", ctx.name(), ctx.incarnation());
    let mut registers = Registers::new(Arc::clone(&store), ctx.history(), name);
    let session = Arc::new(session(&ctx, &*store).await);
    let kept = Arc::clone(&session);
    tokio::spawn(async move { kept.keep_alive(&Shutdown::new()).await });
    let mut rng = ctx.rng();
    for round in 0..ROUNDS {
        let k = *rng.pick(&["r/x", "r/y"]).unwrap();
        loop {
            let Some(found) = registers.read(k).await else { continue };
            let next = number(found.as_ref()) + 1;
            // What may have happened is not tried again: each round counts once at most.
            if registers.swap(k, found.as_ref(), format!("{next} {}.{round}", registers.name)).await
                != Some(false)
            {
                break;
            }
        }
        print(&ctx, &*store, &session, &printer).await;
    }
    let _ = insist(&ctx, || store.transact(Txn::new().put(&done, "1"))).await;
    let _ = session.end().await;
}

/// Keeps a copy of the registers by watching them, until every client is done.
async fn mirror(ctx: Context, store: Arc<dyn Store>, raw: Arc<dyn Store>) {
    let all = What::prefix("r/");
    let listing = insist(&ctx, || store.list(&all)).await;
    let copied = |entries: Vec<Entry>| -> BTreeMap<String, Bytes> {
        entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
    };
    let mut copy = copied(listing.entries);
    let mut watch = insist(&ctx, || store.watch("r/", Some(listing.as_of))).await;
    while copy.keys().filter(|key| key.starts_with("r/done/")).count() < CLIENTS {
        match watch.next().await {
            Ok(Change::Put(entry)) => drop(copy.insert(entry.key, entry.value)),
            Ok(Change::Delete { key, .. }) => drop(copy.remove(&key)),
            Ok(Change::Resync { .. }) => {
                copy = copied(insist(&ctx, || store.list(&all)).await.entries);
            }
            Ok(other) => panic!("{other:?} is a change that this test does not know"),
            Err(_) => ctx.sleep(Duration::from_millis(10)).await,
        }
    }
    // Nobody writes a register after its own mark, and changes come in the order of commits.
    assert_eq!(copy, copied(raw.list(&all).await.unwrap().entries));
}

/// Writes down who is granted the lock when the store grants it: a holder whose clock is slow
/// may hear of it when another already holds it.
async fn clerk(ctx: Context, raw: Arc<dyn Store>) {
    let mut watch = raw.watch("", Some(Version::ZERO)).await.unwrap();
    let mut done = BTreeSet::new();
    while done.len() < CLIENTS {
        match watch.next().await.unwrap() {
            Change::Put(entry) if entry.key == "lock" => {
                let claim = String::from_utf8_lossy(&entry.value).into_owned();
                let (holder, _) = claim.split_once(' ').unwrap();
                ctx.history().granted("printer", holder, entry.version.number());
            }
            Change::Put(entry) if entry.key.starts_with("r/done/") => {
                done.insert(entry.key);
            }
            Change::Put(_) | Change::Delete { .. } => {}
            other => panic!("{other:?} is no change of a store with so short a history"),
        }
    }
}

fn run(seed: u64) -> Run {
    let mut sim = Sim::new(seed, faults(seed, CALLS)).with_time_limit(Duration::from_secs(600));
    let options = MemoryOptions::new().with_clock(sim.clock()).with_realm(Realm::new(1));
    let raw: Arc<dyn Store> = Arc::new(MemoryStore::with_options(options));
    let printer = Arc::new(Mutex::new(Printer::default()));
    for number in 0..CLIENTS {
        let (raw, printer) = (Arc::clone(&raw), Arc::clone(&printer));
        sim.process(&format!("client-{number}"), move |ctx| {
            let store = ctx.store(&raw);
            client(ctx, store, Arc::clone(&printer))
        });
    }
    let granting = Arc::clone(&raw);
    sim.observer("clerk", move |ctx| clerk(ctx, Arc::clone(&granting)));
    sim.process("mirror", move |ctx| {
        let store = ctx.store(&raw);
        mirror(ctx, store, Arc::clone(&raw))
    });
    sim.run().unwrap()
}

#[test]
fn a_store_is_linearizable_whatever_goes_wrong() {
    let coverage = Seeds::new(300).run(|seed| {
        let run = run(seed);
        check_registers(&run.history.events()).unwrap();
        check_fences(&run.history.events()).unwrap();
        check_grants(&run.grants.events()).unwrap();
        check_counts(&run);
        run
    });
    coverage.assert_covered();
}

#[test]
fn a_history_of_a_store_is_the_same_for_the_same_seed() {
    for seed in 0..5 {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first.trace.to_string(), second.trace.to_string());
        assert_eq!(first.history.to_string(), second.history.to_string());
    }
}
