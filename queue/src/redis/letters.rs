//! Dead letters and state records, a page at a time.

use std::{collections::HashSet, time::Duration};

use entourage_core::planted;
use entourage_engine::redis::Call;

use crate::{
    error::{Error, Result},
    item::{Group, ItemId, Topic},
    redis::{ask::Reply, codec, core::Core, fault, scripts},
    state::Record,
    stats::{Dead, Redrive, Stats},
};

/// As many as one script may touch.
const PAGE: usize = entourage_engine::redis::MOST_ITEMS;

/// Up to `limit` dead letters with their sequences, of those that follow a sequence.
async fn page(
    core: &Core,
    topic: &Topic,
    group: &Group,
    after: u64,
    limit: usize,
) -> Result<Vec<(u64, Dead)>> {
    let call = scripts::DEAD.call().owned(topic.as_str()).owned(group.as_str());
    let mut reply = core.ask(call.number(after).number(limit.min(PAGE) as u64)).await?;
    if reply.word == "NONE" {
        return Ok(Vec::new());
    }
    let (sequences, bodies) = (reply.items()?, reply.items()?);
    let (reasons, attempts) = (reply.items()?, reply.items()?);
    let mut letters = Vec::with_capacity(sequences.len());
    let rest = bodies.into_iter().zip(reasons.into_iter().zip(attempts));
    for (sequence, (body, (reason, attempts))) in sequences.into_iter().zip(rest) {
        let item = codec::item(&body.bytes().map_err(fault::of)?.into());
        let item = item.ok_or_else(|| fault::garbled("an item that cannot be read"))?;
        let reason = reason.text().map_err(fault::of)?;
        let attempts = u32::try_from(attempts.number().map_err(fault::of)?).unwrap_or(u32::MAX);
        letters.push((sequence.number().map_err(fault::of)?, Dead { item, reason, attempts }));
    }
    Ok(letters)
}

pub(super) async fn dead(core: &Core, topic: &Topic, group: &Group, limit: usize) -> Result<Vec<Dead>> {
    let mut letters = Vec::new();
    let mut after = 0;
    while letters.len() < limit {
        let found = page(core, topic, group, after, limit - letters.len()).await?;
        let Some((last, _)) = found.last() else { break };
        after = *last;
        letters.extend(found.into_iter().map(|(_, letter)| letter));
    }
    Ok(letters)
}

/// Makes dead letters ready again, all of them or, where there is no room, none.
pub(super) async fn redrive(core: &Core, topic: &Topic, group: &Group, which: &Redrive) -> Result<u64> {
    let named: Option<HashSet<&ItemId>> = match which {
        Redrive::Only(ids) => Some(ids.iter().collect()),
        Redrive::All => None,
    };
    let mut sequences = Vec::new();
    let mut after = 0;
    loop {
        let found = fault::looked(page(core, topic, group, after, PAGE).await)?;
        let Some((last, _)) = found.last() else { break };
        after = *last;
        let is_named = |letter: &Dead| named.as_ref().is_none_or(|named| named.contains(letter.item.id()));
        sequences.extend(found.into_iter().filter(|(_, letter)| is_named(letter)).map(|(at, _)| at));
    }
    if sequences.is_empty() {
        return Ok(0);
    }
    let mut reply = match sequences.len() <= PAGE {
        true => core.ask(named_to(scripts::REDRIVE.call(), topic, group, &sequences)).await?,
        false => redrive_many(core, topic, group, &sequences).await?,
    };
    match reply.word.as_str() {
        "OK" => {
            let (_, redriven) = (reply.next(), reply.number()?);
            core.counts.redriven.add(redriven);
            Ok(redriven)
        }
        "FULL" => {
            let (_, capacity) = (reply.next(), reply.number()?);
            Err(Error::Full { topic: topic.clone(), capacity })
        }
        _ => reply.unexpected(),
    }
}

/// More than a script may touch: put down in pieces, which change nothing, and committed at once.
async fn redrive_many(core: &Core, topic: &Topic, group: &Group, sequences: &[u64]) -> Result<Reply> {
    let mut stage = String::new();
    for some in sequences.chunks(PAGE) {
        let call = scripts::STAGE.call().owned(stage.as_str());
        let call = some.iter().fold(call, |call, sequence| call.owned(digits(*sequence)));
        stage = fault::looked(core.ask(call).await)?.text()?;
    }
    let call = scripts::COMMIT.call().owned(topic.as_str()).owned(group.as_str());
    let reply = core.ask(call.owned(stage.as_str()).number(sequences.len() as u64)).await?;
    match reply.word.as_str() {
        "OK" => {}
        "GONE" => {
            let lost = "the server has lost what was put down for it; the next call begins anew";
            return Err(Error::Unavailable(lost.into()));
        }
        _ => return reply.unexpected(),
    }
    // It is done or refused from here on, whoever does it.
    match core.ask(scripts::OUTCOME.call().owned(stage)).await {
        Ok(reply) if reply.word == "GONE" => {
            Err(Error::Unknown("what became of the redrive is kept for an hour, and forgotten".into()))
        }
        Ok(reply) => Ok(reply),
        Err(error @ Error::Unknown(_)) => Err(error),
        Err(error) => Err(Error::Unknown(Box::new(error))),
    }
}

fn named_to(call: Call<'static>, topic: &Topic, group: &Group, sequences: &[u64]) -> Call<'static> {
    let call = call.owned(topic.as_str()).owned(group.as_str());
    sequences.iter().fold(call, |call, sequence| call.owned(digits(*sequence)))
}

/// A sequence as the server's entries begin.
fn digits(sequence: u64) -> String {
    format!("{sequence:016}")
}

pub(super) async fn records(core: &Core, group: &Group, prefix: &str) -> Result<Vec<Record>> {
    let mut records: Vec<Record> = Vec::new();
    // No text has this byte, so every key that begins with the prefix is before it.
    let end = [b"(", prefix.as_bytes(), b"\xff"].concat();
    let mut from = format!("[{prefix}").into_bytes();
    loop {
        let call = scripts::RECORDS.call().owned(group.as_str()).owned(from).owned(end.clone());
        let mut reply = core.ask(call.number(PAGE as u64)).await?;
        if reply.word == "NONE" {
            return Ok(records);
        }
        let (keys, values, versions) = (reply.items()?, reply.items()?, reply.items()?);
        for (key, (value, version)) in keys.into_iter().zip(values.into_iter().zip(versions)) {
            let (key, value) =
                (key.text().map_err(fault::of)?.into(), value.bytes().map_err(fault::of)?.into());
            records.push(Record { key, value, version: version.number().map_err(fault::of)? });
        }
        let Some(last) = records.last() else { return Ok(records) };
        from = format!("({}", last.key).into_bytes();
    }
}

/// The counts of a topic and group.
pub(super) async fn stats(core: &Core, topic: &Topic, group: &Group) -> Result<Stats> {
    let mut reply = core.ask(scripts::STATS.call().owned(topic.as_str()).owned(group.as_str())).await?;
    if reply.word == "NONE" {
        return Ok(Stats::default());
    }
    let [mut ready, mut waiting, in_flight, dead] =
        [reply.number()?, reply.number()?, reply.number()?, reply.number()?];
    if planted("queue-counts-what-waits-as-ready") {
        (ready, waiting) = (ready + waiting, 0);
    }
    let oldest = reply.maybe_number()?.map(Duration::from_micros);
    Ok(Stats { ready, waiting, in_flight, dead, oldest })
}
