//! How long nobody owns after the owner was killed with `SIGKILL`.

use std::{future, time::Duration};

use entourage::{
    core::{Clock, Moment, SystemClock, sleep, timeout},
    election::LeaseLock,
    store::EtcdOptions,
};
use entourage_rivals::judge;
use entourage_testkit::{Etcd, Process, Program, Rng, let_pass};
use etcd_client::{Client, GetOptions};
use tokio::runtime::Runtime;

use crate::Outcome;

/// The shortest that a server grants by its defaults.
const TTL: Duration = Duration::from_secs(2);
/// Beside the time to live.
pub(crate) const SLACK: Duration = Duration::from_secs(1);
/// For what takes seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How often etcd is asked whether something has come about.
pub(crate) const LOOK: Duration = Duration::from_millis(10);

/// What a process does that is an owner: it acquires, says so and holds until it is killed.
pub(crate) async fn own(arguments: &[String]) -> Outcome {
    let [endpoints, name, seconds] = arguments else { return Err("no owner is described".into()) };
    let lock = lock(endpoints.split(','), name, Duration::from_secs(seconds.parse()?)).await?;
    let _owned = lock.acquire().await?;
    println!("owned");
    future::pending().await
}

async fn lock(
    endpoints: impl IntoIterator<Item = impl Into<String>>,
    name: &str,
    ttl: Duration,
) -> Outcome<LeaseLock> {
    let store = EtcdOptions::new(endpoints).with_timeout(SLACK).with_connect_timeout(SLACK).connect().await?;
    Ok(LeaseLock::builder(store, name).ttl(ttl).build()?)
}

/// An owner in a process of its own, and one who waits here.
pub(crate) struct Pair {
    name: String,
    pub(crate) owner: Process,
    /// When it had acquired.
    pub(crate) waiter: tokio::task::JoinHandle<Outcome<Moment>>,
}

/// Starts pairs, until all waiters have lined up.
pub(crate) fn pairs(
    runtime: &Runtime,
    endpoints: &[String],
    names: Vec<String>,
    ttl: Duration,
) -> Outcome<Vec<Pair>> {
    let start = |name: &String| {
        let program = Program::this_test().args(["--as", "owner", &endpoints.join(","), name]);
        program.arg(ttl.as_secs().to_string()).start()
    };
    let owners: Vec<Process> = names.iter().map(start).collect();
    let mut pairs = Vec::new();
    for (name, owner) in names.into_iter().zip(owners) {
        owner.wait_line("that it owns", |line| line == "owned", PATIENCE);
        let (endpoints, waited_for) = (endpoints.to_vec(), name.clone());
        let waiter = runtime.spawn(async move {
            let owned = lock(endpoints, &waited_for, ttl).await?.acquire().await?;
            let at = SystemClock::new().now();
            owned.release().await?;
            Outcome::Ok(at)
        });
        pairs.push(Pair { name, owner, waiter });
    }
    runtime.block_on(async {
        let mut client = Client::connect(endpoints, None).await?;
        for pair in &pairs {
            while contenders(&mut client, &pair.name).await? < 2 {
                sleep(&SystemClock::new(), LOOK).await;
            }
        }
        Outcome::Ok(())
    })?;
    Ok(pairs)
}

async fn contenders(client: &mut Client, name: &str) -> Result<i64, etcd_client::Error> {
    let all = GetOptions::new().with_prefix().with_count_only();
    Ok(client.get(format!("{name}/"), Some(all)).await?.count())
}

pub(crate) fn now() -> Moment {
    SystemClock::new().now()
}

/// Kills owners at moments of their own while etcd is quiet, several side by side.
pub(crate) fn quiet(runtime: &Runtime, etcd: &Etcd, rounds: usize, side_by_side: usize) -> Outcome {
    let (endpoints, mut rng) = (etcd.endpoints(), Rng::from_env());
    let mut waits = Vec::new();
    for round in 0..rounds {
        let names = (0..side_by_side).map(|number| format!("kill-{round}-{number}")).collect();
        let mut killed = Vec::new();
        for mut pair in pairs(runtime, &endpoints, names, TTL)? {
            // Somewhere between one renewal and the next.
            let_pass(rng.shorter_than(TTL / 3));
            killed.push((now(), pair.waiter));
            pair.owner.kill9();
        }
        for (at, waiter) in killed {
            let acquired =
                runtime.block_on(async { timeout(&SystemClock::new(), PATIENCE, waiter).await })???;
            waits.push(acquired.since(at));
        }
    }
    waits.sort();
    let at = |share: usize| waits[(waits.len() * share / 100).min(waits.len() - 1)];
    judge(
        &format!("{} kills, time to live {TTL:?}: median, p99", waits.len()),
        format_args!("{:.2} s, {:.2} s", at(50).as_secs_f64(), at(99).as_secs_f64()),
        format_args!("p99 <= {:.0} s", (TTL + SLACK).as_secs_f64()),
        at(99) <= TTL + SLACK,
    );
    Ok(())
}
