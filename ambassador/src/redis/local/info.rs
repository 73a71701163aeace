//! INFO.

use std::{env::consts, fmt::Write};

use super::{Args, Facts, Writer};

/// The sections, with what INFO without arguments has.
const SECTIONS: [&str; 6] = ["server", "clients", "persistence", "stats", "replication", "cluster"];

/// What is told of the proxy to whoever asks a Redis: the fields that clients and tools read.
///
/// Of the servers behind it nothing is told, neither their memory nor how many keys they have.
pub(super) fn info(args: &Args<'_>, facts: &Facts<'_>, out: &mut Writer<'_>) {
    let asked = |section: &str| {
        let is_of = |asked: &[u8]| {
            let all = ["all", "everything", "default"];
            all.iter().chain([&section]).any(|name| asked.eq_ignore_ascii_case(name.as_bytes()))
        };
        args.len() == 1 || args.iter().skip(1).any(is_of)
    };
    let mut text = String::new();
    for section in SECTIONS.into_iter().chain(["keyspace"]) {
        if asked(section) {
            let gap = if text.is_empty() { "" } else { "\r\n" };
            let (first, rest) = section.split_at(1);
            write!(text, "{gap}# {}{rest}\r\n", first.to_ascii_uppercase())
                .expect("a string takes every text");
            for (field, value) in fields(section, facts) {
                write!(text, "{field}:{value}\r\n").expect("a string takes every text");
            }
        }
    }
    out.bulk(text.as_bytes());
}

fn fields(section: &str, facts: &Facts<'_>) -> Vec<(&'static str, String)> {
    let uptime = facts.uptime().as_secs();
    match section {
        "server" => vec![
            ("redis_version", facts.version.to_owned()),
            ("redis_mode", "standalone".to_owned()),
            ("os", format!("{} {}", consts::OS, consts::ARCH)),
            ("arch_bits", usize::BITS.to_string()),
            ("multiplexing_api", "tokio".to_owned()),
            ("process_id", facts.process.to_string()),
            ("tcp_port", facts.port.to_string()),
            ("uptime_in_seconds", uptime.to_string()),
            ("uptime_in_days", (uptime / 86_400).to_string()),
            ("entourage_version", env!("CARGO_PKG_VERSION").to_owned()),
        ],
        "clients" => {
            vec![("connected_clients", facts.clients.to_string()), ("blocked_clients", "0".to_owned())]
        }
        // Clients wait while a server is loading.
        "persistence" => vec![("loading", "0".to_owned())],
        "stats" => vec![
            ("total_connections_received", facts.connections.to_string()),
            ("total_commands_processed", facts.commands.to_string()),
        ],
        "replication" => vec![("role", "master".to_owned()), ("connected_slaves", "0".to_owned())],
        "cluster" => vec![("cluster_enabled", "0".to_owned())],
        _ => Vec::new(),
    }
}
