//! E4: guarded work has ended before its ownership is released.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use entourage_core::{sleep, timeout};
use entourage_election::Ran;
use entourage_store::StoreExt;

use crate::{
    subject::{LONG, Subject},
    wire::Way,
};

/// What work takes to stop: far less than the grace time, and more than nothing.
const TIDYING: Duration = Duration::from_millis(50);

/// Whether what it is part of has ended.
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) async fn e4_work_that_ends_is_released_after_its_end(subject: Subject) {
    let (process, clock) = (subject.process().await, subject.clock());
    let ownership = process.lock(LONG).acquire().await.unwrap();
    let work = ownership.run(async |held| {
        sleep(&*clock, TIDYING).await;
        assert!(held.is_held());
        clock.now()
    });
    let ran = subject.within("the work ends", work).await;
    let Ran::Finished(ended) = ran else { panic!("{ran:?}") };
    assert!(process.released().is_some_and(|released| released.sent >= ended));
    assert!(subject.keys().await.is_empty());
}

pub(crate) async fn e4_work_that_is_lost_is_cancelled_and_finished_before_release_is_sent(subject: Subject) {
    let (process, clock) = (subject.process().await, subject.clock());
    let ownership = process.lock(LONG).acquire().await.unwrap();
    let key = ownership.key().unwrap().0.to_owned();
    let work = ownership.run(async |held| {
        // An operator takes it away, and a release could be sent at any moment.
        subject.operator.delete(&key).await.unwrap();
        held.lost().await;
        sleep(&*clock, TIDYING).await;
        clock.now()
    });
    let ran = subject.within("the work ends", work).await;
    let Ran::Late(ended) = ran else { panic!("{ran:?}") };
    let released = process.released().expect("it is released, so that nobody waits");
    assert!(released.sent >= ended, "{released:?}, ended at {ended:?}");
}

pub(crate) async fn e4_work_that_does_not_end_in_time_is_dropped_and_its_lease_left_to_expire(
    subject: Subject,
) {
    let process = subject.process().await;
    let ownership = process.lock(subject.short).acquire().await.unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    process.wire.becomes(Way::Refused);
    let work = ownership.run(|_held| {
        let ends = Ends(Arc::clone(&ended));
        async move {
            let _ends = ends;
            pending::<()>().await;
        }
    });
    assert_eq!(subject.within("the work is dropped", work).await, Ran::Cut);
    assert!(ended.load(Ordering::Relaxed));
    process.wire.becomes(Way::Open);
    subject.contending(0).await;
    assert_eq!(process.released(), None, "it expired");
}

pub(crate) async fn e4_dropping_the_run_drops_the_work_and_releases_nothing(subject: Subject) {
    let process = subject.process().await;
    let ownership = process.lock(subject.short).acquire().await.unwrap();
    let (held, ended) = (ownership.held(), Arc::new(AtomicBool::new(false)));
    let ends = Ends(Arc::clone(&ended));
    let running = ownership.run(|_held| async move {
        let _ends = ends;
        pending::<()>().await;
    });
    assert!(timeout(&*subject.clock(), subject.short / 10, running).await.is_err());
    assert!(ended.load(Ordering::Relaxed) && !held.is_held());
    subject.contending(0).await;
    assert_eq!(process.released(), None, "it expired");
}
