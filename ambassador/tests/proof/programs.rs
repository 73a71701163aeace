//! Clients and tools that others have written, as they come.

use std::{
    collections::HashSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use entourage_ambassador::{Options, ShardProxy};
use entourage_testkit::{Program, Redis, Requirement, Scratch, mimic::Trial};

use crate::{DEADLINE, proxy};

pub(crate) fn trials() -> Vec<Trial> {
    let redis = || Requirement::from(Redis::available());
    let with = |other: Requirement| if redis() == Requirement::Met { other } else { redis() };
    vec![
        redis().trial("redis", "redis_rs_does_what_it_does_at_a_server", || proxy::run(redis_rs())),
        with(Requirement::program("redis-benchmark"))
            .trial("redis", "redis_benchmark_runs_through", || proxy::run(redis_benchmark())),
        redis().trial("redis", "redis_cli_pipes_what_it_has", || proxy::run(redis_cli_pipe())),
        with(python()).trial("redis-py", "redis_py_does_what_it_does_at_a_server", || proxy::run(redis_py())),
        with(node()).trial("node-redis", "node_redis_does_what_it_does_at_a_server", || {
            proxy::run(node_program("node-redis.mjs", &["redis", "redis-newest"]));
        }),
        with(node()).trial("ioredis", "ioredis_does_what_it_does_at_a_server", || {
            proxy::run(node_program("ioredis.mjs", &["ioredis"]));
        }),
    ]
}

/// Three real servers behind a proxy.
struct Served {
    _shards: [Redis; 3],
    _proxy: ShardProxy,
    address: SocketAddr,
}

impl Served {
    async fn start() -> Self {
        let shards = Redis::shards();
        let servers: Vec<_> = shards.iter().map(Redis::endpoint).collect();
        let (proxy, address) = proxy::start(&servers, &["timeout: 5000"], Options::default()).await;
        Self { _shards: shards, _proxy: proxy, address }
    }

    /// Runs a program to its end, which is to be a good one; what it said.
    async fn run(&self, program: Program) -> String {
        let ended = tokio::task::spawn_blocking(move || program.start().wait(DEADLINE).succeeded());
        let ended = ended.await.expect("it ends well");
        ended.stdout + &ended.stderr
    }

    fn port(&self) -> String {
        self.address.port().to_string()
    }
}

async fn redis_rs() {
    let served = Served::start().await;
    let client = redis::Client::open(format!("redis://{}", served.address)).expect("it is an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("the handshake is served");
    let mut pipe = redis::pipe();
    for n in 0..200 {
        pipe.cmd("SET").arg(format!("key:{n}")).arg(n).ignore();
    }
    for n in 0..200 {
        pipe.cmd("GET").arg(format!("key:{n}"));
    }
    let values: Vec<u32> = pipe.query_async(&mut connection).await.expect("each is served by its shard");
    assert_eq!(values, (0..200).collect::<Vec<_>>());
    let keys: Vec<_> = (0..200).rev().map(|n| format!("key:{n}")).collect();
    let values: Vec<Option<u32>> =
        redis::cmd("MGET").arg(&keys).arg("none").query_async(&mut connection).await.expect("it is merged");
    assert_eq!(values, (0..200).rev().map(Some).chain([None]).collect::<Vec<_>>());
    let (mut seen, mut cursor) = (HashSet::new(), 0_u64);
    loop {
        let (next, page): (u64, Vec<String>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("COUNT")
            .arg(30)
            .query_async(&mut connection)
            .await
            .expect("a page");
        seen.extend(page);
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen, keys.iter().cloned().collect());
    let refused: redis::RedisError = redis::cmd("INCRBY")
        .arg("key:1")
        .arg("x")
        .query_async::<i64>(&mut connection)
        .await
        .expect_err("no number");
    assert!(refused.to_string().contains("not an integer"), "{refused}");
    let apart: redis::RedisError =
        redis::cmd("RENAME").arg("key:1").arg("key:2").query_async::<()>(&mut connection).await.map_or_else(
            |e| e,
            |()| {
                // They may be on one shard; then it is done.
                redis::RedisError::from((redis::ErrorKind::Client, "one shard"))
            },
        );
    assert!(!apart.is_connection_dropped(), "an error leaves the connection as it is: {apart}");
    let gone: u32 = redis::cmd("DEL").arg(&keys[..100]).query_async(&mut connection).await.expect("the sum");
    assert!(gone >= 98, "{gone}");
}

async fn redis_benchmark() {
    let served = Served::start().await;
    let flags = ["-n", "4000", "-r", "1000", "-t", "ping,set,get,incr,mset", "--csv"];
    for pipeline in ["1", "16"] {
        let program =
            Program::new("redis-benchmark").args(["-p", &served.port(), "-P", pipeline]).args(flags);
        let said = served.run(program).await;
        assert!(said.contains("\"MSET (10 keys)\""), "{said}");
        assert!(!said.to_lowercase().contains("error"), "{said}");
    }
}

async fn redis_cli_pipe() {
    let served = Served::start().await;
    let scratch = Scratch::new();
    let file = scratch.join("commands");
    let commands: String = (0..20_000).map(|n| format!("SET piped:{n} {n}\r\n")).collect();
    fs::write(&file, commands).expect("a temporary directory can be written to");
    let line = format!("redis-cli -p {} --pipe < {}", served.port(), file.display());
    let said = served.run(Program::new("sh").args(["-c", &line])).await;
    assert!(said.contains("errors: 0, replies: 20000"), "{said}");
    let said = served.run(Program::new("redis-cli").args(["-p", &served.port(), "GET", "piped:19999"])).await;
    assert_eq!(said.trim(), "19999");
}

/// As it comes, and the newest, which has to be told that this is RESP2.
async fn redis_py() {
    let served = Served::start().await;
    for packages in ["", "newest"] {
        let python = folder("python").join("venv/bin/python");
        let program = Program::new(python).env("PYTHONPATH", folder("python").join(packages));
        let said =
            served.run(program.arg(source("redis_py.py")).args([served.port().as_str(), packages])).await;
        assert!(said.contains("all is well"), "{said}");
    }
}

async fn node_program(script: &str, packages: &[&str]) {
    let served = Served::start().await;
    // Modules are found from where a program lies.
    let program = folder("node").join(script);
    fs::copy(source(script), &program).expect("the folder is there");
    for package in packages {
        let said =
            served.run(Program::new("node").arg(&program).args([served.port().as_str(), *package])).await;
        assert!(said.contains("all is well"), "{said}");
    }
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proof/programs").join(name)
}

/// Where what the registries gave is kept, from run to run.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("proof").join(name)
}

/// Python with redis-py, installed if need be.
fn python() -> Requirement {
    let folder = folder("python");
    installed(&folder, &source("requirements.txt"), || {
        run(Command::new("python3").args(["-m", "venv", "--clear", "venv"]).current_dir(&folder))?;
        let flags = ["-m", "pip", "install", "--quiet", "--retries=1", "--timeout=20"];
        let pip = || {
            let mut pip = Command::new(folder.join("venv/bin/python"));
            pip.args(flags).current_dir(&folder);
            pip
        };
        run(pip().arg("-r").arg(source("requirements.txt")))?;
        run(pip().args(["--target", "newest", "redis==8.1.0"]))
    })
}

/// Node with node-redis and ioredis, installed if need be.
fn node() -> Requirement {
    let folder = folder("node");
    installed(&folder, &source("package.json"), || {
        fs::copy(source("package.json"), folder.join("package.json")).map_err(|error| error.to_string())?;
        let flags = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"];
        let patience = ["--fetch-retries=1", "--fetch-timeout=20000", "--loglevel=error"];
        run(Command::new("npm").arg("install").args(flags).args(patience).current_dir(&folder))
    })
}

/// What this manifest names, installed unless it was.
fn installed(folder: &Path, manifest: &Path, install: impl Fn() -> Result<(), String>) -> Requirement {
    let done = folder.join("installed");
    let wanted = fs::read_to_string(manifest).expect("it lies beside this file");
    if fs::read_to_string(&done).is_ok_and(|done| done == wanted) {
        return Requirement::Met;
    }
    let made = fs::create_dir_all(folder).map_err(|error| error.to_string());
    // Last, so that one that was ended in the middle begins again.
    let made = made
        .and_then(|()| install())
        .and_then(|()| fs::write(&done, &wanted).map_err(|error| error.to_string()));
    made.map_or_else(Requirement::Unfetched, |()| Requirement::Met)
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command.output().map_err(|error| format!("{program} cannot be run: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("{program} failed: {}", said.lines().next().unwrap_or("it said nothing")))
}
