//! Modules' commands: those whose keys are not just the first argument.

use super::rows::{ANY, KEY, TWO, counted, family, range, reads, refused, stored, unless, writes};
use crate::redis::command::{
    Command,
    guard::Guard,
    keys::Count,
    route::{BLOCKS, LISTS_KEYS, OPERATOR},
};

const INDEX: &str = "an index has the keys of one shard only; search at each server";

/// What holds for every other command of a module.
pub(in crate::redis::command) static MODULE: Command = writes("of a module", -2, KEY, ANY);
/// What holds for every other command that begins with `FT.`.
pub(in crate::redis::command) static SEARCH: Command = refused("ft.search", -1, INDEX);

pub(super) const COMMANDS: &[Command] = &[
    reads("json.mget", -3, range(1, -2, 1), ANY),
    writes("json.mset", -4, range(1, -1, 3), ANY),
    family(
        "json.debug",
        &[
            reads("json.debug|memory", -3, range(2, 2, 1), ANY),
            reads("json.debug|fields", -3, range(2, 2, 1), ANY),
        ],
    ),
    writes("ts.madd", -4, range(1, -1, 3), ANY),
    writes("ts.createrule", -6, TWO, ANY),
    writes("ts.deleterule", 3, TWO, ANY),
    refused("ts.mget", -2, LISTS_KEYS),
    refused("ts.mrange", -4, LISTS_KEYS),
    refused("ts.mrevrange", -4, LISTS_KEYS),
    refused("ts.queryindex", -2, LISTS_KEYS),
    refused("ts.querylabels", -1, LISTS_KEYS),
    reads("ts.nrange", -4, counted(1, Count::Pop), ANY),
    reads("ts.nrevrange", -4, counted(1, Count::Pop), ANY),
    unless(Guard::Option("block", BLOCKS), reads("ts.read", -3, KEY, ANY)),
    writes("cms.merge", -4, stored(Count::Pop), ANY),
    writes("tdigest.merge", -4, stored(Count::Pop), ANY),
    refused("bf.debug", -2, OPERATOR),
    writes("ft.sugadd", -4, KEY, ANY),
    writes("ft.sugdel", 3, KEY, ANY),
    reads("ft.sugget", -3, KEY, ANY),
    reads("ft.suglen", 2, KEY, ANY),
    refused("graph.config", -1, OPERATOR),
    refused("graph.list", -1, LISTS_KEYS),
    refused("tfcall", -1, OPERATOR),
    refused("tfcallasync", -1, BLOCKS),
    refused("tfunction", -1, OPERATOR),
];
