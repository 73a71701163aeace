//! The router beside a proxy, over the same servers of Redis.

use entourage_ambassador::{
    Options, ShardProxy,
    linked::{Command, Error, Reply, ResponseFuture, Router},
    nutcracker::{Config, Listen, Pool},
};
use entourage_testkit::{Redis, Requirement};
use tower_service::Service;

use super::connection::Connection;

const POOLS: [&str; 3] = [
    "  hash: md5\n  hash_tag: \"{}\"\n",
    "  hash: fnv1a_64\n  distribution: modula\n",
    "  hash: murmur\n  hash_tag: \"||\"\n",
];

/// Whether there is a Redis; says so where it is required.
fn is_installed() -> bool {
    Requirement::from(Redis::available()).is_met("redis")
}

fn config(servers: &[Redis], more: &str) -> Config {
    let listed: String = (1..)
        .zip(servers)
        .map(|(weight, server)| format!("   - {}:{weight} server{weight}\n", server.endpoint()))
        .collect();
    let text = format!("pool:\n  listen: 127.0.0.1:1\n  redis: true\n{more}  servers:\n{listed}");
    let mut config = Config::parse(&text).unwrap_or_else(|invalid| panic!("{invalid}\n{text}"));
    config.pools[0].listen = Listen::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
    config
}

async fn router(pool: &Pool) -> Router<Connection> {
    let mut connections = Vec::new();
    for server in &pool.servers {
        connections.push(Connection::to(&server.address.to_string()).await);
    }
    let mut connections = connections.into_iter();
    let service = |_: &_| connections.next().expect("there is one for each server");
    Router::of(pool, &Options::default(), service).expect("it is a pool of Redis")
}

fn command<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
    let mut words = words.into_iter();
    let name = Command::new(words.next().expect("a command has a name"));
    words.fold(name, Command::arg)
}

/// What the router answers, which must not fail.
async fn ask(router: &mut Router<Connection>, command: Command) -> Reply {
    let asked = command.to_string();
    router.call(command).await.unwrap_or_else(|error| panic!("{asked}: {error:?}"))
}

fn on_a_runtime(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("it can be made").block_on(test);
}

#[test]
fn every_key_is_where_the_proxy_of_the_same_pool_has_it() {
    if !is_installed() {
        return;
    }
    let servers = Redis::shards::<3>();
    let keys: Vec<_> = (0..60)
        .flat_map(|number| {
            ["{tag%}:part", "|tag%|:part", "key:%", "\u{e9}\u{1f511}%"]
                .map(|key| key.replace('%', &number.to_string()))
        })
        .collect();
    on_a_runtime(async {
        for (round, more) in POOLS.into_iter().enumerate() {
            let config = config(&servers, more);
            let mut router = router(&config.pools[0]).await;
            let proxy = ShardProxy::start(config, Options::default()).await.expect("it can listen");
            let address = proxy.addresses()[0].expect("it listens at a port");
            let mut proxied = Connection::to(&address.to_string()).await;
            for key in &keys {
                // Each pool has names of its own.
                let value = format!("{round}:{key}");
                let set = ask(&mut router, command(["SET", key, &value])).await;
                assert_eq!(set, Reply::status("OK"));
                let get = proxied.call(command(["GET", key])).await.expect("the proxy answers");
                assert_eq!(get, Reply::bulk(&value), "{key} in {more}");
                let server =
                    (0..3).find(|server| router.shard_of(key.as_bytes()) == format!("server{}", server + 1));
                let mut home = Connection::to(&servers[server.expect("it is one of them")].endpoint()).await;
                let get = home.call(command(["GET", key])).await.expect("the server answers");
                assert_eq!(get, Reply::bulk(value), "{key} in {more}");
            }
        }
    });
}

#[test]
fn a_command_is_answered_as_the_proxy_answers_it() {
    if !is_installed() {
        return;
    }
    let servers = Redis::shards::<3>();
    let listed: String = (0..40).map(|number| format!(" k{number}")).collect();
    let stored: String = (0..40).map(|number| format!(" k{number} v{number}")).collect();
    let commands = [
        format!("MSET{stored}"),
        format!("MGET{listed} k1 missing k1"),
        "MGET k1".to_owned(),
        format!("EXISTS{listed} k1 missing"),
        format!("mget{listed}"),
        "MSET k1 1 k2".to_owned(),
        "DEL k0 k2 k4 k6 k8 missing".to_owned(),
        format!("TOUCH{listed}"),
        "UNLINK k10 k11 k12".to_owned(),
        "DBSIZE".to_owned(),
        "LPUSH list a b c".to_owned(),
        "LRANGE list 0 -1".to_owned(),
        "GET list".to_owned(),
        "INCRBY least -9223372036854775808".to_owned(),
        "SINTERSTORE {t}a {t}b {t}c".to_owned(),
        "SINTERSTORE a b c d e f g".to_owned(),
        "EVAL return{KEYS[1],{1,{}}} 1 k1".to_owned(),
        "EVAL return(1) 0".to_owned(),
        "SCRIPT LOAD return(1)".to_owned(),
        "SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db 00".to_owned(),
        "PING".to_owned(),
        "PING message".to_owned(),
        "ECHO message".to_owned(),
        "SELECT 0".to_owned(),
        "SELECT 1".to_owned(),
        "HELLO 3".to_owned(),
        "CLIENT SETNAME linked".to_owned(),
        "CLIENT GETNAME".to_owned(),
        "RESET".to_owned(),
        "AUTH password".to_owned(),
        "KEYS *".to_owned(),
        "MULTI".to_owned(),
        "NOSUCH thing".to_owned(),
        "CLIENT NOSUCH".to_owned(),
        "GET".to_owned(),
        "SUBSCRIBE news".to_owned(),
        "BLPOP list 0".to_owned(),
        "SCAN nothing".to_owned(),
    ];
    on_a_runtime(async {
        let config = config(&servers, "  hash: md5\n");
        let mut router = router(&config.pools[0]).await;
        let proxy = ShardProxy::start(config, Options::default()).await.expect("it can listen");
        let address = proxy.addresses()[0].expect("it listens at a port");
        let mut proxied = Connection::to(&address.to_string()).await;
        let mut linked = Vec::new();
        for words in &commands {
            linked.push(ask(&mut router, command(words.split_whitespace())).await);
        }
        // What the first turn has changed and the second does not set is as before.
        for key in ["list", "least"] {
            ask(&mut router, command(["DEL", key])).await;
        }
        for (words, linked) in commands.iter().zip(linked) {
            let reply = proxied.call(command(words.split_whitespace())).await.expect("the proxy answers");
            let [linked, proxied] = [linked, reply].map(|reply| reply.frame().escape_ascii().to_string());
            assert_eq!(linked, proxied, "{words}");
        }

        // SCAN shows each key once, with cursors that the proxy would go on from.
        let (mut cursor, mut found) = ("0".to_owned(), 0);
        loop {
            let scan = command(["SCAN", &cursor, "COUNT", "5"]);
            let linked = ask(&mut router, scan.clone()).await;
            assert_eq!(proxied.call(scan).await.expect("the proxy answers"), linked);
            let parts: Vec<_> = linked.elements().collect();
            found += parts[1].elements().count();
            cursor = String::from_utf8(parts[0].clone().into_bulk().expect("a cursor").to_vec()).unwrap();
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(ask(&mut router, command(["DBSIZE"])).await, Reply::integer(found as i64));
    });
}

#[test]
fn a_killed_server_takes_only_its_keys_with_it() {
    if !is_installed() {
        return;
    }
    let mut servers = Redis::shards::<3>();
    let keys: Vec<_> = (0..60).map(|number| format!("key{number}")).collect();
    on_a_runtime(async {
        let mut router = router(&config(&servers, "  hash: md5\n").pools[0]).await;
        for key in &keys {
            ask(&mut router, command(["SET", key, "here"])).await;
        }
        servers[1].kill9();
        let mut failed = 0;
        for key in &keys {
            let is_lost = router.shard_of(key.as_bytes()) == "server2";
            match router.call(command(["GET", key])).await {
                Ok(reply) => assert!(!is_lost && reply == Reply::bulk("here"), "{key}: {reply:?}"),
                Err(Error::Shard(error)) => assert!(is_lost && error.shard() == "server2", "{key}: {error}"),
                Err(error) => panic!("{key}: {error}"),
            }
            failed += usize::from(is_lost);
        }
        assert!(failed > 0 && failed < keys.len());
        let mget = command(["MGET"].into_iter().chain(keys.iter().map(String::as_str)));
        let error = router.call(mget).await.expect_err("a part of it is no answer");
        assert_eq!(error.to_string(), "2 of 3 shards have answered, and the reply takes them all");
    });
}

#[test]
fn a_router_and_its_futures_go_to_other_threads_where_the_services_may() {
    const fn is_sent<T: Send + 'static>() {}
    is_sent::<Router<Connection>>();
    is_sent::<ResponseFuture<Connection>>();
}
