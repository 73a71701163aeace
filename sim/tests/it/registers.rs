//! Registers that clients count in, and what their counts say.

use std::{collections::BTreeMap, sync::Arc};

use entourage_sim::{History, Op, Run, What as Happened};
use entourage_store::{Entry, Outcome, Store, Test, Txn};
use serde_json::Value;

/// A client of registers that writes down what it asks and what it is told.
pub(crate) struct Registers {
    store: Arc<dyn Store>,
    history: History,
    pub(crate) name: String,
    asked: u32,
}

fn text(entry: Option<&Entry>) -> Value {
    entry.map_or(Value::Null, |entry| String::from_utf8_lossy(&entry.value).into_owned().into())
}

impl Registers {
    pub(crate) fn new(store: Arc<dyn Store>, history: History, name: String) -> Self {
        Self { store, history, name, asked: 0 }
    }

    fn ask(&mut self, op: Op) -> String {
        self.asked += 1;
        let p = format!("{}.{}", self.name, self.asked);
        self.history.record(Happened::Invoke { p: p.clone(), op });
        p
    }

    pub(crate) async fn read(&mut self, k: &str) -> Option<Option<Entry>> {
        let p = self.ask(Op::Read { k: k.to_owned() });
        let found = self.store.get(k).await.ok();
        self.history.record(match &found {
            Some(found) => Happened::Ok { p, v: Some(text(found.as_ref())) },
            None => Happened::Info { p },
        });
        found
    }

    /// Swaps by version, which is by value too: no value is ever written twice.
    pub(crate) async fn swap(&mut self, k: &str, found: Option<&Entry>, new: String) -> Option<bool> {
        let old = text(found);
        let p = self.ask(Op::Cas { k: k.to_owned(), old, new: new.clone().into() });
        let test = found.map_or(Test::Absent, |entry| Test::Version(entry.version));
        match self.store.transact(Txn::new().when(k, test).put(k, new)).await {
            Ok(Outcome::Applied { .. }) => {
                self.history.record(Happened::Ok { p, v: None });
                Some(true)
            }
            Ok(Outcome::Refused { .. }) => {
                self.history.record(Happened::Fail { p });
                Some(false)
            }
            Err(error) => {
                let unknown = error.is_unknown();
                self.history.record(if unknown { Happened::Info { p } } else { Happened::Fail { p } });
                (!unknown).then_some(false)
            }
        }
    }
}

/// The number at the front of a register's value, behind which is who wrote it.
pub(crate) fn number(entry: Option<&Entry>) -> u64 {
    let value = entry.map(|entry| String::from_utf8_lossy(&entry.value).into_owned());
    value.map_or(0, |value| value.split_once(' ').unwrap().0.parse().unwrap())
}

/// Every increment that was acknowledged is in the final value, and no more than may be.
pub(crate) fn check_counts(run: &Run) {
    let events = run.history.events();
    let mut asked = BTreeMap::new();
    let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut highest: BTreeMap<String, u64> = BTreeMap::new();
    for event in &events {
        match &event.what {
            Happened::Invoke { p, op: Op::Cas { k, .. } } => {
                asked.insert(p.clone(), k.clone());
                counts.entry(k.clone()).or_default().1 += 1;
            }
            Happened::Invoke { p, op: Op::Read { k } } => drop(asked.insert(p.clone(), k.clone())),
            Happened::Ok { p, v: None } => counts.entry(asked[p].clone()).or_default().0 += 1,
            Happened::Ok { p, v: Some(Value::String(seen)) } => {
                let number: u64 = seen.split_once(' ').unwrap().0.parse().unwrap();
                let highest = highest.entry(asked[p].clone()).or_default();
                *highest = number.max(*highest);
            }
            Happened::Fail { p } => {
                if let Some((_, most)) = counts.get_mut(&asked[p]) {
                    *most -= 1;
                }
            }
            _ => {}
        }
    }
    for (key, highest) in highest {
        let (_, most) = counts[&key];
        assert!(highest <= most, "{key} counts {highest}, and at most {most} increments happened");
    }
}
