//! What a watch and an observer see whose stream is cut again and again, and once compacted.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use entourage_core::{SystemClock, timeout};
use entourage_election::{Election, Leadership, Observed};
use entourage_store::{Change, Error, EtcdOptions, Store, Version, Watch};
use entourage_testkit::{Etcd, Relay, eventually_async};
use tokio::task::JoinHandle;

use super::connect;
use crate::subject::{LONG, NAME};

const CHANGES: u64 = 1_000;
const BATCH: u64 = 50;
const EVERY: Duration = Duration::from_millis(50);
const DEADLINE: Duration = Duration::from_secs(40);

/// What was seen: the number that was written, or that some are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Number {
        number: u64,
        version: Version,
    },
    /// Where the present begins that follows, if that is said.
    Gap {
        as_of: Option<Version>,
    },
}

/// One who looks on until the last number has come.
struct Onlooker {
    looking: JoinHandle<()>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Onlooker {
    /// Asks `next` again and again.
    fn new<N: Next + Send + 'static>(mut next: N) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let looking = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                loop {
                    let next = next.next().await;
                    seen.lock().unwrap().push(next);
                    if matches!(next, Seen::Number { number: CHANGES, .. }) {
                        return;
                    }
                }
            }
        });
        Self { looking, seen }
    }

    /// The last number that was seen so far.
    fn heard(&self) -> u64 {
        let seen = self.seen.lock().unwrap();
        let numbers = seen.iter().rev().filter_map(|seen| match seen {
            Seen::Number { number, .. } => Some(*number),
            Seen::Gap { .. } => None,
        });
        numbers.max().unwrap_or(0)
    }

    /// Waits until it has seen this number, or that there is a gap and nothing after it yet.
    async fn caught_up(&self, number: u64) {
        eventually_async(DEADLINE, "who looks on has caught up", async || {
            let is_in_a_gap = matches!(self.seen.lock().unwrap().last(), Some(Seen::Gap { .. }));
            (is_in_a_gap || self.heard() == number).then_some(())
        })
        .await;
    }

    /// What was seen by the time that the last number came, or was awaited for too long.
    async fn seen(self) -> Vec<Seen> {
        let ended = timeout(&SystemClock::new(), DEADLINE, self.looking).await;
        if let Ok(ended) = ended {
            ended.unwrap();
        }
        self.seen.lock().unwrap().clone()
    }
}

trait Next {
    fn next(&mut self) -> impl Future<Output = Seen> + Send;
}

impl Next for Box<dyn Watch> {
    async fn next(&mut self) -> Seen {
        loop {
            match (**self).next().await {
                Ok(Change::Put(entry)) => {
                    return Seen::Number { number: number(&entry.value), version: entry.version };
                }
                Ok(Change::Resync { as_of }) => return Seen::Gap { as_of: Some(as_of) },
                // It is deaf for a while, and says so.
                Err(Error::Unavailable(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

impl Next for entourage_election::Observer {
    async fn next(&mut self) -> Seen {
        match Self::next(self).await.unwrap() {
            Observed::Leader(leader) => {
                Seen::Number { number: number(&leader.value), version: leader.version }
            }
            Observed::Resync => Seen::Gap { as_of: None },
            other => panic!("{other:?}"),
        }
    }
}

fn number(value: &Bytes) -> u64 {
    std::str::from_utf8(value).unwrap().parse().unwrap()
}

/// Who leads, and proclaims one number after the other.
struct Writer {
    leader: Leadership,
    written: u64,
}

impl Writer {
    async fn write(&mut self, changes: u64) {
        for _ in 0..changes {
            self.written += 1;
            self.leader.proclaim(self.written.to_string()).await.unwrap();
        }
    }

    /// Writes in batches, each over several cuts.
    async fn write_under_cuts(&mut self, changes: u64, relay: &Relay) {
        let _cutting = relay.cut_every(EVERY);
        for _ in 0..changes / BATCH {
            let cuts = relay.cuts();
            self.write(BATCH).await;
            eventually_async(DEADLINE, "the stream is cut", async || {
                (relay.cuts() >= cuts + 2).then_some(())
            })
            .await;
        }
    }
}

/// Demands that `seen` is what was written, from 1 to the last, with one gap behind `heard`.
///
/// Nobody else writes to the server, so that one number follows the other in its versions too.
fn assert_faithful(who: &str, seen: &[Seen], zero: u64, heard: u64) {
    let mut last = 0;
    let mut gap = None;
    for (place, next) in seen.iter().enumerate() {
        match *next {
            Seen::Gap { as_of } => {
                assert!(gap.is_none(), "{who}: a second gap after {last}");
                assert!(last >= heard, "{who}: a gap after {last}, and nothing was dropped before {heard}");
                gap = Some((place, as_of));
            }
            Seen::Number { number, version } => {
                assert_eq!(version.number(), zero + number, "{who}: {number} at another version");
                match gap {
                    Some((before, as_of)) if before + 1 == place => {
                        assert!(number > last + 1, "{who}: a gap between {last} and {number}");
                        // Not one is missing that came after it.
                        if let Some(as_of) = as_of {
                            assert_eq!(number, as_of.number() - zero + 1, "{who}: after {as_of}");
                        }
                    }
                    _ => assert_eq!(number, last + 1, "{who}: {number} after {last}, and no gap is told"),
                }
                last = number;
            }
        }
    }
    assert!(gap.is_some(), "{who}: what was dropped unseen is missing, and no gap is told");
    assert_eq!(last, CHANGES, "{who}");
}

/// Some changes are dropped from the history when they were seen, and some before.
pub(super) async fn what_is_seen_through_a_stream_that_is_cut_is_what_was_written(etcd: Arc<Etcd>) {
    let server = etcd.endpoints().remove(0);
    let relay = Relay::to(&server);
    let store = connect(EtcdOptions::new([&server])).await;
    let leader = Election::builder(store, NAME).ttl(LONG).build().unwrap().campaign("0").await.unwrap();
    let zero = leader.fence().epoch();
    let mut writer = Writer { leader, written: 0 };

    let limit = Duration::from_secs(2);
    let options = EtcdOptions::new([relay.endpoint()]).with_timeout(limit).with_connect_timeout(limit);
    let (one, other) = (connect(options.clone()).await, connect(options).await);
    let watch = one.watch(&format!("{NAME}/"), None).await.unwrap();
    let mut observer = Election::builder(other, NAME).ttl(LONG).build().unwrap().observe();
    let present = Next::next(&mut observer).await;
    assert_eq!(present, Seen::Number { number: 0, version: Version::new(zero) });
    let (watching, observing) = (Onlooker::new(watch), Onlooker::new(observer));

    // What both have seen is dropped, and missed by nobody.
    writer.write_under_cuts(300, &relay).await;
    for onlooker in [&watching, &observing] {
        onlooker.caught_up(writer.written).await;
    }
    compact(&etcd, zero + writer.written);
    writer.write_under_cuts(300, &relay).await;

    // What nobody has seen is dropped.
    relay.close();
    let heard = watching.heard().min(observing.heard());
    writer.write(BATCH).await;
    compact(&etcd, zero + writer.written);
    writer.write(BATCH).await;
    relay.open();
    writer.write_under_cuts(CHANGES - writer.written - BATCH, &relay).await;
    for onlooker in [&watching, &observing] {
        onlooker.caught_up(writer.written).await;
    }
    writer.write(BATCH).await;

    for (who, onlooker) in [("the watch", watching), ("the observer", observing)] {
        assert_faithful(who, &onlooker.seen().await, zero, heard);
    }
    assert!(relay.cuts() >= 30, "{} cuts", relay.cuts());
    writer.leader.resign().await.unwrap();
}

fn compact(etcd: &Etcd, version: u64) {
    let said = etcd.ctl(["compaction", &version.to_string()]);
    assert!(said.stdout.contains("compacted"), "{said:?}");
}
