//! Two runs that are killed between the steps, and one that finishes.

use std::{
    env, fs,
    os::unix::{fs::DirBuilderExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{self, Command, ExitStatus},
};

use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use entourage::{
    core::{Clock, SystemClock},
    workqueue::ItemName,
};

use crate::{
    check::Verdict,
    draw::{draw, drawing},
    job,
    log::{Log, redone, table},
    steps::STEPS,
};

const IMAGES: u64 = 6;

/// Before which step each run is killed; the last one is not.
const RUNS: [Option<&str>; 3] = [Some("tag"), Some("publish"), None];

/// Plays it all; says whether all that must hold held.
pub async fn play(parallelism: usize) -> Result<bool> {
    tokio::task::spawn_blocking(move || {
        let scratch = scratch()?;
        let held = acts(&scratch, parallelism)?;
        println!("the results stay in {}", scratch.join("blurred").display());
        Ok(held)
    })
    .await?
}

fn acts(scratch: &Path, parallelism: usize) -> Result<bool> {
    draw(scratch, IMAGES)?;
    println!("{IMAGES} images are drawn in {}", scratch.display());
    for (number, kill) in (1..).zip(RUNS) {
        let ended = run(scratch, parallelism, kill)?;
        match kill {
            Some(step) => {
                ensure!(ended.signal() == Some(9), "run {number} was to be killed, and ended with {ended}");
                println!("run {number} was killed (kill -9) before the step {step} of an image");
            }
            None => {
                ensure!(ended.success(), "run {number} failed: {ended}");
                println!("run {number} went on, and finished");
            }
        }
    }
    let output = scratch.join("blurred");
    let log = Log::read(&job::log(&output))?;
    println!("\n{}", table(&log, &STEPS));
    let mut faults: Vec<String> = Vec::new();
    for again in redone(&log, &STEPS) {
        faults.push(format!("the step {} of {} was finished, and done again", again.step, again.image));
    }
    println!("\n{}", verdicts(scratch, &output, &mut faults)?);
    match faults.is_empty() {
        true => println!("no step that was finished was done again; only the faces have changed"),
        false => faults.iter().for_each(|fault| println!("BROKEN: {fault}")),
    }
    Ok(faults.is_empty())
}

/// Runs this program on the images.
fn run(images: &Path, parallelism: usize, kill: Option<&str>) -> Result<ExitStatus> {
    let program = env::current_exe().context("the system does not say which program this is")?;
    let mut command = Command::new(program);
    command.arg(images).args(["--parallelism", &parallelism.to_string()]);
    command.env_remove("ENTOURAGE_MULTI_WORKER_OUTPUT").env_remove("ENTOURAGE_MULTI_WORKER_KILL_BEFORE");
    if let Some(step) = kill {
        command.args(["--kill-before", step]);
    }
    let ran = command.output()?;
    if kill.is_none() && !ran.status.success() {
        eprint!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    }
    Ok(ran.status)
}

/// What the pixels say of each image; what is wrong goes to `faults`.
fn verdicts(images: &Path, output: &Path, faults: &mut Vec<String>) -> Result<Table> {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["image", "faces", "variance before", "after", "changed around them"]);
    for number in 0..IMAGES {
        let name = format!("crowd-{number}.png");
        let result = output.join(ItemName::new(name.as_str())?.file_name());
        let verdict = Verdict::of(&images.join(&name), &result)?;
        let Verdict { faces, before, after, changed } = &verdict;
        let tags: serde_json::Value = serde_json::from_slice(&fs::read(result.join("tags.json"))?)?;
        if tags["faces"].as_array().map(Vec::len) != Some(faces.len()) {
            faults.push(format!("{name}: not every face has its tags"));
        }
        faults.extend(verdict.fault(drawing(number).1.len()).map(|fault| format!("{name}: {fault}")));
        let numbers =
            [faces.len().to_string(), format!("{before:.0}"), format!("{after:.0}"), changed.to_string()];
        table.add_row(std::iter::once(name).chain(numbers));
    }
    Ok(table)
}

/// A new folder of this run.
fn scratch() -> Result<PathBuf> {
    // Process numbers come again, moments of the boot clock do not.
    let name = format!("multi-worker-{}-{:x}", process::id(), SystemClock::new().now().as_nanos());
    let path = env::temp_dir().join(name);
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&path)
        .with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}
