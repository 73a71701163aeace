//! What calls need, whoever makes them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use entourage_engine::redis::{Call, Link};

use crate::{
    counts::Counts,
    error::{Error, Result},
    item::{Published, Topic},
    options::TopicOptions,
    redis::{
        ask::{Reply, ask, sweep},
        fault,
        member::Member,
        publication::{Parcel, published},
        scripts, span,
        step::{Plan, full},
    },
    step::Applied,
};

/// What calls need that go on by themselves.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) link: Link,
    pub(super) counts: Counts,
    pub(super) topics: TopicOptions,
    /// Numbers of topics, which never change.
    numbers: Mutex<HashMap<Topic, u64>>,
}

impl Core {
    pub(super) fn new(link: Link, topics: TopicOptions) -> Self {
        Self { link, counts: Counts::new(), topics, numbers: Mutex::default() }
    }

    pub(super) async fn ask(&self, call: Call<'static>) -> Result<Reply> {
        ask(&self.link, &self.counts, call).await
    }

    /// Ends what is over.
    pub(super) async fn sweep(&self) -> Result<()> {
        while sweep(&self.link, &self.counts).await? {}
        Ok(())
    }

    /// Sets how a topic is kept, or creates it if need be; its number.
    pub(super) async fn topic(&self, topic: &Topic, options: Option<TopicOptions>) -> Result<u64> {
        let call = scripts::CONFIGURE.call().owned(topic.as_str());
        let set = u64::from(options.is_some());
        let call = packed(call, &options.unwrap_or(self.topics)).number(set);
        let number = self.ask(call).await?.number()?;
        self.numbers().insert(topic.clone(), number);
        Ok(number)
    }

    /// The numbers of the topics that are published to.
    async fn numbers_of(&self, parcel: &Parcel) -> Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for topic in parcel.topics() {
            let known = self.numbers().get(topic).copied();
            numbers.push(match known {
                Some(number) => number,
                // Unknown whether it was created: nothing was published yet.
                None => fault::looked(self.topic(topic, None).await)?,
            });
        }
        Ok(numbers)
    }

    pub(super) async fn publish(&self, mut parcel: Parcel) -> Result<Vec<Published>> {
        if parcel.places.is_empty() {
            return Ok(Vec::new());
        }
        let numbers = self.numbers_of(&parcel).await?;
        let mut reply = self.ask(parcel.pack(scripts::PUBLISH.call(), &numbers)).await?;
        match reply.word.as_str() {
            "OK" => Ok(published(&parcel.places, &reply.bytes()?)),
            "FULL" => Err(full(&parcel, &numbers, &mut reply)?),
            "GONE" => Err(self.forget_numbers()),
            _ => reply.unexpected(),
        }
    }

    pub(super) async fn apply(&self, member: &Member, has_left: bool, mut plan: Plan) -> Result<Applied> {
        let numbers = self.numbers_of(&plan.publish).await?;
        let reply = self.ask(plan.call(member, has_left, &numbers)).await?;
        if reply.word == "GONE" {
            return Err(self.forget_numbers());
        }
        plan.applied(reply, &numbers)
    }

    /// Learns the numbers of topics anew, when it is asked again: one of them is there no more.
    fn forget_numbers(&self) -> Error {
        self.numbers().clear();
        Error::Unavailable("a failover has lost a topic, which is made again by the next call".into())
    }

    fn numbers(&self) -> MutexGuard<'_, HashMap<Topic, u64>> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The options of a topic, as a script is given them.
pub(super) fn packed(call: Call<'static>, options: &TopicOptions) -> Call<'static> {
    // A script counts in doubles, which are exact up to there.
    let count = |count: u64| count.min(1 << 52);
    call.number(count(options.capacity)).number(span(options.dedupe_window)).number(count(options.dedupe_ids))
}
