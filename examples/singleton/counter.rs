//! The counter that the leader writes, as it stands in the store.

use std::str;

use anyhow::{Context, Result};
use bytes::Bytes;
use entourage::{
    election::Held,
    store::{Condition, FencedStore, Outcome, Test, Txn},
};

/// The election. Its contenders' keys lie below this name and a slash.
pub const ELECTION: &str = "singleton";
/// What it protects. It begins with the same letters, so that one watch sees both.
pub const COUNTER: &str = "singleton-counter";

/// A value of the counter, with who wrote it and by what right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    pub count: u64,
    pub epoch: u64,
    pub writer: String,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The counter stands here now.
    Count(u64),
    /// Whoever tried leads no longer.
    Refused,
}

impl Count {
    pub fn encode(&self) -> Bytes {
        format!("{} {} {}", self.count, self.epoch, self.writer).into()
    }

    pub fn decode(value: &[u8]) -> Result<Self> {
        let read = || {
            let mut parts = str::from_utf8(value).ok()?.splitn(3, ' ');
            let mut number = || parts.next()?.parse().ok();
            let (count, epoch) = (number()?, number()?);
            Some(Self { count, epoch, writer: parts.next()?.to_owned() })
        };
        read().with_context(|| format!("the key {COUNTER:?} holds what no singleton wrote"))
    }
}

/// Adds one, if `held` is still the latest leadership when the store gets there.
pub async fn increment(store: &FencedStore, held: &Held, writer: &str) -> Result<Written> {
    loop {
        let (test, before) = match store.get(COUNTER).await? {
            Some(entry) => (Test::Version(entry.version), Count::decode(&entry.value)?.count),
            None => (Test::Absent, 0),
        };
        let (count, epoch) = (before + 1, held.fence().epoch());
        let next = Count { count, epoch, writer: writer.to_owned() };
        let txn = held.guard(Txn::new().when(COUNTER, test).put(COUNTER, next.encode()));
        let of_counter =
            |place: usize| matches!(&txn.conditions[place], Condition::Key { key, .. } if key == COUNTER);
        match store.transact(txn.clone()).await? {
            Outcome::Applied { .. } => return Ok(Written::Count(count)),
            // Written by another in between, which the next look will tell; or by this one, whose
            // earlier answer was lost.
            Outcome::Refused { condition, .. } if of_counter(condition) => {}
            Outcome::Refused { .. } => return Ok(Written::Refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use entourage::{
        election::LeaseLock,
        store::{FencedStore, MemoryStore, Store},
    };

    use super::{COUNTER, Count, ELECTION, Written, increment};

    #[test]
    fn a_count_reads_back_and_another_value_does_not() {
        let count = Count { count: 3, epoch: 14, writer: "a".to_owned() };
        assert_eq!(Count::decode(&count.encode()).unwrap(), count);
        for value in [b"".as_slice(), b"3", b"3 14", b"x 14 a", b"\xff 1 a"] {
            assert!(Count::decode(value).is_err(), "{value:?}");
        }
    }

    #[tokio::test]
    async fn only_the_latest_leader_counts() {
        let store = MemoryStore::new();
        let fenced = FencedStore::from(store.clone());
        let lock = LeaseLock::builder(store.clone(), ELECTION).build().unwrap();
        let first = lock.acquire().await.unwrap();
        let former = first.held();
        assert_eq!(increment(&fenced, &former, "a").await.unwrap(), Written::Count(1));
        first.release().await.unwrap();
        let second = lock.acquire().await.unwrap();
        assert_eq!(increment(&fenced, &former, "a").await.unwrap(), Written::Refused);
        assert_eq!(increment(&fenced, &second.held(), "b").await.unwrap(), Written::Count(2));
        let stands = store.get(COUNTER).await.unwrap().unwrap();
        assert_eq!(Count::decode(&stands.value).unwrap().writer, "b");
        second.release().await.unwrap();
    }
}
