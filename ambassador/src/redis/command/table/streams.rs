//! Streams, and messages that are not kept.

use super::rows::{
    ANY, ARRAY, BULK, INTEGER, KEY, SECOND, STATUS, anywhere, family, reads, refused, unless, writes,
};
use crate::redis::command::{
    Command, Keys,
    guard::Guard,
    route::{PUBLISH, SUBSCRIBE},
};

pub(super) const COMMANDS: &[Command] = &[
    writes("xadd", -5, KEY, BULK),
    writes("xack", -4, KEY, INTEGER),
    writes("xdel", -3, KEY, INTEGER),
    writes("xtrim", -4, KEY, INTEGER),
    writes("xsetid", -3, KEY, STATUS),
    writes("xclaim", -6, KEY, ARRAY),
    writes("xautoclaim", -6, KEY, ARRAY),
    reads("xlen", 2, KEY, INTEGER),
    reads("xrange", -4, KEY, ARRAY),
    reads("xrevrange", -4, KEY, ARRAY),
    reads("xpending", -3, KEY, ARRAY),
    unless(Guard::Block, reads("xread", -4, Keys::Streams, ARRAY)),
    unless(Guard::Block, writes("xreadgroup", -7, Keys::Streams, ARRAY)),
    family(
        "xgroup",
        &[
            writes("xgroup|create", -5, SECOND, STATUS),
            writes("xgroup|createconsumer", 5, SECOND, INTEGER),
            writes("xgroup|delconsumer", 5, SECOND, INTEGER),
            writes("xgroup|destroy", 4, SECOND, INTEGER),
            writes("xgroup|setid", -5, SECOND, STATUS),
            anywhere("xgroup|help", 2),
        ],
    ),
    family(
        "xinfo",
        &[
            reads("xinfo|consumers", 4, SECOND, ARRAY),
            reads("xinfo|groups", 3, SECOND, ARRAY),
            reads("xinfo|stream", -3, SECOND, ARRAY),
            anywhere("xinfo|help", 2),
        ],
    ),
    // Redis 8.2, 8.6 and 8.8
    writes("xackdel", -6, KEY, ANY),
    writes("xdelex", -5, KEY, ANY),
    writes("xcfgset", -3, KEY, ANY),
    writes("xnack", -4, KEY, ANY),
    refused("publish", 3, PUBLISH),
    refused("spublish", 3, PUBLISH),
    refused("subscribe", -2, SUBSCRIBE),
    refused("psubscribe", -2, SUBSCRIBE),
    refused("ssubscribe", -2, SUBSCRIBE),
    refused("unsubscribe", -1, SUBSCRIBE),
    refused("punsubscribe", -1, SUBSCRIBE),
    refused("sunsubscribe", -1, SUBSCRIBE),
    refused("pubsub", -2, SUBSCRIBE),
];
