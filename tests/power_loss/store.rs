//! Transactions of a store.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use entourage::{
    core::Clock,
    store::{Entry, SqliteOptions, SqliteStore, Store, StoreExt, Test, Txn, What},
};

use crate::{Subject, content, runtime};

pub(crate) const SUBJECT: Subject = Subject { name: "store", write, faults, is_write: |_| true };

const TASKS: u64 = 16;
/// Every other write is deleted again by the one that comes so many later.
const BEHIND: u64 = 8;

fn key(task: u64, number: u64) -> String {
    format!("write/{task:02}/{number:08}")
}

fn last(task: u64) -> String {
    format!("last/{task:02}")
}

fn value(task: u64, number: u64) -> Bytes {
    content(number * TASKS + task).into()
}

/// What the `number`th transaction of `task` deletes.
fn deleted_by(number: u64) -> Option<u64> {
    number.checked_sub(BEHIND).filter(|number| number % 2 == 0)
}

fn transaction(task: u64, number: u64) -> Txn {
    let txn = Txn::new()
        .when(key(task, number), Test::Absent)
        .put(key(task, number), value(task, number))
        .put(last(task), number.to_string());
    match deleted_by(number) {
        Some(old) => txn.when(key(task, old), Test::Present).delete(key(task, old)),
        None => txn,
    }
}

/// Prints task, number and version of every transaction that was applied.
fn write(path: &Path) {
    let store = SqliteStore::open(path).expect("the store opens");
    runtime().block_on(async {
        let task = |task: u64| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0.. {
                    // Without power every call fails.
                    let Ok(outcome) = store.transact(transaction(task, number)).await else { return };
                    let version = outcome.applied().expect("the task alone writes its keys");
                    println!("{task} {number} {version}");
                }
            })
        };
        let tasks: Vec<_> = (0..TASKS).map(task).collect();
        for task in tasks {
            task.await.expect("a task does not panic");
        }
    });
}

/// Each task waits for every answer: so the state is that of its transactions up to one of them,
/// the last one acknowledged or a later one, and nothing else.
fn faults(path: &Path, clock: Arc<dyn Clock>, lines: &[&str]) -> Vec<String> {
    let mut acknowledged = BTreeMap::new();
    for line in lines {
        let numbers: Vec<u64> = line.split(' ').map(|part| part.parse().expect("a number")).collect();
        let [task, number, version] = numbers[..] else { panic!("{line:?} has not three numbers") };
        acknowledged.insert((task, number), version);
    }
    let store = match SqliteOptions::new().with_clock(clock).open(path) {
        Ok(store) => store,
        Err(error) => return vec![format!("it does not open: {error:?}")],
    };
    runtime().block_on(async {
        let found = match entries(&store).await {
            Ok(found) => found,
            Err(error) => return vec![format!("it cannot be read: {error:?}")],
        };
        let mut faults = Vec::new();
        let mut expected = BTreeSet::new();
        for task in 0..TASKS {
            let applied = found.get(&last(task)).map(|entry| number_of(&entry.value));
            let promised = acknowledged.range((task, 0)..(task + 1, 0)).next_back().map(|((_, n), _)| *n);
            if applied < promised {
                faults.push(format!("task {task} is at {applied:?}, and {promised:?} was acknowledged"));
            }
            // As far as anybody knows: what was acknowledged is looked for one by one.
            let applied = applied.max(promised);
            expected.extend(applied.map(|_| last(task)));
            for number in (0..).take_while(|number| applied.is_some_and(|applied| *number <= applied)) {
                let is_deleted = deleted_by(number + BEHIND).is_some() && Some(number + BEHIND) <= applied;
                if is_deleted {
                    continue;
                }
                let key = key(task, number);
                let version = acknowledged.get(&(task, number));
                match found.get(&key) {
                    None => faults.push(format!("{key} is gone")),
                    Some(entry) if entry.value != value(task, number) => {
                        faults.push(format!("{key} has another value"));
                    }
                    Some(entry) if version.is_some_and(|version| entry.version.number() != *version) => {
                        faults.push(format!("{key} is of {}, not of {version:?}", entry.version));
                    }
                    Some(_) => {}
                }
                expected.insert(key);
            }
        }
        let unexpected = found.keys().filter(|key| !expected.contains(*key));
        faults.extend(unexpected.map(|key| format!("{key} is there, and was deleted or never written")));

        let highest = acknowledged.values().max().copied();
        match store.put("after", "the power came back".into()).await {
            Ok(version) if Some(version.number()) > highest => {}
            next => faults.push(format!("after version {highest:?} comes {next:?}")),
        }
        faults
    })
}

fn number_of(value: &Bytes) -> u64 {
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).expect("a number was written")
}

async fn entries(store: &SqliteStore) -> entourage::store::Result<BTreeMap<String, Entry>> {
    let mut found = BTreeMap::new();
    let mut what = What::prefix("");
    loop {
        let page = store.list(&what).await?;
        let end = page.entries.last().map(|entry| entry.key.clone());
        found.extend(page.entries.into_iter().map(|entry| (entry.key.clone(), entry)));
        match end {
            Some(end) if page.more => what = What::prefix("").after(end),
            _ => return Ok(found),
        }
    }
}
