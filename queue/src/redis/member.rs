//! A consumer of this process.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use bytes::Bytes;
use entourage_core::{Moment, planted};
use entourage_engine::redis::{Answer, Call};

use crate::{
    ask::Ask,
    broker::{Leased, LeasedItem},
    delivery::Receipt,
    error::{Error, Result},
    item::Topic,
    options::SubscribeOptions,
    redis::{
        ask::Reply,
        codec,
        entry::{Entry, PLACES},
        fault, micros, scripts, span,
        step::PIECES,
    },
};

/// A consumer of this process: what it joined, which no script changes.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) group: u64,
    pub(super) lines: Vec<Line>,
    pub(super) options: SubscribeOptions,
    /// How often it has leased something, so that its topics take turns.
    turns: AtomicUsize,
    /// How often it has asked: an ask that comes after a later one is refused.
    asks: AtomicU64,
    /// The last grant that it has heard of.
    heard: AtomicU64,
    /// Whether there may be a later one, because an answer is missing.
    in_doubt: AtomicBool,
    /// It gets nothing any more; only its steps are still known.
    has_left: AtomicBool,
}

/// What its group has before it in one of its topics.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) topic: Topic,
    pub(super) number: u64,
    pub(super) line: u64,
}

impl Member {
    /// From what the script has answered.
    pub(super) fn joined(topics: &[Topic], options: SubscribeOptions, mut reply: Reply) -> Result<Self> {
        let (id, group) = (reply.number()?, reply.number()?);
        let mut numbers = reply.items()?.into_iter().map(|number| number.number().map_err(fault::of));
        let mut next = || numbers.next().unwrap_or_else(|| Err(fault::garbled("too few lines")));
        let line = |topic: &Topic| Ok(Line { topic: topic.clone(), number: next()?, line: next()? });
        let lines = topics.iter().map(line).collect::<Result<_>>()?;
        Ok(Self {
            id,
            group,
            lines,
            options,
            turns: AtomicUsize::new(0),
            asks: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            in_doubt: AtomicBool::new(false),
            has_left: AtomicBool::new(false),
        })
    }

    pub(super) fn leave(&self) {
        self.has_left.store(true, Ordering::Release);
    }

    pub(super) fn has_left(&self) -> bool {
        self.has_left.load(Ordering::Acquire)
    }

    /// How long its silence is borne.
    pub(super) fn lease(&self) -> u64 {
        if planted("queue-keeps-the-dead") {
            return span(Duration::MAX);
        }
        let lease = span(self.options.lease);
        if planted("lease-deadline-off-by-one") { lease + 1 } else { lease }
    }

    /// The call that leases.
    pub(super) fn ask(&self, ask: &Ask) -> Call<'static> {
        let deliveries = if planted("queue-forgets-lapses") { u32::MAX } else { self.options.delivery_limit };
        let fewest = if planted("queue-forgets-the-fewest") { 1 } else { ask.at_least };
        let mut call = scripts::LEASE.call().number(self.id);
        let turn = self.asks.fetch_add(1, Ordering::Relaxed) + 1;
        call = call.number(if planted("redis-queue-asks-have-no-turn") { 1 } else { turn });
        call = match self.in_doubt.swap(true, Ordering::AcqRel) {
            true => call.number(self.heard.load(Ordering::Acquire)),
            false => call.owned(""),
        };
        call = call.number(self.lease());
        call = call.number(span(self.options.time_limit)).number(u64::from(deliveries));
        call = call.number(ask.max as u64).number(fewest as u64).number(u64::from(ask.same_bundle));
        // Zero is no end; an end of no bytes is one of a byte, as both stop behind the fewest.
        let bytes = if ask.max_bytes == usize::MAX { 0 } else { ask.max_bytes.max(1) };
        call = call.number(bytes as u64);
        let turn = self.turns.load(Ordering::Relaxed) % self.lines.len().max(1);
        let (before, from) = self.lines.split_at(turn);
        let lines = from.iter().chain(before);
        lines.fold(call, |call, line| call.number(line.number).number(line.line))
    }

    /// The server has no longer what this consumer joined in the topic of this number.
    fn lost(&self, number: u64) -> Error {
        let topic =
            self.lines.iter().find(|line| line.number == number).map_or("", |line| line.topic.as_str());
        let what =
            format!("a failover has lost topic {topic:?}, or the group's place in it; subscribe again");
        Error::Failed(what.into())
    }

    /// What was leased; asked at `asked`.
    pub(super) fn leased(&self, mut reply: Reply, asked: Moment) -> Result<Leased> {
        if reply.word == "NONE" {
            self.in_doubt.store(false, Ordering::Release);
            let left = reply.maybe_number()?;
            let next_due = left.map(|left| micros(asked) + Duration::from_micros(left));
            return Ok(Leased { items: Vec::new(), next_due });
        }
        if reply.word == "GONE" {
            self.in_doubt.store(false, Ordering::Release);
            return Err(self.lost(reply.number()?));
        }
        if reply.word != "OK" {
            return reply.unexpected();
        }
        self.turns.fetch_add(1, Ordering::Relaxed);
        let (mut items, mut last) = (Vec::new(), 0);
        for part in reply.items()? {
            let [line, first, entries, whole, single] = part.tuple().map_err(fault::of)?;
            let (line, mut epoch) = (line.number().map_err(fault::of)?, first.number().map_err(fault::of)?);
            last = last.max(epoch / PIECES);
            let line = self.lines.iter().find(|one| one.line == line);
            let topic = &line.ok_or_else(|| fault::garbled("a line that was not asked for"))?.topic;
            let mut bodies = Bodies::of(whole, single)?;
            for entry in entries.items().map_err(fault::of)? {
                let entry = Entry::read(&entry.bytes().map_err(fault::of)?);
                let entry = entry.ok_or_else(|| fault::garbled("an entry that cannot be read"))?;
                for sequence in (entry.sequence..).take(entry.items) {
                    let item = bodies.next(sequence)?.as_ref().and_then(codec::item);
                    let item = item.ok_or_else(|| fault::garbled("an item that cannot be read"))?;
                    let receipt = Receipt { sequence, epoch };
                    let (retries, lapses) = (entry.retries, entry.lapses);
                    items.push(LeasedItem { topic: topic.clone(), item, receipt, retries, lapses });
                    epoch += 1;
                }
            }
        }
        // Only now: what cannot be read was not heard, and goes back with the next ask.
        self.heard.fetch_max(last, Ordering::AcqRel);
        self.in_doubt.store(false, Ordering::Release);
        Ok(Leased { items, next_due: None })
    }
}

/// The bodies of what was leased: envelopes by their numbers, and what is alone, in its order.
struct Bodies {
    whole: Vec<(u64, Bytes)>,
    single: std::vec::IntoIter<Answer>,
}

impl Bodies {
    fn of(whole: Answer, single: Answer) -> Result<Self> {
        let mut pairs = whole.items().map_err(fault::of)?.into_iter();
        let mut whole = Vec::new();
        while let (Some(number), Some(envelope)) = (pairs.next(), pairs.next()) {
            let envelope = envelope.bytes().map_err(fault::of)?.into();
            whole.push((number.number().map_err(fault::of)?, envelope));
        }
        Ok(Self { whole, single: single.items().map_err(fault::of)?.into_iter() })
    }

    /// The body of the item that comes next, which has this sequence.
    fn next(&mut self, sequence: u64) -> Result<Option<Bytes>> {
        let (number, place) = (sequence / PLACES, sequence % PLACES);
        if let Some((_, envelope)) = self.whole.iter().find(|(one, _)| *one == number) {
            return Ok(usize::try_from(place).ok().and_then(|place| codec::body_at(envelope, place)));
        }
        Ok(Some(self.single.next().unwrap_or_default().bytes().map_err(fault::of)?.into()))
    }
}
