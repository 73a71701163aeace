//! The workers of `examples/workers`, which know nothing of us, run as they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
    sync::Arc,
    time::Duration,
};

use entourage::{
    core::Shutdown,
    queue::{MemoryQueue, Queue},
    workqueue::{
        CommandWorker, DirectorySource, ExitPolicy, FromNames, ItemData, WorkQueue, WorkQueueOptions,
        WorkSource,
    },
};
use entourage_testkit::{Rng, Scratch, eventually_async};

use crate::DEADLINE;

/// Whether this machine has Python.
pub(crate) fn python() -> Result<(), String> {
    let ran = Command::new("python3").arg("--version").output();
    let is_there = ran.is_ok_and(|ran| ran.status.success());
    if is_there { Ok(()) } else { Err("python3 is not installed".to_owned()) }
}

/// What became of the items.
#[derive(Debug, Default, PartialEq)]
struct Fates {
    done: BTreeSet<String>,
    dead: BTreeMap<String, String>,
}

/// A worker of the examples, its results in `output`, that is soon tried again.
fn worker(program: &str, script: &str, output: &Path) -> CommandWorker {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/workers").join(script);
    let (soon, later) = (Duration::from_millis(10), Duration::from_millis(50));
    let policy = ExitPolicy::new().delays(soon, later);
    CommandWorker::new(program).arg(script).env("OUTPUT", output).exit_policy(policy)
}

/// Works off so many items.
fn work(source: impl WorkSource, worker: CommandWorker, items: usize) -> Fates {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let queue = Arc::new(MemoryQueue::new());
        let options = WorkQueueOptions::new()
            .with_parallelism(2)
            .with_attempts(1_000)
            .with_backoff(Duration::from_millis(10), Duration::from_millis(50));
        let manager = WorkQueue::new("work", source, Arc::clone(&queue), worker).with_options(options);
        let (topic, group) = manager.topic();
        let shutdown = Shutdown::new();
        let watch = async {
            eventually_async(DEADLINE, "every item is done or dead", async || {
                let records = queue.records(&group, "").await.expect("it is in memory");
                let settled = records.iter().filter(|record| record.value != "open").count();
                (settled == items).then_some(())
            })
            .await;
            shutdown.drain();
        };
        let (worked, ()) = tokio::join!(manager.run(&shutdown), watch);
        worked.expect("its name is one");
        let mut fates = Fates::default();
        for dead in queue.dead(&topic, &group, items).await.expect("it is in memory") {
            fates.dead.insert(dead.item.id().to_string(), dead.reason);
        }
        let records = queue.records(&group, "").await.expect("it is in memory");
        let done = records.into_iter().filter(|record| record.value == "done");
        fates.done.extend(done.map(|record| record.key.to_string()));
        fates
    })
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("it is there").flatten();
    let mut names: Vec<_> = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

pub(crate) fn a_worker_in_sh_keeps_the_contract() {
    let scratch = Scratch::new();
    let (inside, output) = (scratch.join("inside"), scratch.join("inside/output"));
    fs::create_dir(&inside).unwrap();
    let names = ["a b.txt", "../evil", ".hidden", "nothing"];
    let source = FromNames::from_iter(names).with_data(|name| {
        let text = if name.as_str() == "nothing" { String::new() } else { format!("the data of {name}") };
        ItemData::new(text).ok()
    });
    // There is no folder for the results at first: the machine's fault, and not an item's.
    let worker = worker("/bin/sh", "compress.sh", &output).on_report({
        let output = output.clone();
        move |report| {
            let is_early = report.item.as_str() == "a b.txt" && report.attempt == 2;
            if is_early {
                fs::create_dir(&output).unwrap();
            }
        }
    });
    let fates = work(source, worker, names.len());
    assert_eq!(fates.done, ["a b.txt".to_owned()].into());
    assert_eq!(fates.dead["nothing"], "exit status 65: there is nothing in it");
    for name in ["../evil", ".hidden"] {
        assert_eq!(fates.dead[name], format!("exit status 65: no file can be called {name}"));
    }
    assert_eq!((files(&output), files(&inside)), (vec!["a b.txt.gz".to_owned()], vec!["output".to_owned()]));
    let unpacked = Command::new("gzip").args(["-dc"]).arg(output.join("a b.txt.gz")).output().unwrap();
    assert_eq!(String::from_utf8(unpacked.stdout).unwrap(), "the data of a b.txt");
}

pub(crate) fn a_worker_in_python_keeps_the_contract(mut rng: Rng) {
    let scratch = Scratch::new();
    let [inbox, output] = ["inbox", "output"].map(|name| scratch.join(name));
    fs::create_dir(&inbox).unwrap();
    let (width, height) = (64, 48);
    let pixels: Vec<u8> = (0..width * height * 3).map(|_| rng.next_u64() as u8).collect();
    let image = [format!("P6\n{width} {height}\n255\n").as_bytes(), &pixels].concat();
    fs::write(inbox.join("good one.ppm"), &image).unwrap();
    fs::write(inbox.join("cut.ppm"), &image[..image.len() - 1]).unwrap();
    fs::write(inbox.join("text.ppm"), "To be, or not to be").unwrap();
    let source = DirectorySource::new(&inbox).unwrap().with_settle(Duration::ZERO);
    let worker = worker("python3", "resize.py", &output).on_report({
        let output = output.clone();
        move |report| {
            // The folder for the results comes late.
            if report.item.as_str() == "good one.ppm" && report.attempt == 1 {
                fs::create_dir(&output).unwrap();
            }
        }
    });
    let fates = work(source, worker, 3);
    assert_eq!(fates.done, ["good one.ppm".to_owned()].into());
    for name in ["cut.ppm", "text.ppm"] {
        assert!(fates.dead[name].starts_with("exit status 65: no such image: "), "{fates:?}");
    }
    assert_eq!(files(&output), ["good one.ppm"]);
    let small = fs::read(output.join("good one.ppm")).unwrap();
    let pixel = |x: usize, y: usize| &pixels[(y * width + x) * 3..][..3];
    let mut expected = b"P6\n32 24\n255\n".to_vec();
    for (x, y) in (0..24).flat_map(|y| (0..32).map(move |x| (x, y))) {
        expected.extend(pixel(x * 2, y * 2));
    }
    assert!(small == expected, "it is not every second pixel of every second row");
}
