//! Replies, against what a real server gives.

use std::collections::BTreeMap;

use super::{
    super::{Command, Reply, Route, lookup, route::Kind},
    peer::{Peer, lines, redis},
};
use crate::redis::args::Written;

/// Makes a key of every type.
const KEYS: &str = "redis.call('FLUSHALL') redis.call('SET', 'string', 'hello') redis.call('SET', 'number', '41') \
    redis.call('RPUSH', 'list', 'a', 'b', 'a') redis.call('SADD', 'set', 'a', 'b') \
    redis.call('ZADD', 'zset', 1, 'a', 2, 'b') redis.call('HSET', 'hash', 'f', 'v', 'n', '1') \
    redis.call('XADD', 'stream', '1-1', 'f', 'v') redis.call('XGROUP', 'CREATE', 'stream', 'g', '0') \
    redis.call('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'stream', '>') redis.call('XADD', 'stream', '2-1', 'f', 'v') \
    redis.call('PFADD', 'hll', 'a') redis.call('GEOADD', 'geo', '13.3', '38.1', 'a', '15', '37.5', 'b') \
    redis.call('SET', 'volatile', 'v', 'EX', '100') return 1";
const TYPES: [&str; 11] =
    ["missing", "string", "number", "volatile", "list", "set", "zset", "hash", "stream", "hll", "geo"];

/// Every command that is forwarded, in its forms; `@` is a key of each type.
const LINES: &str = "
    DEL @ | DEL @ @ | UNLINK @ | TOUCH @ x | EXISTS @ @ | EXPIRE @ 10 | EXPIRE @ 10 NX |
    PEXPIRE @ 10000 | EXPIREAT @ 9999999999 | PEXPIREAT @ 9999999999999 | PERSIST @ | TTL @ | PTTL @ |
    EXPIRETIME @ | PEXPIRETIME @ | TYPE @ | DUMP @ | RENAME @ x | RENAMENX @ x | RENAMENX @ @ |
    COPY @ x | COPY @ string | COPY @ string REPLACE | SORT @ ALPHA | SORT @ | SORT @ ALPHA STORE x |
    SORT @ BY nosort GET # | SORT_RO @ ALPHA | OBJECT ENCODING @ | OBJECT FREQ @ | OBJECT IDLETIME @ |
    OBJECT REFCOUNT @ | SCAN 0 | SCAN 0 COUNT 1 TYPE set | DBSIZE | GET @ | SET @ v | SET @ v NX |
    SET @ v XX | SET @ v GET | SET @ v NX GET | SET @ v XX GET EX 10 | SET @ v KEEPTTL |
    SET @ v PX 1 EX 1 | MGET @ | MGET @ @ x | MSET @ v | MSET @ v x y | MSETNX @ v | MSETNX @ v x y |
    SETNX @ v | SETEX @ 10 v | SETEX @ 0 v | PSETEX @ 10000 v | GETSET @ v | GETDEL @ | GETEX @ |
    GETEX @ EX 10 | GETEX @ PERSIST | APPEND @ v | STRLEN @ | GETRANGE @ 0 -1 | SUBSTR @ 0 1 |
    SETRANGE @ 1 v | SETRANGE @ -1 v | INCR @ | DECR @ | INCRBY @ 2 | INCRBY @ x | DECRBY @ 2 |
    INCRBYFLOAT @ 1.5 | LCS @ string | LCS @ string LEN | LCS @ string IDX |
    LCS string number IDX WITHMATCHLEN | GETBIT @ 1 | SETBIT @ 1 1 | BITCOUNT @ | BITCOUNT @ 0 -1 BIT |
    BITPOS @ 1 | BITPOS @ 1 0 -1 BYTE | BITOP NOT x @ | BITOP AND x @ string | BITFIELD @ GET u8 0 |
    BITFIELD @ OVERFLOW FAIL INCRBY u2 1 3 | BITFIELD @ | BITFIELD_RO @ GET u8 0 | PFADD @ a b |
    PFADD @ | PFCOUNT @ | PFCOUNT @ hll | PFMERGE @ hll | PFMERGE x @ | HGET @ f | HGET @ x |
    HSET @ f v | HSET @ f v g w | HSETNX @ f v | HMGET @ f x | HMSET @ f v | HGETALL @ | HKEYS @ |
    HVALS @ | HLEN @ | HEXISTS @ f | HSTRLEN @ f | HDEL @ f x | HINCRBY @ n 1 | HINCRBY @ f 1 |
    HINCRBYFLOAT @ n 1.5 | HRANDFIELD @ | HRANDFIELD @ 2 | HRANDFIELD @ -2 WITHVALUES | HSCAN @ 0 |
    LPUSH @ a | RPUSH @ a b | LPUSHX @ a | RPUSHX @ a | LPOP @ | LPOP @ 2 | LPOP @ 0 | RPOP @ |
    RPOP @ 2 | LMPOP 1 @ LEFT | LMPOP 2 x @ RIGHT COUNT 2 | LLEN @ | LINDEX @ 0 | LINDEX @ 9 |
    LRANGE @ 0 -1 | LPOS @ a | LPOS @ x | LPOS @ a COUNT 0 | LPOS @ x COUNT 0 | LPOS @ a RANK 0 |
    LINSERT @ BEFORE b x | LINSERT @ AFTER x x | LSET @ 0 x | LSET @ 9 x | LREM @ 0 a | LTRIM @ 0 1 |
    LMOVE @ x LEFT RIGHT | LMOVE @ string LEFT LEFT | RPOPLPUSH @ x | RPOPLPUSH @ @ | SADD @ a x |
    SREM @ a x | SMOVE @ x a | SMOVE @ x x | SPOP @ | SPOP @ 2 | SPOP @ 0 | SRANDMEMBER @ |
    SRANDMEMBER @ 2 | SRANDMEMBER @ -2 | SCARD @ | SMEMBERS @ | SISMEMBER @ a | SMISMEMBER @ a x |
    SSCAN @ 0 | SINTER @ | SINTER @ set | SUNION @ set | SDIFF @ set | SINTERSTORE x @ set |
    SUNIONSTORE x @ | SDIFFSTORE x @ | SINTERCARD 1 @ | SINTERCARD 2 @ set LIMIT 1 | ZADD @ 1 a |
    ZADD @ NX 1 a | ZADD @ XX CH 5 a | ZADD @ INCR 1 a | ZADD @ NX INCR 1 a | ZADD @ XX INCR 1 x |
    ZINCRBY @ 1 a | ZREM @ a x | ZREMRANGEBYLEX @ - + | ZREMRANGEBYRANK @ 0 -1 |
    ZREMRANGEBYSCORE @ -inf +inf | ZPOPMAX @ | ZPOPMAX @ 2 | ZPOPMIN @ | ZPOPMIN @ 0 | ZMPOP 1 @ MIN |
    ZMPOP 2 x @ MAX COUNT 2 | ZCARD @ | ZCOUNT @ -inf +inf | ZLEXCOUNT @ - + | ZSCORE @ a | ZSCORE @ x |
    ZMSCORE @ a x | ZRANK @ a | ZRANK @ x | ZREVRANK @ a | ZREVRANK @ x | ZRANK @ a WITHSCORE |
    ZREVRANK @ a WITHSCORE | ZRANGE @ 0 -1 | ZRANGE @ 0 -1 REV WITHSCORES | ZRANGEBYLEX @ - + |
    ZRANGEBYSCORE @ -inf +inf | ZREVRANGE @ 0 -1 | ZREVRANGEBYLEX @ + - |
    ZREVRANGEBYSCORE @ +inf -inf LIMIT 0 1 | ZRANDMEMBER @ | ZRANDMEMBER @ 2 |
    ZRANDMEMBER @ -2 WITHSCORES | ZSCAN @ 0 | ZRANGESTORE x @ 0 -1 | ZRANGESTORE x @ 5 9 | ZUNION 1 @ |
    ZUNION 2 @ zset WITHSCORES | ZINTER 2 @ zset | ZDIFF 2 @ zset | ZINTERCARD 2 @ zset LIMIT 1 |
    ZUNIONSTORE x 2 @ zset | ZINTERSTORE x 1 @ | ZDIFFSTORE x 2 zset @ | GEOADD @ 1 1 m |
    GEOADD @ NX CH 1 1 m | GEODIST @ a b | GEODIST @ a x km | GEOHASH @ a x | GEOHASH @ | GEOPOS @ a x |
    GEOPOS @ | GEORADIUS @ 15 37 200 km | GEORADIUS @ 15 37 200 km WITHDIST COUNT 1 |
    GEORADIUS @ 15 37 200 km STORE x | GEORADIUS @ 15 37 200 km STOREDIST x |
    GEORADIUSBYMEMBER @ a 200 km | GEORADIUSBYMEMBER @ x 200 km | GEORADIUSBYMEMBER @ a 200 km STORE x |
    GEORADIUS_RO @ 15 37 200 km | GEORADIUSBYMEMBER_RO @ a 200 km |
    GEOSEARCH @ FROMMEMBER a BYRADIUS 200 km | GEOSEARCH @ FROMLONLAT 15 37 BYBOX 400 400 km WITHCOORD |
    GEOSEARCHSTORE x @ FROMMEMBER a BYRADIUS 200 km | XADD @ * f v | XADD @ 5-1 f v | XADD @ 0-0 f v |
    XADD @ NOMKSTREAM * f v | XADD @ MAXLEN 1 * f v | XACK @ g 1-1 | XACK @ x 1-1 | XDEL @ 1-1 9-9 |
    XTRIM @ MAXLEN 0 | XTRIM @ MAXLEN ~ 1 | XSETID @ 9-9 | XCLAIM @ g d 0 1-1 |
    XCLAIM @ g d 0 1-1 JUSTID | XCLAIM @ x d 0 1-1 | XAUTOCLAIM @ g d 0 0 |
    XAUTOCLAIM @ g d 0 0 JUSTID | XLEN @ | XRANGE @ - + | XREVRANGE @ + - COUNT 1 | XPENDING @ g |
    XPENDING @ g - + 10 | XPENDING @ x | XREAD STREAMS @ 0 | XREAD COUNT 1 STREAMS @ $ |
    XREAD STREAMS @ stream 0 0 | XREADGROUP GROUP g d STREAMS @ > | XREADGROUP GROUP g c STREAMS @ 0 |
    XREADGROUP GROUP x c STREAMS @ > | XGROUP CREATE @ h $ | XGROUP CREATE @ h $ MKSTREAM |
    XGROUP CREATECONSUMER @ g d | XGROUP DELCONSUMER @ g c | XGROUP DESTROY @ g | XGROUP DESTROY @ x |
    XGROUP SETID @ g 0 | XGROUP HELP | XINFO CONSUMERS @ g | XINFO GROUPS @ | XINFO STREAM @ |
    XINFO STREAM @ FULL | XINFO HELP | MEMORY USAGE @ | MEMORY USAGE @ SAMPLES 1 | SCRIPT EXISTS 0 1 |
    SCRIPT HELP
";

/// Kinds of reply that no server as old as this one gives.
fn is_later(command: &Command, kind: Reply) -> bool {
    ["zrank", "zrevrank"].contains(&command.name) && kind == Reply::ARRAY
}

/// A command that is forwarded as it is, by the first words of a line.
fn forwarded(line: &[u8]) -> Option<&'static Command> {
    let written = Written::new(line.split(|byte| *byte == b' '));
    let args = written.args();
    let command = Command::find(&args).ok()?;
    (!matches!(command.route(&args), Route::Local(_) | Route::Refused(_))).then_some(command)
}

#[test]
fn a_real_servers_replies_begin_as_the_table_says() {
    let Some(redis) = redis(&[]) else { return };
    let mut peer = Peer::of(&redis);
    let mut seen: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for policy in ["noeviction", "allkeys-lfu"] {
        assert!(!peer.ask(["CONFIG", "SET", "maxmemory-policy", policy]).is_error());
        // Another policy changes what OBJECT says and nothing else.
        let is_said = |line: &&str| policy == "noeviction" || line.starts_with("OBJECT");
        for line in lines(LINES).filter(is_said) {
            for key in TYPES.iter().take(if line.contains('@') { TYPES.len() } else { 1 }) {
                assert!(!peer.ask(["EVAL", KEYS, "0"]).is_error());
                let line = line.replace('@', key);
                let command = forwarded(line.as_bytes()).unwrap_or_else(|| panic!("{line} is not forwarded"));
                let reply = peer.line(&line);
                assert!(command.reply.allows(reply.first()), "{line}: {reply:?}");
                seen.entry(command.name).or_default().push(reply.first());
            }
        }
    }
    // What holds bytes or many words.
    for (name, reply) in [
        ("restore", {
            assert!(!peer.ask(["EVAL", KEYS, "0"]).is_error());
            let super::Value::Bulk(Some(dumped)) = peer.line("DUMP list") else { panic!("a list is dumped") };
            peer.ask([b"RESTORE".as_slice(), b"x", b"0", &dumped])
        }),
        ("script|load", peer.ask(["SCRIPT", "LOAD", "return 1"])),
    ] {
        let command = forwarded(format!("{} x x x", name.replace('|', " ")).as_bytes())
            .or_else(|| forwarded(format!("{} x", name.replace('|', " ")).as_bytes()))
            .unwrap_or_else(|| panic!("{name} is not forwarded"));
        assert!(command.reply.allows(reply.first()), "{name}: {reply:?}");
        seen.entry(command.name).or_default().push(reply.first());
    }
    // Each kind that the table allows was seen, so that it allows no more than it must.
    for described in peer.commands() {
        let words = described.name.replace('|', " ") + " 1 2 3 4 5 6 7 8 9";
        let least = usize::from(described.arity.unsigned_abs()).max(words.split(' ').count() - 9);
        let words: Vec<_> = words.split(' ').take(least).collect();
        let Some(command) = forwarded(words.join(" ").as_bytes()).filter(|row| row.name == described.name)
        else {
            continue;
        };
        if command.reply == Reply::ANY {
            // What a script answers, and what every server answers alike and was not listed above.
            let is_script = command.name.starts_with("eval") || command.name.starts_with("fcall");
            let is_any = is_script || matches!(command.kind, Kind::Route(Route::Anywhere));
            assert!(is_any, "{} need not allow every reply", command.name);
            continue;
        }
        let seen = seen.get(command.name).unwrap_or_else(|| panic!("{} has no line", command.name));
        for (first, kind) in
            [(b'+', Reply::STATUS), (b':', Reply::INTEGER), (b'$', Reply::BULK), (b'*', Reply::ARRAY)]
        {
            let is_due = command.reply.allows(first) && !is_later(command, kind);
            assert_eq!(seen.contains(&first), is_due, "{}: {}", command.name, char::from(first));
        }
    }
}

#[test]
fn an_error_may_come_in_place_of_any_reply_and_what_is_no_reply_in_place_of_none() {
    for name in ["get", "set", "del", "eval", "mget"] {
        let reply = lookup(name.as_bytes()).expect("it is a command").reply;
        assert!(reply.allows(b'-'), "{name}");
        for other in (0..=u8::MAX).filter(|byte| !b"+-:$*".contains(byte)) {
            assert!(!reply.allows(other), "{name}: {other}");
        }
    }
    let get = lookup(b"GET").expect("it is a command").reply;
    assert!(get.allows(b'$') && !get.allows(b'+') && !get.allows(b':') && !get.allows(b'*'));
}
