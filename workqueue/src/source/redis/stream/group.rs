//! One consumer of a group: its calls to the server.

use std::{sync::Arc, time::Duration};

use entourage_core::planted;
use entourage_engine::redis::{Answer, Command, Fault, MOST_ITEMS, RedisOptions, Script};

use super::{StreamStart, fields::to_json};
use crate::source::{data::ItemData, finish::Finish, redis::reach::Reach};

/// How the consumers of all sources are called, so that one may settle what another has read.
const OURS: &str = "entourage-";
/// Bytes of entries that one script reads before others have their turn.
const AT_ONCE: u64 = 1024 * 1024;

/// Checks that the data beside the Stream is what was opened.
static LOOK: Script = Script::reading("source-stream-look", "return 1");

/// What an entry's fields are asked for.
pub(super) enum Fetched {
    /// There is no such entry that is to be worked on.
    None,
    /// It is longer than an item's data may be.
    TooLarge,
    /// Its fields as JSON.
    Data(String),
}

/// An entry that this consumer has in its hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) id: String,
    /// How often it was delivered: the token of this delivery.
    pub(super) deliveries: u64,
}

/// A consumer of a group of a Stream.
#[derive(Clone, Debug)]
pub(super) struct Consumer {
    pub(super) key: String,
    pub(super) group: String,
    /// Of this incarnation alone.
    name: Arc<str>,
    reach: Reach,
}

impl Consumer {
    pub(super) fn new(redis: RedisOptions, key: String, group: String, nonce: u128) -> Self {
        Self { key, group, name: format!("{OURS}{nonce:032x}").into(), reach: Reach::new(redis) }
    }

    fn script(text: &'static str) -> Command<'static> {
        Command::writing("EVAL").arg(text).number(1)
    }

    /// Creates the group, and the Stream if it is absent; false if the group is there.
    pub(super) async fn create(&self, start: StreamStart) -> Result<bool, Fault> {
        let from = match start {
            StreamStart::Beginning => "0",
            StreamStart::New => "$",
        };
        let create = Command::writing("XGROUP").arg("CREATE").arg(&self.key).arg(&self.group);
        match self.reach.command(create.arg(from).arg("MKSTREAM")).await {
            Ok(_) => Ok(true),
            Err(fault) if says(&fault, "BUSYGROUP") => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Whether the server was emptied, or another's data is there.
    pub(super) async fn was_replaced(&self) -> Result<bool, Fault> {
        match self.reach.call(LOOK.call()).await {
            Ok(_) => Ok(false),
            Err(Fault::Foreign { .. } | Fault::WentBack { .. }) => Ok(true),
            Err(fault) => Err(fault),
        }
    }

    /// Takes up to `most` entries that nobody has read; gives how many there were.
    pub(super) async fn read(&self, most: usize) -> Result<u64, Fault> {
        let script = Self::script(include_str!("lua/read.lua")).arg(&self.key).arg(&self.group);
        let script = script.arg(&*self.name).number(most.min(MOST_ITEMS) as u64).number(AT_ONCE);
        self.reach.command(script).await?.number()
    }

    /// Takes over up to `most` entries of consumers that have been silent for so long, from
    /// `cursor` on; gives the next cursor, `0-0` at the end, and how many there were.
    ///
    /// The server drops those that were deleted meanwhile.
    pub(super) async fn claim(
        &self,
        idle: Duration,
        cursor: &str,
        most: usize,
    ) -> Result<(String, usize), Fault> {
        let claim = Command::writing("XAUTOCLAIM").arg(&self.key).arg(&self.group).arg(&*self.name);
        let claim = claim.number(millis(idle)).arg(cursor).arg("COUNT");
        let claim = claim.number(most.min(MOST_ITEMS) as u64).arg("JUSTID");
        let mut answer = self.reach.command(claim).await?.items()?.into_iter();
        let mut next = || answer.next().unwrap_or_default();
        Ok((next().text()?, next().items()?.len()))
    }

    /// Up to `most` entries that this consumer has.
    pub(super) async fn mine(&self, most: usize) -> Result<Vec<Pending>, Fault> {
        let pending = Command::reading("XPENDING").arg(&self.key).arg(&self.group);
        let pending = pending.arg("-").arg("+").number(most as u64).arg(&*self.name);
        let entries = self.reach.command(pending).await?.items()?.into_iter();
        let entry = |entry: Answer| {
            let [id, _, _, deliveries] = entry.tuple()?;
            Ok(Pending { id: id.text()?, deliveries: deliveries.number()? })
        };
        entries.map(entry).collect()
    }

    /// How many entries anybody of the group has.
    pub(super) async fn pending(&self) -> Result<u64, Fault> {
        let summary = Command::reading("XPENDING").arg(&self.key).arg(&self.group);
        let [count, ..] = self.reach.command(summary).await?.tuple::<4>()?;
        count.number()
    }

    /// What an entry holds, which somebody of the group has.
    pub(super) async fn fetch(&self, id: &str) -> Result<Fetched, Fault> {
        let script = Self::script(include_str!("lua/item.lua")).arg(&self.key).arg(&self.group);
        let script = script.arg(id).number(ItemData::MAX_BYTES as u64).arg(OURS);
        match self.reach.command(script).await? {
            Answer::Nil => Ok(Fetched::None),
            Answer::Int(_) => Ok(Fetched::TooLarge),
            fields => {
                let mut fields = fields.items()?.into_iter();
                let mut pairs = Vec::with_capacity(fields.len() / 2);
                while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
                    pairs.push((name.bytes()?, value.bytes()?));
                }
                Ok(Fetched::Data(to_json(pairs)))
            }
        }
    }

    /// Acknowledges up to a hundred entries, each if it is with a consumer of ours, and with this
    /// one only in the delivery that it has seen; gives those that are in other hands.
    pub(super) async fn finish(
        &self,
        entries: &[Pending],
        finish: Finish,
        deletes: bool,
    ) -> Result<Vec<String>, Fault> {
        if planted("stream-acks-without-a-look") {
            let ack = Command::writing("XACK").arg(&self.key).arg(&self.group);
            let ack = entries.iter().fold(ack, |ack, entry| ack.arg(&entry.id));
            return self.reach.command(ack).await.map(|_| Vec::new());
        }
        // What is dead stays in the Stream, for whoever wants to look at it.
        let deletes = if deletes && finish == Finish::Done { "1" } else { "0" };
        let script = Self::script(include_str!("lua/finish.lua")).arg(&self.key).arg(&self.group);
        let script = script.arg(OURS).arg(&*self.name).arg(deletes);
        let script =
            entries.iter().fold(script, |script, entry| script.arg(&entry.id).number(entry.deliveries));
        self.reach.command(script).await?.items()?.into_iter().map(Answer::text).collect()
    }

    /// Keeps what this consumer has from looking abandoned.
    pub(super) async fn beat(&self) -> Result<(), Fault> {
        let mut from = "-".to_owned();
        loop {
            let script = Self::script(include_str!("lua/beat.lua")).arg(&self.key).arg(&self.group);
            let [count, last] = self.reach.command(script.arg(&*self.name).arg(&from)).await?.tuple()?;
            if count.number()? < MOST_ITEMS as u64 {
                return Ok(());
            }
            from = format!("({}", last.text()?);
        }
    }

    /// Deletes consumers of ours that have been silent for so long and hold nothing.
    pub(super) async fn sweep(&self, idle: Duration) -> Result<u64, Fault> {
        let script = Self::script(include_str!("lua/sweep.lua")).arg(&self.key).arg(&self.group);
        self.reach.command(script.arg(OURS).arg(&*self.name).number(millis(idle))).await?.number()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Whether the server refused a command with this word.
pub(super) fn says(fault: &Fault, word: &str) -> bool {
    matches!(fault, Fault::Failed(said) if said.to_string().starts_with(word))
}
