//! Scripts, functions and transactions.

use super::rows::{ANY, ARRAY, BULK, anywhere, counted, everywhere, family, reads, refused, writes};
use crate::redis::command::{
    Command, Everywhere,
    keys::Count,
    route::{OPERATOR, TRANSACTION},
};

pub(super) const COMMANDS: &[Command] = &[
    writes("eval", -3, counted(2, Count::Script), ANY),
    writes("evalsha", -3, counted(2, Count::Script), ANY),
    reads("eval_ro", -3, counted(2, Count::Script), ANY),
    reads("evalsha_ro", -3, counted(2, Count::Script), ANY),
    writes("fcall", -3, counted(2, Count::Function), ANY),
    reads("fcall_ro", -3, counted(2, Count::Function), ANY),
    family(
        "script",
        &[
            everywhere("script|load", 3, BULK, Everywhere::Same),
            everywhere("script|exists", -3, ARRAY, Everywhere::And),
            anywhere("script|help", 2),
            refused("script|debug", 3, OPERATOR),
            refused("script|flush", -2, OPERATOR),
            refused("script|kill", 2, OPERATOR),
            refused("script|show", 3, OPERATOR),
        ],
    ),
    refused("function", -2, OPERATOR),
    refused("multi", 1, TRANSACTION),
    refused("exec", 1, TRANSACTION),
    refused("discard", 1, TRANSACTION),
    refused("watch", -2, TRANSACTION),
    refused("unwatch", 1, TRANSACTION),
];
