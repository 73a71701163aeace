//! What has become of the videos, as the ledger has it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use entourage::{
    queue::{Group, Queue, Topic},
    workqueue::ItemName,
};

/// What has become of the videos.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub done: BTreeSet<String>,
    pub dead: BTreeSet<String>,
}

impl Ledger {
    /// The records of the manager's group: one for each name that it has published.
    pub async fn read(queue: &dyn Queue, group: &Group) -> Result<Self> {
        let mut ledger = Self::default();
        for record in queue.records(group, "").await? {
            match &record.value[..] {
                b"done" => ledger.done.insert(record.key.to_string()),
                b"dead" => ledger.dead.insert(record.key.to_string()),
                _ => false,
            };
        }
        Ok(ledger)
    }

    /// How many of these are done or dead.
    pub fn settled(&self, names: &[ItemName]) -> usize {
        names.iter().filter(|name| self.has(name)).count()
    }

    pub fn has(&self, name: &ItemName) -> bool {
        self.done.contains(name.as_str()) || self.dead.contains(name.as_str())
    }
}

/// The dead letters, by name, each with its reason.
pub async fn reasons(
    queue: &dyn Queue,
    (topic, group): (&Topic, &Group),
) -> Result<BTreeMap<String, String>> {
    const MOST: usize = 1_000;
    let dead = queue.dead(topic, group, MOST).await?;
    Ok(dead.into_iter().map(|dead| (dead.item.id().to_string(), dead.reason)).collect())
}
