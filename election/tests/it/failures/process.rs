//! An owner that dies, or stands still.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use entourage_core::Realm;
use entourage_election::{Held, LeaseLock};
use entourage_sim::{Context, Faults, Sim};
use entourage_store::{FencedStore, MemoryOptions, MemoryStore, Store, Txn};

use crate::{NAME, TTL};

/// How long an owner stands still: somebody else is granted meanwhile.
const STILL: Duration = Duration::from_secs(36);
const MOMENT: Duration = Duration::from_millis(20);

fn lock(store: Arc<dyn Store>) -> LeaseLock {
    LeaseLock::builder(FencedStore::try_from(store).unwrap(), NAME).ttl(TTL).build().unwrap()
}

async fn writes(raw: &dyn Store, held: &Held) -> bool {
    raw.transact(held.guard(Txn::new().put("document", "1"))).await.unwrap().applied().is_some()
}

/// Lets something happen to an owner; the next is granted when the time to live is over, and
/// then the owner, if it goes on, is shut out. Whether it believes that it is held is `judge`d.
fn befallen(fault: fn(&Context), judge: fn(&Held)) {
    let mut sim = Sim::new(7, Faults::none()).with_time_limit(TTL * 100);
    let options = MemoryOptions::new().with_clock(sim.clock()).with_realm(Realm::new(1));
    let raw: Arc<dyn Store> = Arc::new(MemoryStore::with_options(options));
    let granted = Arc::new(AtomicBool::new(false));
    let former = Arc::new(Mutex::new(None));
    let (of_raw, is_granted, first) = (Arc::clone(&raw), Arc::clone(&granted), Arc::clone(&former));
    sim.process("owner", move |ctx| {
        let (raw, granted, former) = (Arc::clone(&of_raw), Arc::clone(&is_granted), Arc::clone(&first));
        async move {
            if ctx.incarnation() > 1 {
                return;
            }
            let ownership = lock(ctx.store(&raw)).acquire().await.unwrap();
            *former.lock().unwrap() = Some(ownership.held());
            while !granted.load(Ordering::Relaxed) {
                ctx.sleep(MOMENT).await;
            }
            judge(&ownership.held());
            // Whatever it believes: by a way that stands open.
            assert!(!writes(&*raw, &ownership.held()).await);
        }
    });
    sim.process("rival", move |ctx| {
        let (raw, granted, former) = (Arc::clone(&raw), Arc::clone(&granted), Arc::clone(&former));
        async move {
            let clock = raw.clock();
            ctx.sleep(TTL * 2).await;
            let former = former.lock().unwrap().clone().unwrap();
            let began = clock.now();
            fault(&ctx);
            let next = lock(ctx.store(&raw)).acquire().await.unwrap();
            let took = clock.now().since(began);
            // Its last renewal was at most a third of the time to live ago.
            assert!(took > TTL / 3 && took < TTL + MOMENT, "{took:?}");
            assert_eq!(next.fence().supersedes(former.fence()), Ok(true));
            assert!(writes(&*raw, &next.held()).await);
            granted.store(true, Ordering::Relaxed);
            ctx.sleep(STILL * 2).await;
            assert!(next.is_held());
            next.release().await.unwrap();
        }
    });
    sim.run().unwrap();
}

#[test]
fn an_owner_that_dies_is_followed_after_the_time_to_live() {
    befallen(|ctx| ctx.kill("owner"), |_| panic!("it has died"));
}

#[test]
fn an_owner_that_stood_still_knows_it_when_it_goes_on_and_writes_nothing() {
    befallen(|ctx| ctx.pause("owner", STILL), |held| assert!(!held.is_held()));
}

#[test]
fn an_owner_whose_machine_slept_knows_it_when_it_wakes_and_writes_nothing() {
    befallen(|ctx| ctx.suspend("owner", STILL), |held| assert!(!held.is_held()));
}

/// By a factor of a little less than 4/3, and cut off from the store.
#[test]
fn an_owner_whose_clock_is_too_slow_stops_believing_before_another_is_granted() {
    let slow = |ctx: &Context| {
        ctx.set_clock_rate("owner", 0.76);
        ctx.partition("owner", STILL * 2);
    };
    befallen(slow, |held| assert!(!held.is_held()));
}

/// No clock helps here, and nothing else tells it at once: only the fence does.
#[test]
fn an_owner_whose_machine_stood_still_with_its_clock_believes_and_writes_nothing() {
    let stand_still = |ctx: &Context| {
        ctx.partition("owner", STILL * 2);
        ctx.freeze("owner", STILL);
    };
    befallen(stand_still, |held| assert!(held.is_held()));
}
