//! A pool of workers that sizes itself, by the book's inequality of chapter 10: a queue is stable
//! if, and only if, processing time / parallelism < interarrival time.
//!
//! ```text
//! cargo run --release --features full --example autoscale
//! ```
//!
//! Work comes in bursts. `WorkQueue` measures how often something arrives and how long it takes,
//! and its `Scaler` decides how many workers there are: it grows at once and shrinks slowly. Five
//! minutes pass in ten seconds: everything here waits on one clock, and that one is fast.

#![expect(unreachable_pub, reason = "an example's modules are read like a crate's")]

mod arrivals;
mod clock;
mod history;
mod picture;
mod screen;
mod summary;

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Result;
use clap::Parser;
use entourage::{
    core::{Clock, Shutdown, sleep},
    queue::{Item, MemoryQueue},
    workqueue::{
        Attempt, Filter, FromNames, ItemName, Outcome, ScalerOptions, WorkQueue, WorkQueueOptions, Worker,
        worker_fn,
    },
};

use crate::{
    arrivals::Arrivals,
    clock::FastClock,
    history::{History, Sample},
    screen::Screen,
};

/// Items are looked for, and the pool is sized, once a second.
const SECOND: Duration = Duration::from_secs(1);

/// Over how long the scaler takes its averages, and how long fewer workers must have been enough.
const WINDOW: Duration = Duration::from_secs(30);

/// Shows a pool of workers that grows in a burst and shrinks after it, and says why.
///
/// Exit status: 0 the pool grew, shrank, and every item was done once, 1 it did not.
#[derive(Debug, Parser)]
#[command(name = "autoscale", version)]
struct Options {
    /// Seconds that pass in one
    #[arg(long, value_name = "N", default_value_t = 30, env = "ENTOURAGE_AUTOSCALE_SPEED",
          value_parser = clap::value_parser!(u32).range(1..=100))]
    speed: u32,
    /// Another course of chance
    #[arg(long, value_name = "N", default_value_t = 1, env = "ENTOURAGE_AUTOSCALE_SEED")]
    seed: u64,
    /// How long an item takes, in milliseconds, give or take a quarter
    #[arg(long, value_name = "MS", default_value_t = 2000, env = "ENTOURAGE_AUTOSCALE_PROCESSING",
          value_parser = clap::value_parser!(u64).range(1..=60_000))]
    processing: u64,
    /// Most workers
    #[arg(long, value_name = "N", default_value_t = 16, env = "ENTOURAGE_AUTOSCALE_MAX",
          value_parser = clap::value_parser!(u64).range(1..=256))]
    max: u64,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("autoscale: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<bool> {
    let clock: Arc<dyn Clock> = Arc::new(FastClock::new(options.speed));
    let arrivals = Arc::new(Arrivals::of(options.seed));
    let began = clock.now();
    let queue = MemoryQueue::with_clock(Arc::clone(&clock));
    let (come, hands) = (Arc::clone(&arrivals), Arc::clone(&clock));
    // A source of everything that will ever come, without what has not come yet.
    let source = FromNames::from_iter(arrivals.names());
    let source = Filter::new(source, move |name: &ItemName| come.has_come(name, hands.now().since(began)));
    let worker = worker(Arc::clone(&clock), Duration::from_millis(options.processing));
    let scaler = ScalerOptions::new()
        .with_bounds(1, usize::try_from(options.max)?)
        .with_window(WINDOW)
        .with_catch_up(WINDOW)
        .with_patience(WINDOW);
    // On a fast clock a busy machine is soon silent for half a minute.
    let manner = WorkQueueOptions::new()
        .with_scaler(scaler)
        .with_interval(SECOND)
        .with_lease(Duration::from_secs(3600));
    let manager = WorkQueue::new("autoscale", source, queue, worker).with_options(manner);

    let shutdown = Shutdown::new();
    let watch = async {
        let (mut history, mut screen) = (History::default(), Screen::new(options.speed)?);
        loop {
            let at = clock.now().since(began);
            let sample = Sample::of(&manager, at);
            let is_over = at >= arrivals::SPAN && sample.done == arrivals.count();
            history.push(sample);
            screen.draw(&history)?;
            // A pool that lost an item would wait for it for ever.
            if is_over || at >= arrivals::SPAN * 3 {
                break;
            }
            sleep(&*clock, SECOND).await;
        }
        screen.clear()?;
        shutdown.drain();
        anyhow::Ok(history)
    };
    let (worked, history) = tokio::join!(manager.run(&shutdown), watch);
    worked?;
    let history = history?;
    print!("{}", summary::summary(&history));
    let faults = summary::faults(&history, arrivals.count());
    faults.iter().for_each(|fault| println!("BROKEN: {fault}"));
    Ok(faults.is_empty())
}

/// Takes its time, which depends on the item alone.
fn worker(clock: Arc<dyn Clock>, processing: Duration) -> impl Worker {
    worker_fn("work", move |item: Item, _: Attempt| {
        let clock = Arc::clone(&clock);
        async move {
            let number =
                item.id().as_str().bytes().fold(0_u32, |sum, byte| sum * 31 % 1000 + u32::from(byte));
            // From three quarters to five quarters.
            sleep(&*clock, processing * (750 + number % 501) / 1000).await;
            Outcome::Done
        }
    })
}
