//! Items from a shell into a topic.

use std::{
    ffi::OsString,
    hash::{BuildHasher, RandomState},
    os::unix::ffi::OsStringExt,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use entourage_core::{Clock, Shutdown, SystemClock, planted};
use entourage_queue::{Publication, Published};

use super::{
    What, input,
    json::Defaults,
    named,
    write::{self, Writer},
};
use crate::{
    Common,
    exit::Usage,
    output::{Printer, shown},
    signals,
};

/// Items in one batch.
const BATCH: usize = 100;

/// Publish items; prints `published ID` or `duplicate ID` for each
///
/// Each item is on the queue's disk, or where the queue keeps it, when its line is printed:
/// `published ID`, or `duplicate ID` where the topic took an item of this id before. Who names
/// ids may therefore publish again what was interrupted.
#[derive(Args)]
pub(crate) struct Publish {
    #[command(flatten)]
    what: What,
    /// The item's id; with --lines the ids are ID-1, ID-2 and so on [default: one that nobody has]
    #[arg(long, env = "ENTOURAGE_ID", value_name = "ID")]
    id: Option<String>,
    /// What orders items: of one key one is in work, in the order of publishing [default: no order]
    #[arg(long, env = "ENTOURAGE_KEY", value_name = "KEY")]
    key: Option<String>,
    /// Higher is received sooner, up to 255
    #[arg(long, env = "ENTOURAGE_PRIORITY", value_name = "N", default_value_t = 0)]
    priority: u8,
    /// How long it waits before it can be received
    #[arg(long, env = "ENTOURAGE_DELAY", value_name = "DURATION", default_value = "0s", value_parser = humantime::parse_duration)]
    delay: Duration,
    /// A header, which the queue carries and does not read; may be given more than once [default: none]
    #[arg(long, env = "ENTOURAGE_HEADER", value_name = "NAME=VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// How long a full topic, or a queue that is away, is waited for; else it has failed
    #[arg(long, env = "ENTOURAGE_WAIT", value_name = "DURATION", default_value = "0s", value_parser = humantime::parse_duration)]
    wait: Duration,
    /// Each line of standard input is an item's content, up to 1 MiB
    #[arg(long, env = "ENTOURAGE_LINES", conflicts_with_all = ["payload", "json_lines"])]
    lines: bool,
    /// Each line of standard input is an item as `receive` prints it: payload or payload_base64, id, key, bundle, priority, delay, headers
    #[arg(long, env = "ENTOURAGE_JSON_LINES", conflicts_with = "payload")]
    json_lines: bool,
    /// The item's content, or - for all of standard input
    #[arg(value_name = "PAYLOAD")]
    payload: Option<OsString>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or("a header is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Publish {
    pub(super) async fn main(self, common: &Common) -> Result<ExitCode> {
        let (url, topic) = self.what.check()?;
        for (what, name) in [("id", &self.id), ("key", &self.key)] {
            name.as_deref().map(|name| named(what, name)).transpose()?;
        }
        if self.payload.is_none() && !self.lines && !self.json_lines {
            let why = "nothing is to be published; name a PAYLOAD, - for standard input, or --lines or --json-lines";
            return Err(Usage(why.to_owned()).into());
        }
        if common.check {
            return Ok(ExitCode::SUCCESS);
        }
        let shutdown = signals::shutdown(Duration::from_secs(10))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let until = clock.now() + self.wait;
        let queue = write::open(&url, &*clock, until, &shutdown).await?;
        let most = queue.capabilities().max_payload_bytes;
        let printer = Printer::start()?;
        let writer = Writer { queue, clock, until };
        let Some(payload) = self.payload.clone() else {
            return self.all_lines(topic.as_str(), writer, &printer, &shutdown).await;
        };
        let payload = if payload == "-" {
            let read = tokio::select! {
                biased;
                () = shutdown.draining() => bail!("ended before standard input was"),
                read = input::all(most) => read,
            };
            read.context("standard input cannot be read")?
        } else {
            payload.into_vec()
        };
        let id = self.id.clone().unwrap_or_else(minted);
        let mut batch = vec![self.defaults().publication(topic.as_str(), id, payload)];
        let said = writer.some(&mut batch, &shutdown).await?;
        print(&printer, said, &shutdown).await?;
        Ok(ExitCode::SUCCESS)
    }

    fn defaults(&self) -> Defaults {
        let Self { key, priority, delay, header, .. } = self;
        Defaults { key: key.clone(), priority: *priority, delay: *delay, headers: header.clone() }
    }

    /// Publishes what is there, up to a hundred at a time, as it comes.
    async fn all_lines(
        self,
        topic: &str,
        mut writer: Writer,
        printer: &Printer,
        shutdown: &Shutdown,
    ) -> Result<ExitCode> {
        let defaults = self.defaults();
        let mut lines = input::lines()?;
        let (mut number, mut read) = (0_u64, Vec::with_capacity(BATCH));
        loop {
            let count = tokio::select! {
                biased;
                () = shutdown.draining() => bail!("ended behind line {number} of standard input"),
                count = lines.recv_many(&mut read, BATCH) => count,
            };
            if count == 0 {
                return Ok(ExitCode::SUCCESS);
            }
            let (mut batch, mut broken) = (Vec::with_capacity(count), None);
            for line in read.drain(..) {
                number += 1;
                match self.item(&defaults, topic, number, line) {
                    Ok(item) => batch.extend(item),
                    Err(error) => {
                        broken = Some(error);
                        break;
                    }
                }
            }
            // What stood before a broken line is published all the same.
            writer.until = writer.clock.now() + self.wait;
            while !batch.is_empty() {
                print(printer, writer.some(&mut batch, shutdown).await?, shutdown).await?;
            }
            if let Some(error) = broken {
                return Err(error);
            }
        }
    }

    /// The item of a line; none if it is empty between items of JSON.
    fn item(
        &self,
        defaults: &Defaults,
        topic: &str,
        number: u64,
        line: std::io::Result<Vec<u8>>,
    ) -> Result<Option<Publication>> {
        let line = line.with_context(|| format!("line {number} of standard input cannot be read"))?;
        let given = self.id.as_ref().filter(|_| !planted("cli-mints-ids-anew"));
        let id = || given.map_or_else(minted, |id| format!("{id}-{number}"));
        if self.lines {
            return Ok(Some(defaults.publication(topic, id(), line)));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let item = defaults.read(topic, &line, id);
        item.map(Some).map_err(|why| anyhow!("line {number} of standard input is no item: {why}"))
    }
}

async fn print(printer: &Printer, said: Vec<(String, Published)>, shutdown: &Shutdown) -> Result<()> {
    let mut text = String::new();
    for (id, published) in said {
        let word = if published == Published::Duplicate { "duplicate" } else { "published" };
        text.push_str(&format!("{word} {}\n", shown(&id)));
    }
    let written = tokio::select! {
        biased;
        written = printer.write(text.into_bytes()) => written,
        () = shutdown.stopped() => bail!("published, but nobody reads standard output"),
    };
    written.context("published, but standard output cannot be written")
}

/// An id of 128 bits by chance, from std's seeds for hash maps, which the system draws.
fn minted() -> String {
    let half = |n: u64| RandomState::new().hash_one(n);
    format!("{:016x}{:016x}", half(0), half(1))
}
