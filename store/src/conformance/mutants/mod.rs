//! Stores that are wrong on purpose, each in one way: a suite is worth what it catches.

mod lease;
mod store;
mod watch;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use entourage_core::{SystemClock, timeout};
use entourage_engine::conformance::Fixture;

use self::store::Wrong;
use super::{listed, subject::Subject};

/// A store that is wrong in one way.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// What it does that no store may.
    pub name: &'static str,
    fault: Fault,
}

/// How a store is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    ForgetsVersions,
    ForgetsCreations,
    CreatesOverOthers,
    WritesThoughRefused,
    SplitsTransactions,
    NamesTheLastCondition,
    HidesWhatItFound,
    CommitsReads,
    TakesTheLastOfTwoWrites,
    TakesEmptyForAbsent,
    SkipsEqualValues,
    ReportsTheVersionBefore,
    FoldsCase,
    TakesTooManyWrites,
    TakesTooLongValues,
    TakesPrefixesForFolders,
    ForgetsMore,
    OverrunsLimits,
    TakesBelowForUpTo,
    OrdersByVersion,
    ListsFromTheFuture,
    RepeatsPages,
    ListsKeyByKey,
    ExpiresLate,
    ExpiresEarly,
    RepeatsFences,
    IgnoresFences,
    AdoptsAnyRealm,
    KeepsKeysAttached,
    RenewsForAnybody,
    RenewsNothing,
    EndsNothing,
    EndsForAnybody,
    ResumesTheLost,
    SkipsDeletes,
    WatchesEverything,
    WatchesFromBefore,
    SwallowsResyncs,
    LosesWhatIsDropped,
    RepeatsChanges,
    PositionsInsideCommits,
    SleepsThroughExpiry,
}

macro_rules! mutants {
    ($($name:ident: $fault:ident),* $(,)?) => {
        &[$(Mutant { name: stringify!($name), fault: Fault::$fault }),*]
    };
}

/// Every store that is wrong on purpose. The list of [`cases`](super::cases) catches each.
pub const MUTANTS: &[Mutant] = mutants![
    forgets_versions: ForgetsVersions,
    forgets_creations: ForgetsCreations,
    creates_over_others: CreatesOverOthers,
    writes_though_refused: WritesThoughRefused,
    splits_transactions: SplitsTransactions,
    names_the_last_condition: NamesTheLastCondition,
    hides_what_it_found: HidesWhatItFound,
    commits_reads: CommitsReads,
    takes_the_last_of_two_writes: TakesTheLastOfTwoWrites,
    takes_empty_for_absent: TakesEmptyForAbsent,
    skips_equal_values: SkipsEqualValues,
    reports_the_version_before: ReportsTheVersionBefore,
    folds_case: FoldsCase,
    takes_too_many_writes: TakesTooManyWrites,
    takes_too_long_values: TakesTooLongValues,
    takes_prefixes_for_folders: TakesPrefixesForFolders,
    forgets_more: ForgetsMore,
    overruns_limits: OverrunsLimits,
    takes_below_for_up_to: TakesBelowForUpTo,
    orders_by_version: OrdersByVersion,
    lists_from_the_future: ListsFromTheFuture,
    repeats_pages: RepeatsPages,
    lists_key_by_key: ListsKeyByKey,
    expires_late: ExpiresLate,
    expires_early: ExpiresEarly,
    repeats_fences: RepeatsFences,
    ignores_fences: IgnoresFences,
    adopts_any_realm: AdoptsAnyRealm,
    keeps_keys_attached: KeepsKeysAttached,
    renews_for_anybody: RenewsForAnybody,
    renews_nothing: RenewsNothing,
    ends_nothing: EndsNothing,
    ends_for_anybody: EndsForAnybody,
    resumes_the_lost: ResumesTheLost,
    skips_deletes: SkipsDeletes,
    watches_everything: WatchesEverything,
    watches_from_before: WatchesFromBefore,
    swallows_resyncs: SwallowsResyncs,
    loses_what_is_dropped: LosesWhatIsDropped,
    repeats_changes: RepeatsChanges,
    positions_inside_commits: PositionsInsideCommits,
    sleeps_through_expiry: SleepsThroughExpiry,
];

impl Mutant {
    /// What the others are made of, without a fault: no case may catch it.
    pub const HARMLESS: Self = Self { name: "harmless", fault: Fault::Nothing };

    /// Makes the store of a subject wrong.
    #[must_use]
    pub fn spoil(&self, subject: Subject) -> Subject {
        let fault = self.fault;
        subject.map(move |store| Arc::new(Wrong::new(store, fault)))
    }

    /// The cases that catch it, each run on a fresh store of `fixture`, on a thread named
    /// after it: so a panic hook can tell these panics, which are meant, from others.
    ///
    /// # Panics
    /// When the fixture itself fails.
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

    fn fails<F: Fixture<Subject = Subject>>(
        &self,
        fixture: &F,
        run: fn(Subject) -> entourage_engine::conformance::Run,
    ) -> bool {
        let body = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be built").block_on(async {
                let (_guard, subject) = fixture.open().await;
                // A wrong store may keep a case busy for ever.
                timeout(&SystemClock::new(), fixture.deadline(), run(self.spoil(subject))).await
            })
        };
        let outcome: Result<Result<(), _>, Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(body));
        !matches!(outcome, Ok(Ok(())))
    }
}
