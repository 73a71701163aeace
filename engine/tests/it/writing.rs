//! Jobs share commits, fail alone, and are answered whoever waits.

use std::{fs, sync::mpsc};

use entourage_core::{Retryable, Verdict};
use entourage_engine::sqlite::{Durability, EPOCHS_PER_JOB, Error, SqliteFile};

use crate::support::{Folder, note, number, open};

const COUNT: &str = "SELECT count(*) FROM note";

/// Keeps the writer busy until told otherwise, so that what follows falls into one group.
fn occupy(file: &SqliteFile) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let job = file.submit(Durability::Relaxed, move |_| {
        begun.send(()).unwrap();
        let _ = released.recv();
        Ok::<_, Error>(())
    });
    drop(job);
    has_begun.recv().unwrap();
    release
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_share_a_durable_commit() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let file = file.clone();
            tokio::spawn(async move {
                for i in 0..50 {
                    note(&file, Durability::Durable, format!("{task}-{i}")).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let stats = file.stats();
    assert_eq!((stats.jobs, stats.failed_jobs, stats.failures), (800, 0, 0));
    assert!(stats.durable_commits < stats.jobs / 2, "{stats:?}");
    assert_eq!(number(&file, COUNT).await, 800);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_is_undone_alone() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    let release = occupy(&file);
    let add = |body: &'static str, fails: bool| {
        file.submit::<_, Error, _>(Durability::Durable, move |tx| {
            tx.execute("INSERT INTO note (body) VALUES (?1)", [body])?;
            if fails {
                tx.execute("INSERT INTO note (body) VALUES (?1)", [body])?;
            }
            Ok(())
        })
    };
    let (first, second, third) = (add("first", false), add("second", true), add("third", false));
    release.send(()).unwrap();
    first.await.unwrap();
    let refused = second.await.unwrap_err();
    assert!(matches!(refused, Error::Statement(_)), "{refused:?}");
    assert_eq!(refused.verdict(), Verdict::Permanent);
    third.await.unwrap();
    assert_eq!(number(&file, "SELECT count(*) FROM note WHERE body IN ('first', 'third')").await, 2);
    assert_eq!(number(&file, COUNT).await, 2);
    assert_eq!(file.stats().durable_commits, 1, "all three shared it");
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_jobs_of_a_group_fail_the_rest_is_kept_and_epochs_never_repeat() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    let mut expected = Vec::new();
    let mut epochs = Vec::new();
    // Each of five jobs is kept, refused, panics or takes the transaction down, in every order.
    for group in 0..4_u32.pow(5) {
        // A job that takes the transaction down would take those that were kept before it along.
        let fates: Vec<_> = (0..5).map(|job| group / 4_u32.pow(job) % 4).collect();
        let first_kept = fates.iter().position(|fate| *fate == 0).unwrap_or(fates.len());
        if fates[first_kept..].contains(&3) || group % 7 != 0 && group > 64 {
            continue;
        }
        let release = occupy(&file);
        let jobs: Vec<_> = (0_usize..)
            .zip(fates)
            .map(|(job, fate)| {
                let body = format!("{group}-{job}");
                if fate == 0 {
                    expected.push(body.clone());
                }
                let pending = file.submit::<_, Error, _>(Durability::Durable, move |tx| {
                    let epoch = tx.epoch();
                    tx.execute("INSERT INTO note (body) VALUES (?1)", [&body])?;
                    match fate {
                        0 => Ok(epoch),
                        1 => Err(rusqlite::Error::InvalidQuery.into()),
                        2 => panic!("on purpose"),
                        _ => Ok(tx
                            .execute("INSERT OR ROLLBACK INTO note (body) VALUES (?1)", [&body])
                            .map(|_| 0)?),
                    }
                });
                (fate, pending)
            })
            .collect();
        release.send(()).unwrap();
        for (fate, pending) in jobs {
            match (fate, pending.await) {
                (0, Ok(epoch)) => epochs.push(epoch),
                (1 | 3, Err(Error::Statement(_))) | (2, Err(Error::Panicked { .. })) => {}
                (_, answer) => panic!("group {group}: {fate} was answered {answer:?}"),
            }
        }
    }
    assert!(epochs.is_sorted_by(|a, b| a < b), "an epoch is granted twice: {epochs:?}");
    let notes = file.read::<_, Error, _>(|connection| {
        let mut notes = connection.prepare("SELECT body FROM note ORDER BY id")?;
        let notes = notes.query_map([], |row| row.get::<_, String>(0))?;
        Ok(notes.collect::<rusqlite::Result<Vec<_>>>()?)
    });
    assert_eq!(notes.await.unwrap(), expected);
    assert_eq!(file.stats().failures, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_undone_and_the_writer_goes_on() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    let panicked = file.write::<(), Error, _>(Durability::Durable, |tx| {
        tx.execute("INSERT INTO note (body) VALUES ('lost')", [])?;
        panic!("on purpose");
    });
    let Err(Error::Panicked { message }) = panicked.await else { panic!("expected a panic") };
    assert_eq!(message, "on purpose");
    let read = file.read::<(), Error, _>(|_| panic!("in a read")).await;
    assert!(matches!(read, Err(Error::Panicked { .. })), "{read:?}");
    note(&file, Durability::Durable, "kept".to_owned()).await.unwrap();
    assert_eq!(number(&file, COUNT).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_for_whoever_polls_late() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    let pending = file.submit::<_, Error, _>(Durability::Relaxed, |tx| Ok(tx.epoch()));
    note(&file, Durability::Durable, "later".to_owned()).await.unwrap();
    assert_eq!(pending.await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_caller_is_gone_is_still_done() {
    let folder = Folder::new();
    let path = folder.file("db");
    let file = open(&path);
    let release = occupy(&file);
    for i in 0..300 {
        drop(file.submit::<_, Error, _>(Durability::Relaxed, move |tx| {
            Ok(tx.execute("INSERT INTO note (body) VALUES (?1)", [i.to_string()])?)
        }));
    }
    release.send(()).unwrap();
    drop(file);
    assert!(!fs::exists(folder.file("db-wal")).unwrap(), "the last handle leaves no log behind");
    assert_eq!(number(&open(&path), COUNT).await, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_handle_may_be_dropped_by_a_job() {
    let folder = Folder::new();
    let path = folder.file("db");
    let (file, captured) = (open(&path), open(&path));
    let pending = captured.clone().submit::<_, Error, _>(Durability::Relaxed, move |_| {
        drop(captured);
        Ok(())
    });
    pending.await.unwrap();
    let captured = file.clone();
    file.read::<_, Error, _>(move |_| {
        drop(captured);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn relaxed_jobs_commit_without_an_fsync_and_one_durable_job_makes_its_group_durable() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    for i in 0..20 {
        note(&file, Durability::Relaxed, i.to_string()).await.unwrap();
    }
    let stats = file.stats();
    assert_eq!((stats.relaxed_commits, stats.durable_commits), (20, 0));

    let release = occupy(&file);
    let add = |durability, body: &'static str| {
        file.submit::<_, Error, _>(durability, move |tx| {
            Ok(tx.execute("INSERT INTO note (body) VALUES (?1)", [body])?)
        })
    };
    let durable = add(Durability::Durable, "durable");
    let relaxed = add(Durability::Relaxed, "relaxed");
    release.send(()).unwrap();
    durable.await.unwrap();
    relaxed.await.unwrap();
    let stats = file.stats();
    assert_eq!((stats.relaxed_commits, stats.durable_commits), (20, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_changes_nothing_wakes_nobody_and_commits_nothing() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    let mut changes = file.changes();
    file.write::<_, Error, _>(Durability::Durable, |_| Ok(())).await.unwrap();
    let refused = file.write::<(), Error, _>(Durability::Durable, |tx| {
        tx.execute("INSERT INTO note (body) VALUES ('undone')", [])?;
        Err(rusqlite::Error::InvalidQuery.into())
    });
    refused.await.unwrap_err();
    assert_eq!(file.stats().durable_commits, 0);
    note(&file, Durability::Durable, "one".to_owned()).await.unwrap();
    assert!(changes.next().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_end_with_the_file_and_miss_no_commit_made_after_them() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    let mut changes = file.changes();
    note(&file, Durability::Durable, "one".to_owned()).await.unwrap();
    assert!(changes.next().await);
    drop(file);
    while changes.next().await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greedy_job_panics_and_sixty_thousand_epochs_reserve_once() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    note(&file, Durability::Relaxed, "a handle's first reservation".to_owned()).await.unwrap();
    assert_eq!(file.stats().reservations, 1);
    let take = |n| file.write::<_, Error, _>(Durability::Relaxed, move |tx| Ok(tx.epochs(n)));
    assert!(matches!(take(EPOCHS_PER_JOB + 1).await, Err(Error::Panicked { .. })));
    let mut next = 0;
    for _ in 0..130 {
        let epochs = take(EPOCHS_PER_JOB).await.unwrap();
        assert!(
            epochs.start >= next && epochs.end == epochs.start + EPOCHS_PER_JOB,
            "{epochs:?} after {next}"
        );
        next = epochs.end;
    }
    let stats = file.stats();
    assert_eq!((stats.reservations, stats.durable_commits), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_sees_one_snapshot_and_every_answered_write() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    note(&file, Durability::Relaxed, "before".to_owned()).await.unwrap();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (release, released) = mpsc::channel::<()>();
    let reader = file.clone();
    let read = tokio::spawn(async move {
        reader
            .read::<_, Error, _>(move |connection| {
                let count = || connection.query_row(COUNT, [], |row| row.get::<_, i64>(0));
                let first = count()?;
                begun.send(()).unwrap();
                released.recv().unwrap();
                Ok((first, count()?))
            })
            .await
    });
    has_begun.await.unwrap();
    note(&file, Durability::Relaxed, "after".to_owned()).await.unwrap();
    release.send(()).unwrap();
    assert_eq!(read.await.unwrap().unwrap(), (1, 1));
    assert_eq!(number(&file, COUNT).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_cannot_write() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    let written =
        file.read::<_, Error, _>(|connection| Ok(connection.execute("DELETE FROM note", [])?)).await;
    assert!(matches!(written, Err(Error::Statement(_))), "{written:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_brings_the_transaction_down_answers_for_itself() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    let release = occupy(&file);
    let innocent = file.submit::<_, Error, _>(Durability::Durable, |tx| {
        Ok(tx.execute("INSERT INTO note (body) VALUES ('innocent')", [])?)
    });
    let culprit = file.submit::<(), Error, _>(Durability::Durable, |tx| {
        tx.execute("INSERT INTO note (body) VALUES ('culprit')", [])?;
        tx.execute("INSERT OR ROLLBACK INTO note (body) VALUES ('culprit')", [])?;
        Ok(())
    });
    release.send(()).unwrap();
    let refused = innocent.await.unwrap_err();
    assert!(refused.is_retryable(), "{refused:?}");
    assert!(matches!(culprit.await, Err(Error::Statement(_))));
    assert_eq!(number(&file, COUNT).await, 0);
    note(&file, Durability::Durable, "goes on".to_owned()).await.unwrap();
}
