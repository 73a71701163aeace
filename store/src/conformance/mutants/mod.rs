//! Stores that are wrong on purpose, each in one way: a suite is worth what it catches.

mod lease;
mod store;
mod watch;

use std::sync::Arc;

use entourage_engine::conformance::Mutant;

use self::store::Wrong;
use super::subject::Subject;

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
        &[$(Mutant::new(stringify!($name), |subject| spoil(subject, Fault::$fault))),*]
    };
}

/// Every store that is wrong on purpose. The list of [`cases`](super::cases) catches each.
pub const MUTANTS: &[Mutant<Subject>] = mutants![
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

/// What the others are made of, without a fault: no case may catch it.
pub const HARMLESS: Mutant<Subject> = Mutant::new("harmless", |subject| spoil(subject, Fault::Nothing));

fn spoil(subject: Subject, fault: Fault) -> Subject {
    subject.map(move |store| Arc::new(Wrong::new(store, fault)))
}
