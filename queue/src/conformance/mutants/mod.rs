//! Queues that are wrong on purpose, each in one way: a suite is worth what it catches.

mod queue;
mod receiver;
mod settler;

use std::sync::Arc;

use entourage_engine::conformance::Mutant;

use self::queue::Wrong;
use super::subject::Subject;

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
    JudgesRecordsBeforeAttempts,
    KeepsFailedSteps,
    IgnoresVersions,
    KeepsDeletedRecords,
    RenewsNothing,
    RenewsTheStale,
    AdoptsAnyRealm,
}

macro_rules! mutants {
    ($($name:ident: $fault:ident),* $(,)?) => {
        &[$(Mutant::new(stringify!($name), |subject| spoil(subject, Fault::$fault))),*]
    };
}

/// Every queue that is wrong on purpose. The list of [`cases`](super::cases) catches each.
pub const MUTANTS: &[Mutant<Subject>] = mutants![
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
    judges_records_before_attempts: JudgesRecordsBeforeAttempts,
    keeps_failed_steps: KeepsFailedSteps,
    ignores_versions: IgnoresVersions,
    keeps_deleted_records: KeepsDeletedRecords,
    renews_nothing: RenewsNothing,
    renews_the_stale: RenewsTheStale,
    adopts_any_realm: AdoptsAnyRealm,
];

/// What the others are made of, without a fault: no case may catch it.
pub const HARMLESS: Mutant<Subject> = Mutant::new("harmless", |subject| spoil(subject, Fault::Nothing));

fn spoil(subject: Subject, fault: Fault) -> Subject {
    subject.map(move |queue| Arc::new(Wrong::new(queue, fault)))
}
