//! The first hands-on of the book's chapter 10: thumbnails of a folder of videos, by ffmpeg as
//! the worker command of a work queue.
//!
//! ```text
//! cargo run --release --features full --example thumbnailer -- MEDIA_PATH
//! ```
//!
//! One frame in every hundred becomes a picture, `thumb1.png`, `thumb2.png`, …, in a folder for
//! each video. Kill it and start it again: only what is not done is done. Start a second one
//! beside it: they share the work. Each video takes four steps, in a folder of its own that the
//! next attempt finds again:
//!
//! ```text
//! folder ──> link ──> measure (ffprobe) ──> cut (ffmpeg) ──> publish ──> thumbnails/VIDEO/
//!    └── every name that the ledger, one SQLite file, does not have yet
//! ```
//!
//! Without a MEDIA_PATH it makes a dozen videos of a few seconds to show what it does.

#![expect(unreachable_pub, reason = "an example's modules are read like a crate's")]

mod board;
mod ffmpeg;
mod job;
mod ledger;
mod place;
mod publish;
mod report;
mod samples;
mod screen;
mod signals;
mod steps;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Parser;
use entourage::{
    core::{Clock, SystemClock},
    workqueue::{ItemName, ScalerOptions, WorkQueueOptions},
};

use crate::{job::Job, place::Place};

/// Makes thumbnails of every video below a folder: one frame in every hundred.
///
/// Exit status: 0 every video is done, 1 some are dead letters, or it was asked to end before,
/// 2 bad usage, or ffmpeg is not installed.
#[derive(Debug, Parser)]
#[command(name = "thumbnailer", version)]
struct Options {
    /// The videos: .mp4, .m4v, .mov, .mkv, .webm, .avi, .mpg and .mpeg files in this folder and below it
    /// [default: a dozen that it makes itself]
    #[arg(value_name = "MEDIA_PATH", env = "MEDIA_PATH")]
    media: Option<PathBuf>,
    /// Where the pictures go, and the ledger of what is done [default: MEDIA_PATH/thumbnails]
    #[arg(long, value_name = "DIR", env = "ENTOURAGE_THUMBNAILER_OUTPUT")]
    output: Option<PathBuf>,
    /// Videos at a time: a number, or auto for as many as the arrivals need, up to one for each core
    /// [default: one for each core]
    #[arg(long, value_name = "N|auto", value_parser = parallelism, env = "ENTOURAGE_THUMBNAILER_PARALLELISM")]
    parallelism: Option<Parallelism>,
    /// Seconds for which a file must have been left alone: who copies videos into the folder is not done before
    #[arg(long, value_name = "SECONDS", default_value_t = 2, env = "ENTOURAGE_THUMBNAILER_SETTLE",
          value_parser = clap::value_parser!(u64).range(0..=3600))]
    settle: u64,
    /// Try the dead letters of earlier runs again
    #[arg(long, env = "ENTOURAGE_THUMBNAILER_RETRY_DEAD")]
    retry_dead: bool,
}

/// How many videos at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parallelism {
    Fixed(usize),
    Auto,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let options = Options::parse();
    let (job, names) = match open(&options).await {
        Ok(opened) => opened,
        Err(error) => return failed(&error, 2),
    };
    match run(&options, &job, &names).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => failed(&error, 1),
    }
}

fn failed(error: &anyhow::Error, status: u8) -> ExitCode {
    eprintln!("thumbnailer: {error:#}");
    ExitCode::from(status)
}

/// The job, and the videos that there are.
async fn open(options: &Options) -> Result<(Job, Vec<ItemName>)> {
    ffmpeg::is_installed()?;
    let (media, settle) = match &options.media {
        Some(media) => (media.clone(), Duration::from_secs(options.settle)),
        None => (samples::made().await?, Duration::ZERO),
    };
    if !media.is_dir() {
        bail!("{} is no folder; name the one with the videos", media.display());
    }
    let place = Place::new(media, options.output.clone())?;
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let manner = match options.parallelism.unwrap_or(Parallelism::Fixed(cores)) {
        Parallelism::Fixed(videos) => WorkQueueOptions::new().with_parallelism(videos),
        Parallelism::Auto => WorkQueueOptions::new().with_scaler(ScalerOptions::new().with_bounds(1, cores)),
    };
    let job = Job::open(place, settle, manner)?;
    let names = job.names().await?;
    Ok((job, names))
}

/// Does the job; says whether every video is done.
async fn run(options: &Options, job: &Job, names: &[ItemName]) -> Result<bool> {
    let clock = SystemClock::new();
    let began = clock.now();
    let shutdown = signals::shutdown()?;
    if options.retry_dead {
        println!("{} dead letters are tried again", job.redrive().await?);
    }
    let before = job.ledger().await?;
    let is_new = !job.is_finished(&before, names).await?;
    if is_new {
        job.work(names, &shutdown).await.context("stopped; run it again to go on")?;
    } else {
        println!("nothing to do: all {} videos were seen to before", names.len());
    }
    let report = job.report(names, &before, clock.now().since(began)).await?;
    print!("{report}");
    Ok(report.is_whole())
}

/// A number of videos from 1 on, or `auto`.
fn parallelism(text: &str) -> Result<Parallelism, String> {
    match text.parse() {
        _ if text == "auto" => Ok(Parallelism::Auto),
        Ok(videos @ 1..=256) => Ok(Parallelism::Fixed(videos)),
        _ => Err("it is a number from 1 to 256, or auto".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Parallelism, parallelism};

    #[test]
    fn parallelism_is_a_number_or_auto() {
        assert_eq!(parallelism("auto"), Ok(Parallelism::Auto));
        assert_eq!(parallelism("3"), Ok(Parallelism::Fixed(3)));
        for text in ["", "0", "-1", "257", "Auto", "3.5"] {
            assert!(parallelism(text).is_err(), "{text:?}");
        }
    }
}
