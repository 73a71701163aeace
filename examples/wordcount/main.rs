//! The book's Count (*Designing Distributed Systems*, chapter 12): every word below some
//! files or directories, counted by workers that share a durable queue in one file.
//!
//! ```text
//! cargo run --release --features full --example wordcount -- PATH…
//! ```
//!
//! Kill it and start it again: it goes on where it was. Start a second one beside it, on the
//! same `--state`: they share the work. Pages of at most 256 KiB are sharded over N queues,
//! counted in parallel, and reduced by the set of pages that went in, so no page is ever
//! counted twice or forgotten:
//!
//! ```text
//! walk ──> pages-0 … pages-N ──> count ──> parts ──> reduce-pages ──> files ──> reduce-files ──> result
//! ```

#![expect(unreachable_pub, reason = "an example's modules are read like a crate's")]

mod count;
mod counts;
mod job;
mod page;
mod report;
mod run;
mod table;
mod tree;
mod walk;
mod words;

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use entourage::{
    blueprint::{Blueprint, Format},
    core::{Shutdown, SystemClock, sleep},
};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    job::{Job, Manner, Wanted},
    report::{Report, grouped},
};

/// Counts every word below files and directories, durably, with no server.
///
/// A word is a run of alphabetic characters, lower-cased; a run of more than 256 is none.
/// Symbolic links are not followed. A file that is not UTF-8, cannot be read, or changes
/// while it is counted is left out whole and listed.
///
/// Exit status: 0 done, 1 something was skipped or failed, 2 bad usage or another job's state.
#[derive(Debug, Parser)]
#[command(name = "wordcount", version)]
struct Options {
    /// Files and directories; by default this repository, without .git and target.
    #[arg(env = "ENTOURAGE_WORDCOUNT_PATHS", value_delimiter = None)]
    paths: Vec<PathBuf>,
    /// Where the job is kept; two processes with the same state share the work.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "entourage-wordcount.db",
        env = "ENTOURAGE_WORDCOUNT_STATE"
    )]
    state: PathBuf,
    /// Where the counts go, as JSON.
    #[arg(long, value_name = "FILE", env = "ENTOURAGE_WORDCOUNT_OUT")]
    out: Option<PathBuf>,
    /// Print how far the state is, as JSON, and exit.
    #[arg(long, env = "ENTOURAGE_WORDCOUNT_STATUS")]
    status: bool,
    /// Queues that the pages are spread over.
    #[arg(long, value_name = "N", default_value_t = 4, env = "ENTOURAGE_WORDCOUNT_SHARDS",
          value_parser = clap::value_parser!(u64).range(1..=256))]
    shards: u64,
    /// Pages that are counted at the same time; by default one for each core.
    #[arg(long, value_name = "N", env = "ENTOURAGE_WORDCOUNT_WORKERS", value_parser = clap::value_parser!(u64).range(1..=256))]
    workers: Option<u64>,
    /// Words in the table and the chart.
    #[arg(long, value_name = "N", default_value_t = 20, env = "ENTOURAGE_WORDCOUNT_TOP")]
    top: usize,
    /// Most different words; files that bring more are left out and listed.
    #[arg(long, value_name = "N", default_value_t = 2_000_000, env = "ENTOURAGE_WORDCOUNT_MAX_WORDS")]
    max_words: u64,
    /// How often a page may be in the hands of a process that dies before it is given up.
    #[arg(long, value_name = "N", default_value_t = 5, env = "ENTOURAGE_WORDCOUNT_DELIVERY_LIMIT")]
    delivery_limit: u32,
    /// Print the stages and channels as a Mermaid diagram and exit.
    #[arg(long, env = "ENTOURAGE_WORDCOUNT_BLUEPRINT")]
    blueprint: bool,
    /// Forget what the state holds and begin anew.
    #[arg(long, env = "ENTOURAGE_WORDCOUNT_FRESH")]
    fresh: bool,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let options = Options::parse();
    if options.status {
        return status(&options.state).await.unwrap_or_else(|error| failed(&error, 2));
    }
    let job = match open(&options).await {
        Ok(job) => job,
        Err(error) => return failed(&error, 2),
    };
    let done = if options.blueprint { draw(&options, &job) } else { count(&options, &job).await };
    done.unwrap_or_else(|error| failed(&error, 1))
}

fn failed(error: &anyhow::Error, status: u8) -> ExitCode {
    eprintln!("wordcount: {error:#}");
    ExitCode::from(status)
}

async fn open(options: &Options) -> Result<Job> {
    if options.fresh {
        forget(&options.state).await?;
    }
    let wanted = Wanted { roots: roots(&options.paths)?, shards: options.shards, limit: options.max_words };
    Job::open(&options.state, wanted).await
}

/// The paths as the state keeps them: absolute, each once, none below another.
fn roots(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let repository = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let given = if paths.is_empty() { std::slice::from_ref(&repository) } else { paths };
    let mut roots = given.iter().map(|path| resolved(path)).collect::<Result<Vec<_>>>()?;
    roots.sort_unstable();
    // Sorted by component, so what lies below a path comes right after it.
    roots.dedup_by(|below, above| below.starts_with(above));
    Ok(roots)
}

/// An absolute path whose directory is free of links; its last part is left as it is named.
fn resolved(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else { return Ok(absolute) };
    Ok(parent.canonicalize().map_or_else(|_| absolute.clone(), |parent| parent.join(name)))
}

/// The files that belong to a state.
fn files_of(state: &Path) -> impl Iterator<Item = PathBuf> {
    ["", "-wal", "-shm", "-journal", "-lock", "-turn"].into_iter().map(move |suffix| {
        let mut name = state.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

/// Deletes a state of ours, and nothing that is not.
async fn forget(state: &Path) -> Result<()> {
    if !state.exists() {
        return Ok(());
    }
    let ours = Job::look(state).await.context("--fresh deletes only a state of this program")?;
    if ours.is_none() {
        bail!("{} holds no word count; --fresh deletes only a state of this program", state.display());
    }
    drop(ours);
    for file in files_of(state).filter(|file| file.exists()) {
        fs::remove_file(&file).with_context(|| format!("cannot delete {}", file.display()))?;
    }
    Ok(())
}

fn manner(options: &Options) -> Result<Manner> {
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get() as u64);
    let workers = usize::try_from(options.workers.unwrap_or(cores))?;
    let without: &[&str] = if options.paths.is_empty() { &[".git", "target"] } else { &[] };
    let mut own: HashSet<PathBuf> = files_of(&resolved(&options.state)?).collect();
    own.extend(options.out.as_deref().map(resolved).transpose()?);
    Ok(Manner { workers, delivery_limit: options.delivery_limit, without, own })
}

fn draw(options: &Options, job: &Job) -> Result<ExitCode> {
    println!("{}", Blueprint::of(&job.workflow(&manner(options)?)?).render(Format::Mermaid));
    Ok(ExitCode::SUCCESS)
}

async fn status(state: &Path) -> Result<ExitCode> {
    if !state.exists() {
        bail!("there is no state {}", state.display());
    }
    let (pages, settled) = match Job::look(state).await? {
        Some(job) => job.progress().await.map(|progress| (progress.pages, progress.settled))?,
        None => (None, 0),
    };
    println!("{}", serde_json::json!({"pages": pages, "settled": settled}));
    Ok(ExitCode::SUCCESS)
}

async fn count(options: &Options, job: &Job) -> Result<ExitCode> {
    println!("state: {}", options.state.display());
    let workflow = job.workflow(&manner(options)?)?;
    let whole = if let Some(whole) = workflow.result(Duration::ZERO).await? {
        println!("this state is finished; --fresh counts anew");
        print_changed(&job.changed_since().await?);
        whole
    } else {
        let shutdown = Shutdown::new();
        tokio::select! {
            biased;
            whole = workflow.run(&shutdown) => whole.context("stopped before the end; run it again to go on")?,
            error = watch(job) => return Err(error),
        }
    };
    let (progress, skipped) = (job.progress().await?, job.skipped(&whole).await?);
    let counts = whole.value.unwrap_or_default();
    let report = Report {
        words: counts.words(),
        total: counts.total,
        files: counts.files.len(),
        pages: progress.pages.unwrap_or(progress.listed),
        counted: progress.counted,
        skipped,
        more_skipped: counts.more_notes,
    };
    print!("{}", report.print(options.top));
    if let Some(out) = &options.out {
        report.write(out)?;
    }
    let whole = report.skipped.is_empty() && report.more_skipped == 0;
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print_changed(changed: &[PathBuf]) {
    const PRINTED: usize = 20;
    for path in changed.iter().take(PRINTED) {
        println!("changed since: {}", path.display());
    }
    if changed.len() > PRINTED {
        println!("changed since: {} more", grouped((changed.len() - PRINTED) as u64));
    }
}

/// Draws the progress until it is dropped; ends only when the state cannot be read.
async fn watch(job: &Job) -> anyhow::Error {
    let bar = ProgressBar::new(0);
    let known = "{bar:40} {pos}/{len} pages  {per_sec}  {eta} left";
    bar.set_style(ProgressStyle::with_template(known).unwrap_or_else(|_| ProgressStyle::default_bar()));
    let clock = SystemClock::new();
    let mut began = false;
    loop {
        match job.progress().await {
            Ok(progress) => {
                if !std::mem::replace(&mut began, true) {
                    // What earlier runs settled is not this run's speed.
                    bar.set_position(progress.settled);
                    bar.reset_eta();
                }
                bar.set_length(progress.listed);
                bar.set_position(progress.settled);
            }
            Err(error) => return error,
        }
        sleep(&clock, Duration::from_millis(200)).await;
    }
}
