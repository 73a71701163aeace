//! Where the files of an item are.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    time::Duration,
};

use entourage_core::{Moment, Shutdown};
use entourage_queue::Item;
use entourage_testkit::eventually_async;
use entourage_workqueue::{CommandWorker, Ended, Folders, Outcome, Worker};

use crate::bench::{Bench, DEADLINE, attempt, attempt_at, in_time, is_retry};

/// How many entries there are in a directory.
fn entries(path: &std::path::Path) -> usize {
    fs::read_dir(path).expect("it is a directory").count()
}

#[tokio::test]
async fn a_folder_is_gone_with_its_attempt_unless_it_is_kept() {
    let bench = Bench::new();
    let root = bench.path("work");
    // It counts the attempts that have left something for it.
    let script = r#"echo again >> tries; wc -l < tries > "$OUT/tries"; [ "$ENTOURAGE_ATTEMPT" = 3 ]"#;
    for (folders, seen) in [(Folders::under(&root), "1\n"), (Folders::kept_under(&root), "3\n")] {
        let worker = bench.sh(script).folders(folders);
        let item = Item::new("an item", "data");
        for number in 1..=3 {
            let outcome =
                worker.work(&item, &attempt_at(&item, number, Moment::NEVER, &Shutdown::new())).await;
            assert_eq!(outcome == Outcome::Done, number == 3, "{:?}", bench.last());
        }
        assert_eq!(bench.read("tries"), seen);
        assert_eq!(entries(&root), 0, "done is done");
    }
}

#[tokio::test]
async fn what_is_kept_is_the_items_of_this_content_alone() {
    let bench = Bench::new();
    let script = r#"[ -e old ] && exit 0; touch old; exit 1"#;
    let worker = bench.sh(script).folders(Folders::kept_under(bench.path("work")));
    let work = async |item: Item| worker.work(&item, &attempt(&item)).await;
    assert!(is_retry(&work(Item::new("a/b", "one")).await));
    assert!(is_retry(&work(Item::new("a_b", "one")).await), "another id");
    assert!(is_retry(&work(Item::new("a/b", "two")).await), "another content");
    let with_header = Item::new("a/b", "two").with_headers([("a".to_owned(), "b".to_owned())]);
    assert!(is_retry(&work(with_header.clone()).await), "another header");
    assert_eq!(work(with_header).await, Outcome::Done);
    assert_eq!(work(Item::new("a_b", "one")).await, Outcome::Done);
}

#[tokio::test]
async fn a_dead_item_leaves_no_folder() {
    let bench = Bench::new();
    let root = bench.path("work");
    let worker = bench.sh("touch rest; exit 65").folders(Folders::kept_under(&root));
    assert!(matches!(bench.once(&worker).await.outcome, Outcome::Dead(_)));
    assert_eq!(entries(&root), 0);
}

#[tokio::test]
async fn two_attempts_of_one_item_are_never_in_its_folder_together() {
    let bench = Bench::new();
    let folders = Folders::under(bench.path("work"));
    let worker = bench
        .sh(r#"mkdir "$OUT/inside" || exit 65; sleep 0.3; rmdir "$OUT/inside""#)
        .folders(folders.clone());
    let item = Item::new("an item", "");
    let attempts = [attempt(&item), attempt(&item), attempt(&item)];
    let outcomes = tokio::join!(
        worker.work(&item, &attempts[0]),
        worker.work(&item, &attempts[1]),
        worker.work(&item, &attempts[2])
    );
    assert_eq!(outcomes, (Outcome::Done, Outcome::Done, Outcome::Done));

    // One that waits until its time is over has burnt nothing.
    let long =
        bench.sh(r#"touch "$OUT/begun"; while [ ! -e "$OUT/end" ]; do sleep 0.05; done"#).folders(folders);
    let late = async {
        let path = bench.path("begun");
        eventually_async(DEADLINE, "the first runs", async || path.exists().then_some(())).await;
        let attempt = attempt_at(&item, 2, in_time(Duration::from_secs(1)), &Shutdown::new());
        let outcome = worker.work(&item, &attempt).await;
        fs::write(bench.path("end"), "").unwrap();
        outcome
    };
    let (first, second) = tokio::join!(long.work(&item, &attempts[0]), late);
    assert_eq!((first, second), (Outcome::Done, Outcome::Interrupted));
}

#[tokio::test]
async fn a_directory_that_others_may_write_to_is_refused_with_what_to_do() {
    let bench = Bench::new();
    let root = bench.path("open");
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).unwrap();
    let report = bench.once(&bench.sh("exit 0").folders(Folders::under(&root))).await;
    assert!(is_retry(&report.outcome));
    let Ended::NotStarted(why) = report.ended else { panic!("{:?}", report.ended) };
    assert!(why.contains("may be written by others; make it yours and its mode 0700"), "{why}");
}

#[tokio::test]
async fn a_link_in_place_of_a_folder_is_not_followed() {
    let bench = Bench::new();
    let (root, elsewhere) = (bench.path("work"), bench.path("elsewhere"));
    let worker = bench.sh(r#"dirname "$PWD" > "$OUT/folder"; exit 1"#).folders(Folders::kept_under(&root));
    assert!(is_retry(&bench.once(&worker).await.outcome));
    let folder = bench.read("folder");
    let folder = std::path::Path::new(folder.trim());
    assert_eq!(folder.parent(), Some(&*root));
    fs::remove_dir_all(folder).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("precious"), "").unwrap();
    symlink(&elsewhere, folder).unwrap();
    let report = bench.once(&worker).await;
    let Ended::NotStarted(why) = report.ended else { panic!("{:?}", report.ended) };
    assert!(why.contains("is a link, and is not followed"), "{why}");
    assert_eq!(entries(&elsewhere), 1, "nothing was touched");

    fs::remove_dir_all(&elsewhere).unwrap();
    let report = bench.once(&worker).await;
    let Ended::NotStarted(why) = report.ended else { panic!("{:?}", report.ended) };
    assert!(why.contains("is a link, and is not followed"), "it leads nowhere: {why}");
}

#[tokio::test]
async fn a_temporary_directory_that_was_cleaned_away_is_made_again() {
    let bench = Bench::new();
    let worker = bench.sh(r#"dirname "$(dirname "$PWD")" > "$OUT/root""#);
    let mut roots = Vec::new();
    for _ in 0..2 {
        let report = bench.once(&worker).await;
        assert_eq!(report.outcome, Outcome::Done, "{report:?}");
        let root = std::path::PathBuf::from(bench.read("root").trim());
        fs::remove_dir_all(&root).unwrap();
        roots.push(root);
    }
    drop::<CommandWorker>(worker);
    assert!(roots.iter().all(|root| !root.exists()), "{roots:?}");
}

#[tokio::test]
async fn the_temporary_directory_is_removed_with_the_last_worker() {
    let bench = Bench::new();
    let worker = bench.sh(r#"dirname "$(dirname "$PWD")" > "$OUT/root""#);
    assert_eq!(bench.once(&worker).await.outcome, Outcome::Done);
    let root = bench.read("root");
    let root = std::path::Path::new(root.trim());
    assert!(root.exists());
    drop::<CommandWorker>(worker);
    assert!(!root.exists());
}
