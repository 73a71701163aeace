//! What is asked of a server and not of its keys.

use super::rows::{BULK, INTEGER, SECOND, anywhere, family, local, reads, refused};
use crate::redis::command::{
    Command, Local,
    route::{OPERATOR, SHARED},
};

pub(super) const COMMANDS: &[Command] = &[
    anywhere("time", 1),
    anywhere("lolwut", -1),
    // Alone it lists all commands; with an argument it is a container.
    anywhere("command", -1),
    local("info", -1, Local::Info),
    local("role", 1, Local::Role),
    family(
        "config",
        &[
            local("config|get", -3, Local::ConfigGet),
            refused("config|set", -4, OPERATOR),
            refused("config|resetstat", 2, OPERATOR),
            refused("config|rewrite", 2, OPERATOR),
            refused("config|help", 2, OPERATOR),
        ],
    ),
    family(
        "memory",
        &[
            reads("memory|usage", -3, SECOND, INTEGER.or(BULK)),
            anywhere("memory|help", 2),
            refused("memory|doctor", 2, OPERATOR),
            refused("memory|malloc-stats", 2, OPERATOR),
            refused("memory|purge", 2, OPERATOR),
            refused("memory|stats", 2, OPERATOR),
        ],
    ),
    local("cluster", -2, Local::NoCluster),
    local("readonly", 1, Local::NoCluster),
    local("readwrite", 1, Local::NoCluster),
    local("asking", 1, Local::NoCluster),
    refused("acl", -2, OPERATOR),
    refused("backup", -1, OPERATOR),
    refused("bgrewriteaof", 1, OPERATOR),
    refused("bgsave", -1, OPERATOR),
    refused("commandlog", -2, OPERATOR),
    refused("debug", -2, OPERATOR),
    refused("failover", -1, OPERATOR),
    refused("hotkeys", -2, OPERATOR),
    refused("lastsave", 1, OPERATOR),
    refused("latency", -2, OPERATOR),
    refused("module", -2, OPERATOR),
    refused("monitor", 1, SHARED),
    refused("psync", -3, OPERATOR),
    refused("replconf", -1, OPERATOR),
    refused("replicaof", 3, OPERATOR),
    refused("save", 1, OPERATOR),
    refused("shutdown", -1, OPERATOR),
    refused("slaveof", 3, OPERATOR),
    refused("slowlog", -2, OPERATOR),
    refused("sync", 1, OPERATOR),
];
