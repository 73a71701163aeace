//! How long nobody owns after the owner was killed with `SIGKILL`.

use std::{future, time::Duration};

use entourage::{
    core::{Clock, Moment, SystemClock, sleep, timeout},
    election::LeaseLock,
    store::EtcdOptions,
};
use entourage_rivals::{judge, median};
use entourage_testkit::{Etcd, Process, Program, Rng, let_pass};
use etcd_client::{Client, GetOptions};
use tokio::runtime::Runtime;

use crate::Outcome;

/// The shortest that a server grants by its defaults.
const TTL: Duration = Duration::from_secs(2);
/// Where etcd's own leader dies with the owner.
const FAILOVER_TTL: Duration = Duration::from_secs(5);
/// Beside the time to live.
const SLACK: Duration = Duration::from_secs(1);
/// For what takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is asked whether etcd is back, and has let the lease go.
const LOOK: Duration = Duration::from_millis(20);

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
struct Pair {
    name: String,
    owner: Process,
    /// When it had acquired.
    waiter: tokio::task::JoinHandle<Outcome<Moment>>,
}

/// Starts pairs, until all waiters have lined up.
fn pairs(runtime: &Runtime, endpoints: &[String], names: Vec<String>, ttl: Duration) -> Outcome<Vec<Pair>> {
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

fn now() -> Moment {
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

/// Kills an owner together with the leader of three servers.
///
/// A new leader lets every lease run for its full time and one election time-out more, and looks
/// twice a second for those that are over: when it has let go is asked of etcd itself, beside.
pub(crate) fn failover(runtime: &Runtime, rounds: usize) -> Outcome {
    let mut all = Vec::new();
    for round in 0..rounds {
        let mut etcd = Etcd::cluster(3);
        let endpoints = etcd.endpoints();
        let leader = etcd.leader();
        let name = format!("failover-{round}");
        let mut pair = pairs(runtime, &endpoints, vec![name.clone()], FAILOVER_TTL)?.remove(0);
        let mut survivors = endpoints;
        survivors.remove(leader);
        let at = now();
        etcd.kill9(leader);
        pair.owner.kill9();
        let (elected, gone, acquired) = runtime.block_on(async {
            let (elected, gone) = look(&survivors, &name).await?;
            let acquired = timeout(&SystemClock::new(), PATIENCE, pair.waiter).await???;
            Outcome::Ok((elected.since(at), gone.since(at), acquired.since(at)))
        })?;
        println!(
            "    etcd answers again after {:.2} s, has let the dead owner's lease go after {:.2} s; \
             the next owns after {:.2} s",
            elected.as_secs_f64(),
            gone.as_secs_f64(),
            acquired.as_secs_f64()
        );
        all.push((elected, gone, acquired));
    }
    let longest = all.iter().map(|(elected, _, acquired)| acquired.saturating_sub(*elected)).max();
    let longest = longest.ok_or("no owner was killed")?;
    let own = median(all.iter().map(|(_, gone, acquired)| acquired.saturating_sub(*gone).as_secs_f64()));
    judge(
        &format!("{rounds} kills of owner and etcd's leader, time to live {FAILOVER_TTL:?}"),
        format_args!("election + {:.2} s", longest.as_secs_f64()),
        format_args!("<= election + {:.0} s", (FAILOVER_TTL + SLACK).as_secs_f64()),
        longest <= FAILOVER_TTL + SLACK,
    );
    println!("    of which ours, after etcd has let go: {:.0} ms", own * 1e3);
    Ok(())
}

/// When a server of these answers with a leader, and when only the waiter's key is left.
async fn look(survivors: &[String], name: &str) -> Outcome<(Moment, Moment)> {
    let mut elected = None;
    let give_up = now() + PATIENCE;
    let mut clients = Vec::new();
    for survivor in survivors {
        clients.push(Client::connect([survivor], None).await?);
    }
    loop {
        for client in &mut clients {
            let answer = timeout(&SystemClock::new(), LOOK * 5, contenders(client, name)).await;
            match answer {
                Ok(Ok(left)) if left < 2 => return Ok((elected.unwrap_or_else(now), now())),
                Ok(Ok(_)) => elected = elected.or_else(|| Some(now())),
                _ => {}
            }
        }
        if now() >= give_up {
            return Err("etcd has not let the dead owner's lease go".into());
        }
        sleep(&SystemClock::new(), LOOK).await;
    }
}
