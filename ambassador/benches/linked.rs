//! What routing costs: alone, and over a client's own connections.
//!
//! `cargo bench -p entourage-ambassador --bench linked [-- --commands 40000] [--shards 10]`
//!
//! The first table is the time of a command that a shard answers at once: through that shard's
//! service itself, and through the router. The second is the CPU time of this thread, of which
//! the router has its part, over the connections of the crate `redis` to three servers; there each
//! way sends the same commands to the same servers, 64 at a time. The way without the router is
//! told beforehand which server has each key.

use std::{
    convert::Infallible,
    env,
    fmt::Debug,
    future::{Ready, poll_fn, ready},
    hint::black_box,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use entourage_ambassador::linked::{Command, Reply, Router, RouterBuilder};
use entourage_core::{Clock, SystemClock};
use entourage_sharding::HashTag;
use entourage_testkit::Redis;
use tower_service::Service;

#[path = "../tests/it/linked/connection.rs"]
mod connection;

use self::connection::Connection;

/// Rounds of the first table are short, so that most of them are not interrupted.
const ROUNDS: usize = 301;
const ROUNDS_OVER_CONNECTIONS: usize = 31;
const KEYS: usize = 1_024;
const AT_ONCE: usize = 64;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let smoke = !arguments.iter().any(|argument| argument == "--bench");
    let named = |name: &str| {
        arguments.iter().position(|found| found == name).and_then(|at| arguments.get(at + 1)?.parse().ok())
    };
    let commands: usize = named("--commands").unwrap_or(if smoke { 64 } else { 40_000 });
    alone(commands / 8, named("--shards").unwrap_or(10));
    match Redis::available() {
        Ok(()) => over_connections(commands),
        Err(why) => println!("without Redis there is no second table: {why}"),
    }
}

/// A shard that answers at once, with what is ready: as many values as keys.
#[derive(Clone)]
struct Shard(Rc<[Reply]>);

impl Shard {
    fn new() -> Self {
        let nulls = |count| Reply::array((0..count).map(|_| Reply::null()));
        Self((0..=10).map(nulls).collect())
    }
}

impl Service<Command> for Shard {
    type Response = Reply;
    type Error = Infallible;
    type Future = Ready<Result<Reply, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, command: Command) -> Self::Future {
        let is_mget = black_box(&command).name().len() == 4;
        ready(Ok(if is_mget { self.0[command.args().count()].clone() } else { Reply::null() }))
    }
}

/// Keys of 17 bytes, as the bars have them.
fn keys() -> Vec<String> {
    (0..KEYS).map(|number| format!("key:{:013}", number * 7_919)).collect()
}

/// One command of each key; what a caller builds it of is ready.
type Build = fn(&[String], usize) -> Command;

const LOADS: [(&str, Build); 4] = [
    ("GET", |keys, at| Command::new("GET").arg(&keys[at % KEYS])),
    ("SET, 64 bytes", |keys, at| Command::new("SET").arg(&keys[at % KEYS]).arg([b'x'; 64])),
    ("MGET of 10, one tag", |keys, at| {
        let tag = &keys[at % KEYS][4..];
        (0..10).fold(Command::new("MGET"), |command, key| command.arg(format!("{{{tag}}}{key}")))
    }),
    ("MGET of 10", |keys, at| {
        (at..at + 10).fold(Command::new("MGET"), |command, at| command.arg(&keys[at % KEYS]))
    }),
];

fn alone(commands: usize, shards: usize) {
    let builder = Router::builder().hash_tag(HashTag::new(b'{', b'}'));
    let add = |builder: RouterBuilder<_>, number| builder.shard(format!("shard{number}"), 1, Shard::new());
    let router = (0..shards).fold(builder, add).build().expect("they make a ring");
    let keys = keys();
    println!("ketama over {shards} shards; ns a command, medians of {ROUNDS} alternating rounds");
    println!("{:<20} {:>8} {:>8} {:>8}", "", "shard", "routed", "routing");
    for (name, build) in LOADS {
        let (mut plain, mut routed, mut both) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            plain.push(nanoseconds(Shard::new(), &keys, commands, build));
            routed.push(nanoseconds(router.clone(), &keys, commands, build));
            both.push(routed[routed.len() - 1] - plain[plain.len() - 1]);
        }
        let [plain, routed, both] = [plain, routed, both].map(median);
        println!("{name:<20} {plain:>8.0} {routed:>8.0} {both:>8.0}");
    }
}

/// The time of a command, from the key to the reply.
fn nanoseconds<S>(mut service: S, keys: &[String], commands: usize, build: Build) -> f64
where
    S: Service<Command, Response = Reply>,
    S::Error: Debug,
{
    let clock = SystemClock::new();
    let mut context = Context::from_waker(Waker::noop());
    let began = clock.now();
    for at in 0..commands {
        let _ = service.poll_ready(&mut context);
        let mut future = pin!(service.call(build(keys, at)));
        let Poll::Ready(reply) = future.as_mut().poll(&mut context) else { panic!("it answers at once") };
        black_box(reply.expect("it does not fail"));
    }
    clock.now().since(began).as_secs_f64() * 1e9 / commands as f64
}

fn over_connections(commands: usize) {
    let servers = [Redis::start(), Redis::start(), Redis::start()];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("it can be made").block_on(async {
        let (mut builder, mut connections) = (Router::builder(), Vec::new());
        for server in &servers {
            let connection = Connection::to(&server.endpoint()).await;
            builder = builder.shard(server.endpoint(), 1, connection.clone());
            connections.push(connection);
        }
        let mut router = builder.build().expect("they make a ring");
        let names: Vec<_> = router.names().map(str::to_owned).collect();
        let keys = keys();
        let place = |key: &String| names.iter().position(|name| name == router.shard_of(key.as_bytes()));
        let places: Vec<_> = keys.iter().map(|key| place(key).expect("one of them")).collect();
        println!("over connections of the crate redis; CPU µs of the client's thread a command");
        println!("{:<20} {:>8} {:>8} {:>8}", "", "client", "routed", "ratio");
        for (name, build) in &LOADS[..2] {
            let (mut plain, mut routed, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..ROUNDS_OVER_CONNECTIONS {
                let client = |at: usize| connections[places[at % KEYS]].call(build(&keys, at));
                plain.push(microseconds(client, commands).await);
                routed.push(microseconds(|at| router.call(build(&keys, at)), commands).await);
                ratios.push(routed[routed.len() - 1] / plain[plain.len() - 1]);
            }
            let [plain, routed, ratio] = [plain, routed, ratios].map(median);
            println!("{name:<20} {plain:>8.2} {routed:>8.2} {ratio:>8.3}");
        }
    });
}

/// The CPU time of a command, with so many on their way that the client is hardly idle.
async fn microseconds<F, E>(mut call: impl FnMut(usize) -> F, commands: usize) -> f64
where
    F: Future<Output = Result<Reply, E>>,
    E: Debug,
{
    let began = cpu_seconds();
    for first in (0..commands).step_by(AT_ONCE) {
        let mut calls: Vec<_> = (first..first + AT_ONCE).map(|at| Some(Box::pin(call(at)))).collect();
        poll_fn(|context| {
            for place in &mut calls {
                if let Some(call) = place
                    && let Poll::Ready(reply) = call.as_mut().poll(context)
                {
                    black_box(reply.expect("the server is there"));
                    *place = None;
                }
            }
            if calls.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
    (cpu_seconds() - began) * 1e6 / commands as f64
}

/// CPU seconds of this thread, which is the one that works; the kernel counts nanoseconds.
fn cpu_seconds() -> f64 {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = counted.split_whitespace().next().and_then(|text| text.parse::<f64>().ok());
    nanoseconds.expect("the kernel counts the time of threads") / 1e9
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
