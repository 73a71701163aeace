//! The proxy beside nutcracker, over the same three servers of Redis, in the same run.
//!
//! `cargo bench -p entourage-ambassador --bench nutcracker -- [ROUNDS]`
//!
//! `redis-benchmark` with 50 clients and values of 64 bytes over 100,000 keys: without pipelining, 16
//! requests at a time, and MGET of ten keys over all servers. The two take turns, round by round; the
//! numbers are medians. CPU is that of the proxy's process, user and system, for a million requests:
//! where the load has the same cores, it tells more than requests a second do. Each runs in a process of
//! its own: ours is this program, started once more.

mod load;
mod meter;

use std::{
    env,
    error::Error,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use entourage_ambassador::{
    Options, ShardProxy,
    nutcracker::{Config, Listen},
};
use entourage_testkit::{Nutcracker, Redis};

use self::{
    load::{LOADS, Load, fill},
    meter::{Meter, Round, median},
};

/// The variable that makes this program the proxy, with the configuration that it serves.
const SERVE: &str = "ENTOURAGE_BENCH_SERVE";

fn main() -> Result<(), Box<dyn Error>> {
    if let Ok(text) = env::var(SERVE) {
        return serve(&text);
    }
    if let Err(absent) = Redis::available().and_then(|()| Nutcracker::available()) {
        println!("ignored: {absent}");
        return Ok(());
    }
    let rounds = env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(5);
    let shards = Redis::shards::<3>();
    let listed: String =
        shards.iter().map(|shard| format!("   - {}:1 {}\n", shard.endpoint(), shard.endpoint())).collect();
    let pool = |listen: &str| {
        format!(
            "alpha:\n  listen: {listen}\n  hash: fnv1a_64\n  distribution: ketama\n  redis: true\n  \
             timeout: 5000\n  servers:\n{listed}"
        )
    };
    let nutcracker = Nutcracker::start(&pool("{listen}"));
    let (mut child, ours) = start(&pool("127.0.0.1:1"))?;
    let rivals = [("nutcracker", nutcracker.endpoint(), nutcracker.pid()), ("ours", ours, child.id())];
    fill(&rivals[0].1);
    println!("medians of {rounds} rounds; 50 clients, 64-byte values, three shards");
    println!(
        "{:<8} {:<11} {:>10} {:>9} {:>9} {:>9} {:>8}",
        "load", "", "req/s", "p50 ms", "p99 ms", "CPU s/M", "RSS MiB"
    );
    for load in LOADS {
        compare(load, &rivals, rounds);
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// Runs one load through both, in turns, and prints what it cost each.
fn compare(load: Load, rivals: &[(&str, String, u32); 2], rounds: usize) {
    let mut measured: [Vec<Round>; 2] = [Vec::new(), Vec::new()];
    for (_, endpoint, _) in rivals {
        load.run(endpoint, load.requests / 20);
    }
    for round in 0..rounds {
        let mut order = [0, 1];
        order.rotate_left(round % 2);
        for rival in order {
            let (_, endpoint, process) = &rivals[rival];
            let meter = Meter::start(*process);
            let run = load.run(endpoint, load.requests);
            measured[rival].push(meter.end(run, load.requests));
        }
    }
    let of = |rival: usize, read: fn(&Round) -> f64| median(measured[rival].iter().map(read).collect());
    for (rival, (name, ..)) in rivals.iter().enumerate() {
        println!(
            "{:<8} {name:<11} {:>10.0} {:>9.3} {:>9.3} {:>9.2} {:>8.1}",
            load.name,
            of(rival, |round| round.per_second),
            of(rival, |round| round.p50),
            of(rival, |round| round.p99),
            of(rival, |round| round.cpu),
            of(rival, |round| round.rss),
        );
    }
    let ratio = |read: fn(&Round) -> f64| {
        median(measured[1].iter().zip(&measured[0]).map(|(ours, theirs)| read(ours) / read(theirs)).collect())
    };
    println!(
        "{:<8} {:<11} {:>10.2} {:>9} {:>9.2} {:>9.2} {:>8.2}",
        load.name,
        "ratio",
        ratio(|round| round.per_second),
        "",
        ratio(|round| round.p99),
        ratio(|round| round.cpu),
        ratio(|round| round.rss),
    );
}

/// Starts this program once more, as the proxy; where it listens.
fn start(pool: &str) -> Result<(Child, String), Box<dyn Error>> {
    let mut child = Command::new(env::current_exe()?)
        .env(SERVE, pool)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut address = String::new();
    BufReader::new(child.stdout.as_mut().ok_or("it has an output")?).read_line(&mut address)?;
    Ok((child, address.trim().to_owned()))
}

/// Serves until whoever started it is gone.
fn serve(text: &str) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut config = Config::parse(text)?;
    config.pools[0].listen = Listen::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
    let proxy = runtime.block_on(ShardProxy::start(config, Options::default()))?;
    println!("{}", proxy.addresses()[0].ok_or("it listens at a port")?);
    std::io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}
