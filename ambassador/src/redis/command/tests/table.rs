//! The table, against that of a real server.

use std::collections::BTreeSet;

use super::{
    super::{Command, Route, guard::Guard, lookup, route::Kind, table::COMMANDS},
    peer::{Described, Peer, redis},
};

/// What servers after 7.0 have, or modules.
const LATER: &str = "
    arcount ardel ardelrange arget argetrange argrep arinfo arinsert arlastitems arlen armget armset
    arnext arop arring arscan arseek arset backup blmovem commandlog delex delifeq digest hexpire
    hexpireat hexpiretime hgetdel hgetex himport hotkeys hpersist hpexpire hpexpireat hpexpiretime hpttl
    hsetex httl increx lmovem msetex sdiffcard sunioncard tfcall tfcallasync tfunction vadd vcard vdim
    vemb vgetattr vinfo vismember vlinks vrandmember vrange vrem vsetattr vsim waitaof xackdel xcfgset
    xdelex xnack
";

/// What is forwarded though the server marks it, and why that is right.
fn is_forwarded_all_the_same(row: &Command, flag: &str) -> bool {
    let name = row.name;
    match flag {
        // Refused where their arguments say BLOCK.
        "blocking" | "@blocking" => row.guard == Guard::Block && ["xread", "xreadgroup"].contains(&name),
        // Scripts do not call scripts, but clients do.
        "noscript" => name.starts_with("eval") || name.starts_with("fcall") || name.starts_with("script|"),
        // They are slow, or overwrite a key as other commands do; twemproxy has them too.
        "@dangerous" => ["restore", "sort", "sort_ro"].contains(&name),
        _ => false,
    }
}

/// The row of a command, or of the container that stands for all its sub-commands.
fn row(described: &Described) -> &'static Command {
    let (container, verb) = match described.name.split_once('|') {
        Some((container, verb)) => (container, Some(verb)),
        None => (described.name.as_str(), None),
    };
    let row = lookup(container.as_bytes()).unwrap_or_else(|| panic!("{container} is not in the table"));
    match (row.kind, verb) {
        (Kind::Family(members), Some(verb)) => {
            let member = members.iter().find(|member| member.verb() == verb.as_bytes());
            member.unwrap_or_else(|| panic!("{} is not in the table", described.name))
        }
        _ => row,
    }
}

#[test]
fn every_command_of_a_real_server_is_in_the_table_with_as_many_arguments() {
    let Some(redis) = redis(&[]) else { return };
    let commands = Peer::of(&redis).commands();
    assert!(commands.len() > 350, "{} commands are not those of a real server", commands.len());
    for described in &commands {
        let row = row(described);
        if row.name == described.name && !row.name.starts_with("zrank") && !row.name.starts_with("zrevrank") {
            assert_eq!(row.arity, described.arity, "{}", row.name);
        }
    }
    let known: BTreeSet<_> = commands.iter().map(|described| described.name.as_str()).collect();
    let more: Vec<_> =
        COMMANDS.iter().map(|command| command.name).filter(|name| !known.contains(name)).collect();
    let unexpected: Vec<_> = more
        .iter()
        .filter(|name| !name.contains('.') && !LATER.split_whitespace().any(|later| later == **name))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:?} are no commands");
}

#[test]
fn what_blocks_subscribes_or_administers_is_never_forwarded() {
    let Some(redis) = redis(&[]) else { return };
    let mut refused = 0;
    for described in Peer::of(&redis).commands() {
        let row = row(&described);
        let Kind::Route(route) = row.kind else { continue };
        let is_forwarded = !matches!(route, Route::Local(_) | Route::Refused(_));
        refused += usize::from(!is_forwarded);
        for flag in
            ["blocking", "pubsub", "noscript", "admin", "@admin", "@blocking", "@dangerous", "@pubsub"]
        {
            let is_marked = described.flags.iter().any(|own| own == flag);
            let is_excused = is_forwarded_all_the_same(row, flag);
            assert!(!(is_marked && is_forwarded) || is_excused, "{} is {flag} and {route:?}", described.name);
        }
    }
    assert!(refused > 150, "only {refused} are not forwarded");
}

#[test]
fn what_is_called_a_read_is_one_to_the_server() {
    let Some(redis) = redis(&[]) else { return };
    for described in Peer::of(&redis).commands() {
        let row = row(&described);
        if row.is_read() && matches!(row.kind, Kind::Route(Route::Keyed | Route::Split(_))) {
            assert!(described.flags.iter().any(|flag| flag == "readonly"), "{} writes", described.name);
        }
    }
}
