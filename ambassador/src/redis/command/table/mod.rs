//! The table of commands: those of Redis 7.0, and what later ones and Valkey added.

mod collections;
mod connection;
mod generic;
mod modules;
mod rows;
mod scripts;
mod server;
mod sorted_sets;
mod streams;
mod strings;

pub(super) use self::modules::{MODULE, SEARCH};
use super::Command;

const GROUPS: [&[Command]; 9] = [
    generic::COMMANDS,
    strings::COMMANDS,
    collections::COMMANDS,
    sorted_sets::COMMANDS,
    streams::COMMANDS,
    scripts::COMMANDS,
    modules::COMMANDS,
    connection::COMMANDS,
    server::COMMANDS,
];

const COUNT: usize = {
    let (mut count, mut group) = (0, 0);
    while group < GROUPS.len() {
        count += GROUPS[group].len();
        group += 1;
    }
    count
};

/// Every command, the containers once each.
pub(super) static COMMANDS: [Command; COUNT] = {
    let (mut all, mut filled, mut group) = ([GROUPS[0][0]; COUNT], 0, 0);
    while group < GROUPS.len() {
        let mut row = 0;
        while row < GROUPS[group].len() {
            all[filled] = GROUPS[group][row];
            filled += 1;
            row += 1;
        }
        group += 1;
    }
    all
};
