//! What really happened, and which promise it breaks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entourage_core::{Clock, Fence, Moment};
use entourage_election::{Held, fence::HighestSeen};
use entourage_store::Txn;

use crate::tally::{Broken, Counts, Life};

/// Who believes what.
#[derive(Debug)]
struct Belief {
    life: Life,
    key: String,
    token: u64,
    held: Held,
    /// The clock of its process.
    clock: Arc<dyn Clock>,
}

/// The grant of an epoch, as the store made it.
#[derive(Debug)]
struct Grant {
    /// Whose, unless the former owner handed over: then of whichever life has the key.
    life: Option<Life>,
    key: String,
    /// Whether an ownership with it was reported.
    told: bool,
    released: bool,
}

/// What really happened so far, outside of all processes.
#[derive(Debug)]
struct Record {
    grants: BTreeMap<u64, Grant>,
    beliefs: Vec<Belief>,
    /// Up to which epoch the earlier lives of a session are excused: another life resumed it.
    resumed: BTreeMap<String, u64>,
    working: BTreeSet<(Life, String)>,
    /// The highest fence that the sink let in.
    highest: u64,
    /// Requests of owners that are still under way.
    late_writes: Vec<Fence>,
    late_txns: Vec<(u64, Txn)>,
    counts: Counts,
    broken: Option<Broken>,
}

/// The judge of one history: it is told by the store itself, and by contenders what they believe.
#[derive(Debug)]
pub(crate) struct Judge {
    /// Whether belief must end before another is granted.
    strict: bool,
    /// What the lock protects, outside of the store.
    sink: HighestSeen,
    truth: Arc<dyn Clock>,
    record: Mutex<Record>,
}

impl Judge {
    pub(crate) fn new(strict: bool, truth: Arc<dyn Clock>) -> Self {
        let record = Record {
            grants: BTreeMap::new(),
            beliefs: Vec::new(),
            resumed: BTreeMap::new(),
            working: BTreeSet::new(),
            highest: 0,
            late_writes: Vec::new(),
            late_txns: Vec::new(),
            counts: Counts::default(),
            broken: None,
        };
        // Room for one scope, since there is one.
        let sink = HighestSeen::trusting_first().with_scopes(1);
        Self { strict, sink, truth, record: Mutex::new(record) }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        // What a panicking process leaves behind is judged no more.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn since_start(&self) -> std::time::Duration {
        self.truth.now().since(Moment::ZERO)
    }

    /// What came of it, once it has ended.
    pub(crate) fn verdict(&self) -> (Counts, Option<Broken>) {
        let mut record = self.record();
        // They hold the store, which holds the judge: history by history, memory would grow.
        record.beliefs.clear();
        (record.counts, record.broken.clone())
    }

    pub(crate) fn breaks(&self, promise: &'static str, what: String) {
        self.record().breaks(&*self.truth, promise, what);
    }

    // What the store says

    /// The fence was written with this key, which is the first of the queue: by this life, or by the
    /// former owner, who hands over.
    pub(crate) fn granted(&self, life: Option<&Life>, key: &str, token: u64) {
        let mut record = self.record();
        let record = &mut *record;
        record.counts.grants += 1;
        if let Some((before, last)) = record.grants.last_key_value() {
            let before = *before;
            record.counts.takeovers += u64::from(last.key != key && !last.released);
            if before >= token {
                record.breaks(&*self.truth, "E1", format!("{token} was granted after {before}"));
            }
        }
        let grant = Grant { life: life.cloned(), key: key.to_owned(), told: false, released: false };
        record.grants.insert(token, grant);
        if self.strict {
            record.counts.judged += 1;
            let resumed = &record.resumed;
            let is_excused = |other: &Belief| resumed.get(&other.key).is_some_and(|up| other.token <= *up);
            let still = record.beliefs.iter().find(|other| {
                other.key != key && !is_excused(other) && other.clock.now() < other.held.until()
            });
            if let Some(other) = still {
                let what = format!(
                    "{key} was granted {token} while {} believed in {} until {:?} on its clock, which shows {:?}",
                    other.life.name,
                    other.token,
                    other.held.until(),
                    other.clock.now()
                );
                record.breaks(&*self.truth, "E3", what);
            }
        }
    }

    /// This life asks the store to delete this key.
    pub(crate) fn deletes(&self, life: &Life, key: &str) {
        let mut record = self.record();
        if record.working.contains(&(life.clone(), key.to_owned())) {
            let what = format!("{} releases {key} while its work still runs", life.name);
            record.breaks(&*self.truth, "E4", what);
        }
    }

    /// The store deleted this key for its owner.
    pub(crate) fn deleted(&self, key: &str) {
        let mut record = self.record();
        if let Some((_, last)) = record.grants.iter_mut().next_back()
            && last.key == key
        {
            last.released = true;
        }
    }

    /// Somebody resumed the session of this key.
    pub(crate) fn resumed(&self, key: String) {
        let mut record = self.record();
        record.counts.resumed += 1;
        let latest = record.grants.last_key_value().map_or(0, |(token, _)| *token);
        record.resumed.insert(key, latest);
    }

    /// The store decided about a write to what is guarded by its own fence.
    pub(crate) fn guarded(&self, token: u64, applied: bool) {
        let mut record = self.record();
        let latest = record.grants.last_key_value().map_or(0, |(token, _)| *token);
        if token < latest {
            record.counts.stale += 1;
            record.counts.refused += u64::from(!applied);
            if applied {
                let what = format!("the store took a write of {token}, though {latest} was granted");
                record.breaks(&*self.truth, "E2", what);
            }
        }
    }

    /// The transactions of former owners that arrive only now.
    pub(crate) fn late_txns(&self) -> Vec<(u64, Txn)> {
        let mut record = self.record();
        let latest = record.grants.last_key_value().map_or(0, |(token, _)| *token);
        record.late_txns.extract_if(.., |(token, _)| *token < latest).collect()
    }

    /// With which key this epoch was granted.
    pub(crate) fn key_of(&self, token: u64) -> String {
        self.record().grants.get(&token).map(|grant| grant.key.clone()).unwrap_or_default()
    }

    // What contenders say

    /// Somebody was told that it owns.
    pub(crate) fn owns(&self, life: &Life, key: &str, held: &Held, clock: Arc<dyn Clock>) {
        let token = held.fence().epoch();
        let mut record = self.record();
        let told = match record.grants.get(&token) {
            None => Some(("E5", "was granted to nobody")),
            Some(grant) if grant.told => Some(("E1", "had been given before")),
            Some(grant) if grant.life.as_ref().is_some_and(|granted| granted != life) || grant.key != key => {
                Some(("E1", "was granted to another"))
            }
            Some(_) => None,
        };
        if let Some(grant) = record.grants.get_mut(&token) {
            grant.told = true;
        }
        if let Some((promise, why)) = told {
            record.breaks(&*self.truth, promise, format!("{} owns with {token}, which {why}", life.name));
        }
        let (life, key) = (life.clone(), key.to_owned());
        record.beliefs.push(Belief { life, key, token, held: held.clone(), clock });
    }

    /// Somebody has just seen that it holds; before, it may have seen that this was over.
    pub(crate) fn believes(&self, life: &Life, key: &str, token: u64, was_over: bool) {
        let mut record = self.record();
        if was_over {
            let what =
                format!("{} is told that it holds {token}, after it was told that this is over", life.name);
            record.breaks(&*self.truth, "E3", what);
        }
        let is_excused = record.resumed.get(key).is_some_and(|up| token <= *up);
        let later =
            record.grants.last_key_value().filter(|(later, grant)| **later > token && grant.key != key);
        if let Some((later, _)) = later
            && self.strict
            && !is_excused
        {
            let what = format!("{} is told that it holds {token}, though {later} was granted", life.name);
            record.breaks(&*self.truth, "E3", what);
        }
    }

    /// Guarded work of this life begins, and lasts until what is returned is dropped.
    pub(crate) fn works(self: &Arc<Self>, life: &Life, key: &str) -> Working {
        let what = (life.clone(), key.to_owned());
        self.record().working.insert(what.clone());
        Working { judge: Arc::clone(self), what }
    }

    // The sink

    /// Writes to the sink, which decides; then whatever was late arrives.
    pub(crate) fn write(&self, fence: &Fence) -> bool {
        let mut record = self.record();
        let is_in = record.write(&*self.truth, &self.sink, fence);
        let latest = record.highest;
        let late: Vec<Fence> = record.late_writes.extract_if(.., |late| late.epoch() < latest).collect();
        for fence in late {
            record.write(&*self.truth, &self.sink, &fence);
        }
        is_in
    }

    /// A write that is under way until a later owner has written.
    pub(crate) fn delay_write(&self, fence: Fence) {
        self.record().late_writes.push(fence);
    }

    /// A guarded transaction that is under way until a later owner was granted.
    pub(crate) fn delay_txn(&self, token: u64, txn: Txn) {
        self.record().late_txns.push((token, txn));
    }
}

impl Record {
    /// Only the first counts: what follows may follow from it.
    fn breaks(&mut self, truth: &dyn Clock, promise: &'static str, what: String) {
        let at = truth.now().since(Moment::ZERO);
        self.broken.get_or_insert_with(|| Broken { promise, what: format!("after {at:?}, {what}") });
    }

    fn write(&mut self, truth: &dyn Clock, sink: &HighestSeen, fence: &Fence) -> bool {
        let token = fence.epoch();
        let is_in = sink.check(fence).is_ok();
        if token < self.highest {
            self.counts.stale += 1;
            self.counts.refused += u64::from(!is_in);
            if is_in {
                let what = format!("the sink let {token} in after {}", self.highest);
                self.breaks(truth, "E2", what);
            }
        } else if !is_in {
            let what = format!("the sink refuses {token}, though it saw no higher than {}", self.highest);
            self.breaks(truth, "E2", what);
        }
        if is_in {
            self.highest = self.highest.max(token);
        }
        is_in
    }
}

/// Work that goes on until this is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the work"]
pub(crate) struct Working {
    judge: Arc<Judge>,
    what: (Life, String),
}

impl Drop for Working {
    fn drop(&mut self) {
        self.judge.record().working.remove(&self.what);
    }
}
