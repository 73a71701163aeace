//! Keys, whatever they hold.

use super::rows::{
    ALL, ANY, ARRAY, BULK, INTEGER, KEY, SECOND, STATUS, TWO, anywhere, everywhere, family, reads, refused,
    row, split, unless, writes,
};
use crate::redis::command::{
    Command, Everywhere, Keys, Route, Split,
    guard::Guard,
    route::{ALL_KEYS, BLOCKS, LISTS_KEYS, ONE_DATABASE, OPERATOR},
};

pub(super) const COMMANDS: &[Command] = &[
    split("del", -2, ALL, INTEGER, Split::Del),
    split("unlink", -2, ALL, INTEGER, Split::Unlink),
    split("touch", -2, ALL, INTEGER, Split::Touch),
    split("exists", -2, ALL, INTEGER, Split::Exists),
    writes("expire", -3, KEY, INTEGER),
    writes("pexpire", -3, KEY, INTEGER),
    writes("expireat", -3, KEY, INTEGER),
    writes("pexpireat", -3, KEY, INTEGER),
    writes("persist", 2, KEY, INTEGER),
    reads("ttl", 2, KEY, INTEGER),
    reads("pttl", 2, KEY, INTEGER),
    reads("expiretime", 2, KEY, INTEGER),
    reads("pexpiretime", 2, KEY, INTEGER),
    reads("type", 2, KEY, STATUS),
    reads("dump", 2, KEY, BULK),
    writes("restore", -4, KEY, STATUS),
    writes("rename", 3, TWO, STATUS),
    writes("renamenx", 3, TWO, INTEGER),
    unless(Guard::Option("db", ONE_DATABASE), writes("copy", -3, TWO, INTEGER)),
    unless(Guard::Pattern, writes("sort", -2, Keys::Sort, ARRAY.or(INTEGER))),
    unless(Guard::Pattern, reads("sort_ro", -2, KEY, ARRAY)),
    family(
        "object",
        &[
            reads("object|encoding", 3, SECOND, BULK),
            reads("object|freq", 3, SECOND, INTEGER.or(BULK)),
            reads("object|idletime", 3, SECOND, INTEGER.or(BULK)),
            reads("object|refcount", 3, SECOND, INTEGER.or(BULK)),
            anywhere("object|help", 2),
        ],
    ),
    // Redis 8.4, and Valkey 9.0
    writes("delex", -2, KEY, ANY),
    reads("digest", 2, KEY, ANY),
    writes("delifeq", 3, KEY, ANY),
    row("scan", -2, Keys::None, ARRAY, Route::Scan),
    everywhere("dbsize", 1, INTEGER, Everywhere::Sum),
    refused("keys", 2, LISTS_KEYS),
    refused("randomkey", 1, LISTS_KEYS),
    refused("flushall", -1, ALL_KEYS),
    refused("flushdb", -1, ALL_KEYS),
    refused("move", 3, ONE_DATABASE),
    refused("swapdb", 3, ONE_DATABASE),
    refused("migrate", -6, OPERATOR),
    refused("restore-asking", -4, OPERATOR),
    refused("wait", 3, BLOCKS),
    refused("waitaof", 4, BLOCKS),
];
