//! Files of this machine: where they may come from, and where outputs are put.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use entourage_queue::Item;
use entourage_workqueue::{FileWorker, Folders, Outcome, Script};

use super::{COPIES, once, work};
use crate::bench::{Bench, is_retry};

fn worker(bench: &Bench, script: &str) -> FileWorker {
    for folder in ["media", "outputs"] {
        fs::create_dir_all(bench.path(folder)).unwrap();
    }
    FileWorker::new(Script::text(script).unwrap())
        .with_root(bench.path("media"))
        .with_output_folder(bench.path("outputs"))
        .with_command(|command| command.env("OUT", bench.scratch.path()))
        .with_folders(Folders::kept_under(work(bench)))
}

/// The names in a directory, sorted.
fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_below_an_allowed_root_is_copied_and_its_outputs_are_put_into_a_folder() {
    let bench = Bench::new();
    let worker = worker(&bench, COPIES);
    fs::create_dir(bench.path("media/sub")).unwrap();
    let content: Vec<u8> = (0..10_000_000_u32).map(|number| (number % 251) as u8).collect();
    fs::write(bench.path("media/sub/a b.bin"), &content).unwrap();
    let media = bench.path("media");
    for (id, payload) in [
        ("one", format!("file://{}/sub/a%20b.bin", media.display())),
        ("../two", format!(r#"{{"path":"{}/sub/a b.bin","bytes":10000000}}"#, media.display())),
    ] {
        let (outcome, why) = once(&worker, &Item::new(id, payload), 1).await;
        assert_eq!(outcome, Outcome::Done, "{why}");
    }
    let outputs = names(&bench.path("outputs"));
    assert_eq!(outputs.len(), 2, "{outputs:?}");
    assert!(outputs[0] == "one" && outputs[1].starts_with("two~"), "{outputs:?}");
    for folder in outputs {
        assert_eq!(names(&bench.path(&format!("outputs/{folder}"))), ["copy"]);
        assert!(fs::read(bench.path(&format!("outputs/{folder}/copy"))).unwrap() == content);
    }
}

#[tokio::test]
async fn no_file_outside_of_the_roots_is_read_whatever_leads_there() {
    let bench = Bench::new();
    let worker = worker(&bench, COPIES);
    let media = bench.path("media");
    fs::write(bench.path("secret"), "secret").unwrap();
    fs::create_dir(bench.path("elsewhere")).unwrap();
    fs::write(bench.path("elsewhere/secret"), "secret").unwrap();
    symlink(bench.path("secret"), media.join("link")).unwrap();
    symlink(bench.path("elsewhere"), media.join("folder")).unwrap();
    fs::create_dir(media.join("directory")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(media.join("pipe")).status().unwrap().success());
    let root = bench.scratch.path().display();
    for url in [
        format!("file://{root}/secret"),
        format!("file://{root}/media/../secret"),
        format!("file://{root}/media/%2e%2e/secret"),
        format!("file://{root}/media/..%2fsecret"),
        format!("file://{root}/media/link"),
        format!("file://{root}/media/folder/secret"),
        format!("file://{root}/media/directory"),
        format!("file://{root}/media/pipe"),
        format!("file://{root}/media/absent"),
        format!("file://{root}/media"),
        format!("file://{root}/mediaeval/secret"),
        format!(r#"{{"path":"{root}/media/../secret"}}"#),
        format!(r#"{{"path":"{root}/secret"}}"#),
        "file:///etc/passwd".to_owned(),
    ] {
        let (outcome, _) = once(&worker, &Item::new("an item", url.clone()), 1).await;
        assert!(matches!(outcome, Outcome::Dead(_)), "{url}: {outcome:?}");
    }
    assert!(!bench.path("runs").exists(), "nothing was fetched");
}

#[tokio::test]
async fn who_looks_while_outputs_are_put_sees_whole_files_only() {
    let bench = Bench::new();
    let script = "#!/bin/sh\nfor n in 1 2 3 4; do head -c 3000000 /dev/zero > \"$OUTPUT_DIR/$n\"; done\n";
    let worker = worker(&bench, script);
    fs::write(bench.path("media/a"), "data").unwrap();
    let item = Item::new("x", format!("file://{}/media/a", bench.scratch.path().display()));
    let (stop, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let folder = bench.path("outputs/x");
    let looking = {
        let (stop, looks) = (Arc::clone(&stop), Arc::clone(&looks));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                for name in ["1", "2", "3", "4"] {
                    if let Ok(found) = fs::metadata(folder.join(name)) {
                        assert_eq!(found.len(), 3_000_000, "{name} is not whole");
                        looks.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        })
    };
    let (outcome, why) = once(&worker, &item, 1).await;
    stop.store(true, Ordering::Relaxed);
    looking.join().expect("all that was seen was whole");
    assert_eq!(outcome, Outcome::Done, "{why}");
    assert_eq!(names(&bench.path("outputs/x")), ["1", "2", "3", "4"], "no draft is left");
}

#[tokio::test]
async fn a_folder_for_outputs_that_is_away_is_tried_again_and_a_link_in_it_is_not_followed() {
    let bench = Bench::new();
    let worker = worker(&bench, COPIES);
    fs::write(bench.path("media/a"), "data").unwrap();
    let item = Item::new("x", format!("file://{}/media/a", bench.scratch.path().display()));
    fs::remove_dir(bench.path("outputs")).unwrap();
    let (outcome, why) = once(&worker, &item, 1).await;
    assert!(is_retry(&outcome) && why.contains("cannot be put into"), "{outcome:?} {why}");
    fs::create_dir(bench.path("outputs")).unwrap();
    fs::create_dir(bench.path("elsewhere")).unwrap();
    symlink(bench.path("elsewhere"), bench.path("outputs/x")).unwrap();
    assert!(is_retry(&once(&worker, &item, 1).await.0));
    assert_eq!(names(&bench.path("elsewhere")), Vec::<String>::new());
    fs::remove_file(bench.path("outputs/x")).unwrap();
    assert_eq!(once(&worker, &item, 1).await.0, Outcome::Done);
    assert_eq!(fs::read_to_string(bench.path("outputs/x/copy")).unwrap(), "data");
    assert_eq!(bench.read("runs"), "run\n", "what was done was not done again");
}
