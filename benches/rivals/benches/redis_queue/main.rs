//! `RedisQueue` against raw Streams, apalis, BullMQ and Celery, all on one server of Redis.
//!
//! `scripts/bench --only rivals/redis_queue [-- DIRECTORY] [--volatile] [--durable] [--ours]`
//!
//! The server is started by this, twice: once it keeps nothing on the disk, and once what it
//! acknowledges is there (`--appendonly yes --appendfsync always`), in DIRECTORY; for all alike.
//! Items have 100 bytes. A turn empties the server, publishes a number of items, and then receives
//! and accepts them one batch after the other, with one task, until none is left; the third column
//! is both, one after the other. Each round another contender begins.
//!
//! * `RedisQueue` opens as it does by default: ids are remembered, attempts have fences, limits hold.
//! * Raw Streams are the `redis` crate: a hundred `XADD` in a pipeline; `XREADGROUP COUNT 100`, then
//!   `XACK` and `XDEL` in a pipeline. One at a time, that is one round trip, and two.
//! * apalis: `push_bulk` of a hundred, and a worker that fetches a hundred. It fails with more than
//!   about 8,000 tasks waiting, and is given less.
//! * BullMQ in Node: `addBulk` of a hundred and 50 at once, or `add` and one at a time.
//! * Celery in Python: `apply_async`, and a worker of the pool `solo`.
//!
//! Programs in other languages are in node/ and python/, and are installed by npm and pip when this
//! first runs. With `--ours` only Streams are compared.

mod apalis_queue;
mod foreign;
mod install;
mod ours;
mod streams;
mod table;

use std::{
    env, error::Error, fs, os::unix::process::CommandExt, process::Command, thread::available_parallelism,
    time::Duration,
};

use entourage::core::{SystemClock, timeout};
use entourage_rivals::{Asked, Contender, Figure, print, say_where};
use entourage_testkit::Redis;
use tokio::runtime::Runtime;

use crate::{
    foreign::Foreign,
    table::{COLUMNS, Kind, TABLES, say_bars},
};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const BATCH: usize = 100;
const ROUNDS: usize = 5;
/// How long a contender may take over a turn, of which all need a few seconds at most.
const PATIENCE: Duration = Duration::from_secs(120);
const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// What a contender does in one turn.
#[derive(Clone, Copy)]
struct Load {
    items: usize,
    batch: usize,
    /// Of how many keys the items are; none if 0.
    keys: usize,
}

impl Load {
    /// The key of the item of this number, if it has one.
    fn key(self, number: usize) -> Option<String> {
        (self.keys > 0).then(|| format!("key-{}", number % self.keys))
    }
}

fn payload() -> String {
    "x".repeat(100)
}

fn main() -> Outcome {
    let asked = Asked::new();
    let arguments: Vec<String> = env::args().skip(1).collect();
    if asked.folder() != env::temp_dir() {
        // The server's data lies where temporary files do, which a process learns when it starts.
        fs::create_dir_all(asked.folder())?;
        let mut again = Command::new(env::current_exe()?);
        return Err(again.args(&arguments).env("TMPDIR", asked.folder()).exec().into());
    }
    let is_named = |part: &str| arguments.iter().any(|argument| argument == part);
    if let Err(why) = Redis::available() {
        println!("absent: redis_queue, {why}");
        return Ok(());
    }
    let is_any = !is_named("--volatile") && !is_named("--durable");
    if is_any || is_named("--volatile") {
        compare(&asked, &[], is_named("--ours"))?;
    }
    if is_any || is_named("--durable") {
        compare(&asked, &DURABLE, is_named("--ours"))?;
    }
    Ok(())
}

/// All tables on a server with these flags.
fn compare(asked: &Asked, flags: &[&str], is_ours: bool) -> Outcome {
    let server = Redis::start_with(flags);
    let endpoint = server.endpoint();
    say_setting(&server, flags)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut foreign = Vec::new();
    for (kind, install) in
        [(Kind::BullMq, install::bullmq as fn(&str, bool) -> _), (Kind::Celery, install::celery)]
    {
        let started = if is_ours {
            Err("it was not asked for".into())
        } else {
            install(&endpoint, asked.is_taste).and_then(|command| Foreign::start(kind.name(), command))
        };
        match started {
            Ok(program) => {
                println!("{}: {}", kind.name(), program.command());
                foreign.push((kind, program));
            }
            Err(why) => println!("{}: absent, {why}", kind.name()),
        }
    }
    println!("the others: this program");
    let mut here: Vec<Kind> = foreign.iter().map(|(kind, _)| *kind).collect();
    here.extend((!is_ours).then_some(Kind::Apalis));
    here.push(Kind::Streams);
    for table in &TABLES {
        let is_here = |kind: Kind| here.contains(&kind) || kind == Kind::Ours;
        let kinds: Vec<Kind> = table.kinds().filter(|kind| is_here(*kind)).collect();
        let mut contenders: Vec<Contender> = kinds.iter().map(|kind| Contender::new(kind.name())).collect();
        // The first round is not counted: code has not run yet, nor caches filled.
        for round in 0..=if asked.is_taste { 1 } else { ROUNDS } {
            for nth in 0..kinds.len() {
                let which = (round + nth) % kinds.len();
                let kind = kinds[which];
                if kind != Kind::Ours && !here.contains(&kind) {
                    continue;
                }
                let items = if asked.is_taste { 200 } else { kind.items(table, !flags.is_empty()) };
                let load = Load { items, batch: table.batch, keys: table.keys };
                let _ = server.cli(["FLUSHALL", "SYNC"]);
                match turn(&runtime, kind, &endpoint, load, &mut foreign) {
                    Ok([published, consumed]) if round > 0 => {
                        contenders[which].push([published, consumed, published.then(consumed)]);
                    }
                    Ok(_) => {}
                    // Without these two there is no comparison.
                    Err(error) if matches!(kind, Kind::Ours | Kind::Streams) => return Err(error),
                    Err(error) => {
                        println!("{}: left out from now on, {error}", kind.name());
                        here.retain(|here| *here != kind);
                    }
                }
            }
        }
        println!("\n{}, {}", table.what, setting(flags));
        let mut compared = kinds.into_iter().zip(contenders);
        let Some((_, ours)) = compared.next() else { continue };
        let (kinds, theirs): (Vec<_>, Vec<_>) = compared.filter(|(kind, _)| here.contains(kind)).unzip();
        print(&COLUMNS, &ours, &theirs);
        for (rival, theirs) in kinds.iter().filter_map(|kind| table.rival(*kind)).zip(&theirs) {
            say_bars(rival, &ours, theirs);
        }
    }
    Ok(())
}

fn turn(
    runtime: &Runtime,
    kind: Kind,
    endpoint: &str,
    load: Load,
    foreign: &mut [(Kind, Foreign)],
) -> Outcome<[Figure; 2]> {
    let clock = SystemClock::new();
    match kind {
        Kind::Ours => runtime.block_on(timeout(&clock, PATIENCE, ours::turn(endpoint, load)))?,
        Kind::Streams => runtime.block_on(timeout(&clock, PATIENCE, streams::turn(endpoint, load)))?,
        Kind::Apalis => runtime.block_on(timeout(&clock, PATIENCE, apalis_queue::turn(endpoint, load)))?,
        Kind::BullMq | Kind::Celery => {
            let program = foreign.iter_mut().find(|(here, _)| *here == kind);
            program.ok_or("it was not started")?.1.turn(load)
        }
    }
}

const fn setting(flags: &[&str]) -> &'static str {
    if flags.is_empty() { "nothing on the disk" } else { "each write on the disk when it is acknowledged" }
}

/// What the figures are of.
fn say_setting(server: &Redis, flags: &[&str]) -> Outcome {
    let said = server.cli(["INFO", "server"]).stdout;
    let version = said.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    println!("\nRedis {}, {} processors, load {load}", version.trim(), available_parallelism()?);
    if !flags.is_empty() {
        say_where(&env::temp_dir())?;
    }
    let flags = if flags.is_empty() { "--appendonly no".to_owned() } else { flags.join(" ") };
    println!("redis-server --bind 127.0.0.1 --save '' {flags}");
    println!("a second, processor microseconds of the client for one, and how many times theirs ours is;");
    println!("medians of {ROUNDS} alternating rounds, items of 100 bytes");
    Ok(())
}
