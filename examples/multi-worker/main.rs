//! The book's multi-worker of chapter 10: detect faces, tag them, blur them, each by a worker of
//! its own that knows nothing of the others.
//!
//! ```text
//! cargo run --release --features full --example multi-worker
//! ```
//!
//! The steps share a folder for each image, and are closures and commands in any mixture:
//!
//! ```text
//! link ──> decode ──> detect ──> tag ──> blur ──> publish ──> OUTPUT/IMAGE/
//! closure  ffmpeg     closure    sh+awk  sh+ffmpeg closure
//! ```
//!
//! Without images it draws some with faces at known places, has a process of its own work on them,
//! kills it before one step and the next one before another, and lets a third finish. In the end it
//! shows which run began which steps, and judges the result by its pixels: what was blurred has less
//! contrast than before, and all around it is as it was.

#![expect(unreachable_pub, reason = "an example's modules are read like a crate's")]

mod check;
mod detect;
mod draw;
mod image;
mod job;
mod log;
#[path = "../thumbnailer/publish.rs"]
mod publish;
mod steps;
mod story;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};
use clap::Parser;

use crate::{job::Job, steps::STEPS};

/// Finds the faces in images, tags them, and blurs them: three workers as one.
///
/// A face is what has the colour of skin and some size. Exit status: 0 every image is done and
/// everything that must hold held, 1 it did not, 2 bad usage, or ffmpeg is not installed.
#[derive(Debug, Parser)]
#[command(name = "multi-worker", version)]
struct Options {
    /// A folder with .png images [default: some that it draws itself, with two kills in between]
    #[arg(value_name = "IMAGES", env = "ENTOURAGE_MULTI_WORKER_IMAGES")]
    images: Option<PathBuf>,
    /// Where the results go, and the ledger of what is done [default: IMAGES/blurred]
    #[arg(long, value_name = "DIR", env = "ENTOURAGE_MULTI_WORKER_OUTPUT")]
    output: Option<PathBuf>,
    /// Images at a time
    #[arg(long, value_name = "N", default_value_t = 2, env = "ENTOURAGE_MULTI_WORKER_PARALLELISM",
          value_parser = clap::value_parser!(u64).range(1..=64))]
    parallelism: u64,
    /// Kill the whole program, as kill -9 does, when this step of an image is to begin
    #[arg(long, value_name = "STEP", env = "ENTOURAGE_MULTI_WORKER_KILL_BEFORE", value_parser = STEPS, requires = "images")]
    kill_before: Option<String>,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let options = Options::parse();
    let ran = match ffmpeg_is_installed() {
        Ok(()) => run(options).await,
        Err(error) => {
            eprintln!("multi-worker: {error:#}");
            return ExitCode::from(2);
        }
    };
    match ran {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("multi-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<bool> {
    let parallelism = usize::try_from(options.parallelism)?;
    let Some(images) = options.images else { return story::play(parallelism).await };
    let output = options.output.unwrap_or_else(|| images.join("blurred"));
    let job = Job::open(images, output, parallelism, options.kill_before)?;
    let (done, dead) = job.work().await?;
    println!("{done} images are in {}", job.output().display());
    dead.iter().for_each(|(name, why)| println!("{name} could not be done: {why}"));
    Ok(dead.is_empty())
}

fn ffmpeg_is_installed() -> Result<()> {
    let ran = std::process::Command::new("ffmpeg").arg("-version").output();
    if !ran.is_ok_and(|ran| ran.status.success()) {
        bail!("ffmpeg is not installed, or fails: `apt-get install ffmpeg`, `brew install ffmpeg`");
    }
    Ok(())
}
