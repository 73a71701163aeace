//! The same keys, asked in two ways.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use entourage::ambassador::{PoolStats, nutcracker::Pool};

use crate::{
    foretold::{Foretold, KEYS, many, more},
    resp::{Client, Reply},
};

/// Both ways to the shards, what they gave, and what of it should have been otherwise.
#[derive(Debug)]
pub struct Compared {
    pub text: String,
    pub faults: Vec<String>,
    proxy: Client,
    shards: Vec<Client>,
    foretold: Foretold,
}

impl Compared {
    pub fn new(text: &str, proxy: SocketAddr, shards: &[SocketAddr], pool: &Pool) -> Result<Self> {
        let told = format!("The pool, in words that nutcracker takes too:\n\n{text}\n");
        Ok(Self {
            text: told,
            faults: Vec::new(),
            proxy: Client::connect(proxy).context("the proxy")?,
            shards: shards.iter().map(|shard| Client::connect(*shard)).collect::<Result<_>>()?,
            foretold: Foretold::of(pool)?,
        })
    }

    /// Writes through the proxy, reads in one process, and looks on every shard.
    pub fn a_few_keys(&mut self) -> Result<()> {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header([
            "key",
            "on shard",
            "the ring says",
            "by the proxy",
            "by the ring",
        ]);
        let mut agreed = 0;
        for (number, key) in KEYS.into_iter().enumerate() {
            let value = format!("value {number}");
            self.proxy.ask(["SET", key, &value])?;
            let says = self.foretold.server_of(key)?;
            let mut found = Vec::new();
            for (number, shard) in self.shards.iter_mut().enumerate() {
                if shard.number(["EXISTS", key])? == 1 {
                    found.push(number);
                }
            }
            let through = self.proxy.value(key)?;
            let beside = self.shards[says].value(key)?;
            let agree = found == [says] && through.as_ref() == Some(&value) && beside == through;
            agreed += usize::from(agree);
            self.check(agree, || format!("{key:?} is found on {found:?}, and the ring says {says}"));
            let found: Vec<_> = found.iter().map(usize::to_string).collect();
            let shown = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
            table.add_row([
                key.to_owned(),
                found.join(", "),
                says.to_string(),
                shown(through),
                shown(beside),
            ]);
        }
        self.say(format!(
            "{table}\n{agreed} of {} keys are where the ring says, and nowhere else.",
            KEYS.len()
        ));

        let asked = self.proxy.ask(["MGET"].into_iter().chain(KEYS))?;
        let values = (0..KEYS.len()).map(|number| Reply::Text(Some(format!("value {number}"))));
        let is_whole = asked == Reply::Array(values.collect());
        self.check(is_whole, || format!("MGET over all shards gave {asked:?}"));
        self.say("MGET of all twelve through the proxy: each value, in the order of the keys.\n");
        Ok(())
    }

    /// Writes many, a hundred at a time, and lets each shard count its own.
    pub fn many_keys(&mut self, count: u32) -> Result<()> {
        let keys: Vec<String> = many(count).collect();
        for keys in keys.chunks(100) {
            let words = keys.iter().flat_map(|key| [key.as_str(), "x"]);
            let written = self.proxy.ask(["MSET"].into_iter().chain(words))?;
            ensure!(written == Reply::Status("OK".to_owned()), "MSET was answered {written:?}");
        }
        let foretold = self.foretold.counts(KEYS.into_iter().chain(keys.iter().map(String::as_str)))?;
        self.say(format!("{count} keys more, by MSET of 100. Each shard has as many as the ring foretold:"));
        let mut counted = Vec::new();
        for (number, foretold) in foretold.into_iter().enumerate() {
            let has = self.shards[number].number(["DBSIZE"])?;
            self.check(has == foretold, || {
                format!("shard {number} has {has} keys; the ring says {foretold}")
            });
            counted.push(has);
        }
        self.say(self.foretold.bars(&counted)?);
        Ok(())
    }

    /// What one shard more would move; nothing is moved.
    pub fn one_shard_more(&mut self, count: u32) -> Result<()> {
        let (diff, all_to_it) = self.foretold.one_server_more(count)?;
        self.check(all_to_it, || "one shard more moves keys between the others".to_owned());
        self.text.push_str(&more(&diff, count));
        Ok(())
    }

    /// What the proxy counted meanwhile.
    pub fn counted(&mut self, pool: &PoolStats) {
        let parts: Vec<_> = pool.servers.iter().map(|server| server.counts.requests.to_string()).collect();
        self.say(format!(
            "The proxy had {} requests of 1 client, and sent {} to the shards.",
            pool.counts.requests,
            parts.join(" + ")
        ));
        self.check(pool.counts.forward_error == 0, || {
            format!("{} requests failed", pool.counts.forward_error)
        });
    }

    fn say(&mut self, text: impl AsRef<str>) {
        self.text.push_str(text.as_ref());
        self.text.push('\n');
    }

    fn check(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(fault());
        }
    }
}
