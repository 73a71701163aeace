//! The same requests to both: the same answers, but for what is stated here.

use entourage_testkit::Redis;

use super::{Client, Pair, are_installed};

/// Requests that both answer alike, in this order.
const ALIKE: [&str; 86] = [
    "PING",
    "SET a 1",
    "GET a",
    "get a",
    "GET absent",
    "SETNX a 2",
    "SETEX e 1000 v",
    "PSETEX e 1000000 v",
    "GETSET a 3",
    "APPEND a 4",
    "STRLEN a",
    "INCR n",
    "INCRBY n 5",
    "DECR n",
    "DECRBY n -9223372036854775804",
    "INCRBYFLOAT f 1.5",
    "GETRANGE a 0 0",
    "SETRANGE a 1 zz",
    "INCR a",
    "SETBIT b 7 1",
    "GETBIT b 7",
    "BITCOUNT b",
    "MSET x 1 y 2 z 3 w 4",
    "MGET x y z w x absent x",
    "MGET x",
    "MGET absent",
    "DEL x x absent",
    "DEL y z w absent",
    "DEL absent",
    "MGET x y z w",
    "MSET {t}1 a {t}2 b",
    "MGET {t}2 {t}1 {t}2",
    "EXISTS a",
    "EXISTS absent",
    "TYPE a",
    "EXPIRE a 1000",
    "PERSIST a",
    "PERSIST a",
    "TTL a",
    "TOUCH a n absent",
    "UNLINK a n absent",
    "HSET h f v",
    "HSET h f v g w",
    "HGET h f",
    "HMGET h f g absent",
    "HGETALL h",
    "HLEN h",
    "HEXISTS h f",
    "HINCRBY h n 7",
    "HDEL h f g",
    "GET h",
    "MGET h h",
    "INCR h",
    "LPUSH l 1 2 3",
    "RPUSH l 4",
    "LRANGE l 0 -1",
    "LLEN l",
    "LPOP l",
    "RPOP l",
    "LINDEX l 0",
    "LSET l 0 x",
    "LSET l 99 x",
    "LREM l 0 x",
    "LTRIM l 0 0",
    "SADD s a b",
    "SCARD s",
    "SISMEMBER s a",
    "SREM s a b",
    "SMEMBERS s",
    "ZADD zs 1 a 2 b",
    "ZRANGE zs 0 -1 WITHSCORES",
    "ZSCORE zs a",
    "ZINCRBY zs 1.5 a",
    "ZCARD zs",
    "ZCOUNT zs 0 9",
    "ZRANK zs b",
    "ZREM zs a",
    "PFADD p a b",
    "PFCOUNT p",
    "SADD {t}s a b",
    "SADD {t}r b c",
    "SINTERSTORE {t}d {t}s {t}r",
    "SMEMBERS {t}d",
    "EVAL return{KEYS[1],ARGV[1]} 1 a b",
    "EVAL return{KEYS[1],KEYS[2]} 2 {t}1 {t}2",
    "EXPIRE absent 1",
];

/// Requests that nutcracker closes the connection on, without a word; how the answer to them begins here.
///
/// Modern clients begin with some of them, and a connection that is closed takes the others' requests
/// with it.
const CLOSED: [(&str, &str); 20] = [
    ("GET", "-ERR wrong number of arguments"),
    ("NOSUCH a", "-ERR unknown command"),
    ("PING hi", "$2\r\nhi\r\n"),
    ("ECHO hi", "$2\r\nhi\r\n"),
    ("SELECT 0", "+OK\r\n"),
    ("HELLO 2", "*"),
    ("HELLO 3", "-NOPROTO"),
    ("CLIENT SETNAME me", "+OK\r\n"),
    ("CLIENT SETINFO LIB-NAME x", "+OK\r\n"),
    ("INFO", "$"),
    ("DBSIZE", ":"),
    ("SCAN 0", "*2\r\n"),
    ("XADD stream 1-1 f v", "$3\r\n1-1\r\n"),
    ("EVAL return(1) 0", "-ERR 'eval' names no key"),
    ("AUTH somebody secret", "-"),
    ("MULTI", "-ERR 'multi' is not served"),
    ("SUBSCRIBE c", "-ERR 'subscribe' is not served"),
    ("BLPOP l 1", "-ERR 'blpop' is not served"),
    ("RENAME a b", "-"),
    ("QUIT", "+OK\r\n"),
];

fn pool(servers: &[Redis], more: &str) -> String {
    let servers: String = (0..)
        .zip(servers)
        .map(|(number, server)| format!("    - {}:1 s{number}\n", server.endpoint()))
        .collect();
    format!(
        "pool:\n  listen: {{listen}}\n  redis: true\n  hash: md5\n  hash_tag: \"{{}}\"\n  timeout: 20000\n{more}  servers:\n{servers}"
    )
}

/// Three servers, and both in front of them.
pub(super) fn start(flags: &[&str], more: &str) -> ([Redis; 3], Pair) {
    let servers = Redis::shards_with(flags);
    let pair = Pair::start(&pool(&servers, more));
    (servers, pair)
}

#[test]
fn requests_are_answered_as_nutcracker_answers_them() {
    if !are_installed() {
        return;
    }
    let (servers, pair) = start(&[], "");
    let told = |mut client: Client| {
        servers.iter().for_each(|server| drop(server.cli(["FLUSHALL"])));
        ALIKE.map(|line| (line, client.told(line)))
    };
    let (theirs, ours) = (told(pair.theirs(0)), told(pair.ours(0)));
    for (theirs, ours) in theirs.iter().zip(&ours) {
        assert_eq!(theirs, ours);
    }
    assert!(theirs.iter().filter(|(_, told)| told.starts_with('-')).count() < 9, "errors are no answers");
}

#[test]
fn requests_that_nutcracker_closes_on_are_answered_and_the_connection_goes_on() {
    if !are_installed() {
        return;
    }
    let (_servers, pair) = start(&[], "");
    let mut ours = pair.ours(0);
    for (line, begins) in CLOSED {
        assert_eq!(pair.theirs(0).told(line), "closed", "{line}");
        let told = ours.told(line);
        assert!(told.starts_with(begins), "{told:?} to {line}");
        if line != "QUIT" {
            assert_eq!(ours.told("PING"), "+PONG\r\n", "after {line}");
        }
    }
    assert_eq!(ours.told("PING"), "closed", "after QUIT");
    // On one line, as a person types it.
    for (mut client, expected) in [(pair.theirs(0), None), (pair.ours(0), Some(b"+PONG\r\n".to_vec()))] {
        client.send(b"PING\r\n");
        assert_eq!(client.reply(), expected);
    }
}

#[test]
fn keys_of_several_servers_are_all_counted_where_nutcracker_asks_the_first_alone() {
    if !are_installed() {
        return;
    }
    let (_servers, pair) = start(&[], "");
    let mut ours = pair.ours(0);
    let keys: Vec<_> = (0..30).map(|number| format!("key{number}")).collect();
    for key in &keys {
        assert_eq!(ours.told(&format!("SET {key} v")), "+OK\r\n");
    }
    let exists = format!("EXISTS {}", keys.join(" "));
    assert_eq!(ours.told(&exists), ":30\r\n");
    let theirs = pair.theirs(0).told(&exists);
    assert!(theirs.starts_with(':') && theirs != ":30\r\n", "{theirs}");
    // A command that needs them together would read the first server's alone.
    let union = format!("SUNION {}", keys.join(" "));
    assert!(ours.told(&union).starts_with("-CROSSSLOT"));
}
