//! Which keys a change moves.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use entourage_sharding::{Comparison, Diff, Finding, Surveyed};
use serde_json::{Value, json};

use super::{
    becoming::Becoming,
    by_flags::Flags,
    counted::Source,
    pairs::{self, Pair},
    placing::Placing,
    shown::{Object, Shown, map},
};
use crate::{Common, exit::Usage, output::unless_left};

/// So many are made up where nobody says how many.
const MILLION: u64 = 1_000_000;

/// Say how many keys move from where to where when one configuration takes the place of another
///
/// One JSON object a pool: `keys`, `moved`, `moved_fraction`, `moves` (from, to and how many),
/// `old` and `new`, the servers with the part of the keys that each gets (`share`) and that its weight
/// deserves (`ideal`), and `findings`: servers that get no keys, or too many, hashes whose bits do
/// not change, and warnings of the files. Keys come from standard input, one a line and each once; on a terminal a million are
/// made up.
#[derive(Args)]
pub(crate) struct DiffRings {
    /// A nutcracker.yml: twice, the old one and the new one; a comma between them in the variable [default: none]
    #[arg(short, long, env = "ENTOURAGE_CONF_FILE", value_name = "FILE", value_delimiter = ',', conflicts_with_all = ["server", "dialect", "hash", "tag", "chars"])]
    conf_file: Vec<PathBuf>,
    /// The pool that is compared [default: all, each with that of its name]
    #[arg(long, env = "ENTOURAGE_POOL", value_name = "NAME", conflicts_with = "server")]
    pool: Option<String>,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    becoming: Becoming,
    /// Lines of standard input are hex digits
    #[arg(long, env = "ENTOURAGE_HEX")]
    hex: bool,
    /// Make up so many keys, `key-0` and so on, in place of those of standard input; a million unless said [default: only where standard input is a terminal]
    #[arg(long, env = "ENTOURAGE_GENERATE", value_name = "N", num_args = 0..=1, default_missing_value = "1000000")]
    generate: Option<u64>,
}

impl DiffRings {
    pub(super) fn main(&self, common: &Common) -> Result<ExitCode> {
        let pairs = self.pairs()?;
        let mut comparisons = Vec::new();
        for pair in &pairs {
            if let Pair::Both(old, new) = pair {
                let comparison = Comparison::new(&*old.function, &*new.function)?;
                comparisons.push((old, comparison.with_tags(old.tag, new.tag)));
            }
        }
        if common.check {
            return Ok(ExitCode::SUCCESS);
        }
        let are_addresses = comparisons.iter().any(|(placing, _)| placing.is_of_addresses);
        let generated = |count| Source::Generated { count, are_addresses };
        let from = match self.generate {
            Some(count) => generated(count),
            None if io::stdin().is_terminal() => generated(MILLION),
            None => Source::Stdin { is_hex: self.hex },
        };
        let count = from.each(|key| {
            for (placing, comparison) in &mut comparisons {
                comparison.add(&placing.asked(key));
            }
        })?;
        if count == 0 {
            bail!("there were no keys to compare; write them to standard input, or say --generate");
        }
        let mut shown = Shown::new(io::stdout());
        let mut compared = comparisons.into_iter();
        for pair in &pairs {
            let object = match pair {
                Pair::Both(old, new) => {
                    let (_, comparison) = compared.next().expect("there is one for each two");
                    of_both(old, new, from, &comparison.finish())
                }
                Pair::Only { pool, is_new } => {
                    let side = if *is_new { "new" } else { "old" };
                    Object::new().with("pool", pool.as_str()).with("only", side)
                }
                Pair::Anywhere { pool } => {
                    let why = "distribution: random sends a key to any server";
                    Object::new().with("pool", pool.as_str()).with("not_compared", why)
                }
            };
            if !unless_left(shown.object(object)).context("cannot write")? {
                return Ok(ExitCode::SUCCESS);
            }
        }
        unless_left(shown.flush()).context("cannot write")?;
        Ok(ExitCode::SUCCESS)
    }

    fn pairs(&self) -> Result<Vec<Pair>> {
        let usage = |why: &str| Err(Usage(why.to_owned()).into());
        match &self.conf_file[..] {
            [old, new] if !self.becoming.is_said() => pairs::of_files(old, new, self.pool.as_deref()),
            [] if self.flags.is_named() && self.becoming.is_said() => {
                let new = self.becoming.of(&self.flags);
                pairs::of_two(self.flags.placing(self.hex)?, new.placing(self.hex)?)
            }
            [] if self.flags.is_named() => {
                usage("say what is new: all servers with --new-server, or --new-dialect and the like")
            }
            [] => usage("name two files with -c OLD -c NEW, or servers with --server and --new-server"),
            [_, _] => usage("--new-server and the like go with --server, not with two files"),
            _ => usage("two files are compared: -c OLD -c NEW"),
        }
    }
}

fn of_both(old: &Placing, new: &Placing, from: Source, diff: &Diff) -> Object {
    let moves = diff.moves.iter().map(|moved| {
        map([("from", json!(moved.from)), ("to", json!(moved.to)), ("keys", json!(moved.keys))])
    });
    let sides = [("old", &diff.old, old), ("new", &diff.new, new)].into_iter();
    let findings = sides.flat_map(|(side, survey, placing)| {
        let warnings = placing.warnings.iter().map(move |says| finding(side, "warning", None, says.clone()));
        survey.findings.iter().map(move |one| found(side, one)).chain(warnings)
    });
    let servers =
        |servers: &[Surveyed]| -> Value { servers.iter().map(|one| server(one, diff.keys)).collect() };
    Object::new()
        .with_some("pool", old.pool.as_deref())
        .with("keys", diff.keys)
        .with("keys_from", from.name())
        .with("moved", diff.moved)
        .with("moved_fraction", diff.fraction())
        .with("moves", moves.collect::<Value>())
        .with("findings", findings.collect::<Value>())
        .with("old", servers(&diff.old.servers))
        .with("new", servers(&diff.new.servers))
}

fn server(server: &Surveyed, all: u64) -> Value {
    let share = server.keys as f64 / all as f64;
    map([
        ("server", json!(server.server)),
        ("keys", json!(server.keys)),
        ("share", json!(share)),
        ("ideal", json!(server.ideal)),
    ])
}

fn found(side: &str, found: &Finding) -> Value {
    let server = match found {
        Finding::Starved { server } | Finding::Skewed { server, .. } | Finding::GrowsAtTheEnd { server } => {
            Some(server.as_str())
        }
        _ => None,
    };
    finding(side, found.name(), server, found.to_string())
}

fn finding(side: &str, name: &str, server: Option<&str>, says: String) -> Value {
    map([("in", json!(side)), ("finding", json!(name)), ("server", json!(server)), ("says", json!(says))])
}
