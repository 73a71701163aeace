//! Strings, bits and cardinalities.

use super::rows::{ALL, ANY, ARRAY, BULK, INTEGER, KEY, STATUS, TWO, range, reads, refused, split, writes};
use crate::redis::command::{Command, Keys, Split, keys::Count, route::OPERATOR};

pub(super) const COMMANDS: &[Command] = &[
    reads("get", 2, KEY, BULK),
    writes("set", -3, KEY, STATUS.or(BULK)),
    split("mget", -2, ALL, ARRAY, Split::Mget),
    split("mset", -3, range(1, -1, 2), STATUS, Split::Mset),
    writes("msetnx", -3, range(1, -1, 2), INTEGER),
    writes("setnx", 3, KEY, INTEGER),
    writes("setex", 4, KEY, STATUS),
    writes("psetex", 4, KEY, STATUS),
    writes("getset", 3, KEY, BULK),
    writes("getdel", 2, KEY, BULK),
    writes("getex", -2, KEY, BULK),
    writes("append", 3, KEY, INTEGER),
    reads("strlen", 2, KEY, INTEGER),
    reads("getrange", 4, KEY, BULK),
    reads("substr", 4, KEY, BULK),
    writes("setrange", 4, KEY, INTEGER),
    writes("incr", 2, KEY, INTEGER),
    writes("decr", 2, KEY, INTEGER),
    writes("incrby", 3, KEY, INTEGER),
    writes("decrby", 3, KEY, INTEGER),
    writes("incrbyfloat", 3, KEY, BULK),
    reads("lcs", -3, TWO, BULK.or(INTEGER).or(ARRAY)),
    reads("getbit", 3, KEY, INTEGER),
    writes("setbit", 4, KEY, INTEGER),
    reads("bitcount", -2, KEY, INTEGER),
    reads("bitpos", -3, KEY, INTEGER),
    writes("bitop", -4, range(2, -1, 1), INTEGER),
    writes("bitfield", -2, KEY, ARRAY),
    reads("bitfield_ro", -2, KEY, ARRAY),
    writes("pfadd", -2, KEY, INTEGER),
    // Of several keys it only reads; of one it may write down what it has counted.
    writes("pfcount", -2, ALL, INTEGER),
    writes("pfmerge", -2, ALL, STATUS),
    refused("pfdebug", 3, OPERATOR),
    refused("pfselftest", 1, OPERATOR),
    // Redis 8.4 and 8.8
    writes("msetex", -4, Keys::Counted { at: 1, step: 2, has_destination: false, words: Count::Pop }, ANY),
    writes("increx", -2, KEY, ANY),
];
