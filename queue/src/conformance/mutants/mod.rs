//! Queues that are wrong on purpose, each in one way: a suite is worth what it catches.

mod queue;
mod receiver;
mod settler;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use entourage_core::{SystemClock, timeout};
use entourage_engine::conformance::{Fixture, Run};

use self::queue::Wrong;
use super::{listed, subject::Subject};

/// A queue that is wrong in one way.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// What it does that no queue may.
    pub name: &'static str,
    fault: Fault,
}

/// How a queue is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    LosesTheLastOfABatch,
    SplitsBatches,
    ForgetsIds,
    RemembersIdsForEver,
    RemembersEveryId,
    ForgetsHeaders,
    IgnoresKeys,
    IgnoresDelays,
    IgnoresPriorities,
    IgnoresCapacity,
    TakesOneMoreThanCapacity,
    JudgesCapacityBeforeTheStep,
    HasRoomAtOnce,
    SharesOneGroup,
    LosesTheBacklog,
    CountsTheWaitingAsReady,
    ForgetsAges,
    HidesReasons,
    RedrivesAll,
    ListsEveryRecord,
    ChangesItsRealm,
    LeasesTooLong,
    LeasesTooShort,
    StopsItsHeart,
    BeatsForEver,
    DeliversOnceTooOften,
    RepeatsEpochs,
    BurnsWhatIsReleased,
    ForgetsRetries,
    RetriesAtOnce,
    DropsTheRejected,
    TakesFewerThanAtLeast,
    MixesBundles,
    IgnoresBytes,
    WaitsForEver,
    SleepsThroughNews,
    LosesDroppedReceives,
    KeepsWhatItHeldAtClose,
    ReceivesAfterClose,
    AppliesTwice,
    HidesRepetitions,
    ReportsNothingAgain,
    PublishesBeforeItSettles,
    WritesBeforeItSettles,
    SettlesTheRestOfAStaleStep,
    KeepsFailedSteps,
    IgnoresVersions,
    KeepsDeletedRecords,
    RenewsNothing,
    RenewsTheStale,
    AdoptsAnyRealm,
}

macro_rules! mutants {
    ($($name:ident: $fault:ident),* $(,)?) => {
        &[$(Mutant { name: stringify!($name), fault: Fault::$fault }),*]
    };
}

/// Every queue that is wrong on purpose. The list of [`cases`](super::cases) catches each.
pub const MUTANTS: &[Mutant] = mutants![
    loses_the_last_of_a_batch: LosesTheLastOfABatch,
    splits_batches: SplitsBatches,
    forgets_ids: ForgetsIds,
    remembers_ids_for_ever: RemembersIdsForEver,
    remembers_every_id: RemembersEveryId,
    forgets_headers: ForgetsHeaders,
    ignores_keys: IgnoresKeys,
    ignores_delays: IgnoresDelays,
    ignores_priorities: IgnoresPriorities,
    ignores_capacity: IgnoresCapacity,
    takes_one_more_than_capacity: TakesOneMoreThanCapacity,
    judges_capacity_before_the_step: JudgesCapacityBeforeTheStep,
    has_room_at_once: HasRoomAtOnce,
    shares_one_group: SharesOneGroup,
    loses_the_backlog: LosesTheBacklog,
    counts_the_waiting_as_ready: CountsTheWaitingAsReady,
    forgets_ages: ForgetsAges,
    hides_reasons: HidesReasons,
    redrives_all: RedrivesAll,
    lists_every_record: ListsEveryRecord,
    changes_its_realm: ChangesItsRealm,
    leases_too_long: LeasesTooLong,
    leases_too_short: LeasesTooShort,
    stops_its_heart: StopsItsHeart,
    beats_for_ever: BeatsForEver,
    delivers_once_too_often: DeliversOnceTooOften,
    repeats_epochs: RepeatsEpochs,
    burns_what_is_released: BurnsWhatIsReleased,
    forgets_retries: ForgetsRetries,
    retries_at_once: RetriesAtOnce,
    drops_the_rejected: DropsTheRejected,
    takes_fewer_than_at_least: TakesFewerThanAtLeast,
    mixes_bundles: MixesBundles,
    ignores_bytes: IgnoresBytes,
    waits_for_ever: WaitsForEver,
    sleeps_through_news: SleepsThroughNews,
    loses_dropped_receives: LosesDroppedReceives,
    keeps_what_it_held_at_close: KeepsWhatItHeldAtClose,
    receives_after_close: ReceivesAfterClose,
    applies_twice: AppliesTwice,
    hides_repetitions: HidesRepetitions,
    reports_nothing_again: ReportsNothingAgain,
    publishes_before_it_settles: PublishesBeforeItSettles,
    writes_before_it_settles: WritesBeforeItSettles,
    settles_the_rest_of_a_stale_step: SettlesTheRestOfAStaleStep,
    keeps_failed_steps: KeepsFailedSteps,
    ignores_versions: IgnoresVersions,
    keeps_deleted_records: KeepsDeletedRecords,
    renews_nothing: RenewsNothing,
    renews_the_stale: RenewsTheStale,
    adopts_any_realm: AdoptsAnyRealm,
];

impl Mutant {
    /// What the others are made of, without a fault: no case may catch it.
    pub const HARMLESS: Self = Self { name: "harmless", fault: Fault::Nothing };

    /// Makes the queue of a subject wrong.
    #[must_use]
    pub fn spoil(&self, subject: Subject) -> Subject {
        let fault = self.fault;
        subject.map(move |queue| Arc::new(Wrong::new(queue, fault)))
    }

    /// The cases that catch it, each run on a fresh queue of `fixture`, on a thread named
    /// after it: so a panic hook can tell these panics, which are meant, from others.
    ///
    /// # Panics
    /// When no thread can be started.
    #[must_use]
    pub fn caught_by<F: Fixture<Subject = Subject>>(&self, fixture: &F) -> Vec<&'static str> {
        let (mutant, fixture) = (*self, fixture.clone());
        let body = move || {
            let cases = listed().into_iter().filter(|case| fixture.exempt(case.name).is_none());
            cases.filter(|case| mutant.fails(&fixture, case.run)).map(|case| case.name).collect()
        };
        let thread = thread::Builder::new().name(format!("mutant {}", self.name)).spawn(body);
        thread.expect("a thread can be started").join().expect("a failing case is caught")
    }

    fn fails<F: Fixture<Subject = Subject>>(&self, fixture: &F, run: fn(Subject) -> Run) -> bool {
        let body = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be built").block_on(async {
                let (_guard, subject) = fixture.open().await;
                // A wrong queue may keep a case busy for ever.
                timeout(&SystemClock::new(), fixture.deadline(), run(self.spoil(subject))).await
            })
        };
        !matches!(catch_unwind(AssertUnwindSafe(body)), Ok(Ok(())))
    }
}
