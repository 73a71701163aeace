//! Why each key is where it is.

use std::{
    io::{self, BufReader},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::Args;
use entourage_sharding::Explanation;

use super::{
    by_flags::Flags,
    keys::Keys,
    placing::{self, Placing},
    shown::{Object, Shown},
};
use crate::{Common, exit::Usage, output::unless_left};

/// Say of each key on standard input, one a line, which server has it and why
///
/// One JSON object a key: `key`, `server` (its name on the ring), `hash`, `point` (what the hash
/// met on the ring) and `shard` (the server's number); `hashed`, where only a part of the key counts;
/// `address`, where a file says it. What is no text has a second field in hex digits, `key_hex` and
/// `hashed_hex`.
#[derive(Args)]
pub(crate) struct ExplainKeys {
    /// The nutcracker.yml of the pool; in its place a function may be named by --server and the like [default: none]
    #[arg(short, long, env = "ENTOURAGE_CONF_FILE", value_name = "FILE", conflicts_with_all = ["server", "dialect", "hash", "tag", "chars"])]
    conf_file: Option<PathBuf>,
    /// The pool, where the file has several [default: the only one]
    #[arg(long, env = "ENTOURAGE_POOL", value_name = "NAME", conflicts_with = "server")]
    pool: Option<String>,
    #[command(flatten)]
    flags: Flags,
    /// Keys are hex digits, in what is read and in what is said
    #[arg(long, env = "ENTOURAGE_HEX")]
    hex: bool,
    /// Name so many servers in the order in which the key prefers them, its own first, as `replicas`
    #[arg(long, env = "ENTOURAGE_REPLICAS", value_name = "N", default_value = "0")]
    replicas: usize,
}

impl ExplainKeys {
    pub(super) fn main(&self, common: &Common) -> Result<ExitCode> {
        let placing = self.placing()?;
        if common.check {
            return Ok(ExitCode::SUCCESS);
        }
        let mut keys = Keys::new(BufReader::new(io::stdin()), self.hex);
        let mut shown = Shown::new(io::stdout());
        loop {
            // Who writes a key and waits for its answer gets it.
            if keys.may_wait() && !unless_left(shown.flush()).context("cannot write")? {
                break;
            }
            let Some(key) = keys.next()? else { break };
            let object = self.explained(&placing, key);
            if !unless_left(shown.object(object)).context("cannot write")? {
                break;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn placing(&self) -> Result<Placing> {
        match &self.conf_file {
            Some(path) => {
                let config = placing::file(path)?;
                placing::of_pool(&config, placing::pool(&config, path, self.pool.as_deref())?)
            }
            None if self.flags.is_named() => self.flags.placing(self.hex),
            None => {
                let why = "name a nutcracker.yml with -c, or each server with --server";
                Err(Usage(why.to_owned()).into())
            }
        }
    }

    fn explained(&self, placing: &Placing, key: &[u8]) -> Object {
        let asked = placing.asked(key);
        let explanation = Explanation::of(&*placing.function, placing.tag, &asked, self.replicas);
        let Explanation { hashed, hash, point, shard, server, replicas, .. } = explanation;
        let is_part = hashed != asked[..];
        let mut object = Object::new()
            .with_some("pool", placing.pool.as_deref())
            .with_bytes("key", key, self.hex)
            .with("server", server.as_str())
            .with_some("address", placing.address(&server))
            .with("shard", shard.number())
            .with_some("hash", hash)
            .with_some("point", point);
        if is_part {
            object = object.with_bytes("hashed", &hashed, self.hex);
        }
        object.with_some("replicas", (self.replicas > 0).then_some(replicas))
    }
}
