//! Long random sequences, compared answer by answer with a store that is too simple to be wrong.
//!
//! Three clients, each with a handle of its own where the store can be opened again, call every
//! operation of the trait, one call at a time: reads, listings, transactions with conditions
//! and fences, sessions that are renewed, resumed, ended and left to expire to the nanosecond,
//! and watches that are read, dropped and resumed. The same seed is always the same sequence.

mod coverage;
mod log;
mod oracle;
mod rng;
mod run;
mod step;
mod watching;

use std::{fmt, time::Duration};

use entourage_core::{Clock, SystemClock};
use entourage_engine::conformance::Fixture;

pub use self::coverage::Coverage;
use self::{
    run::Run,
    step::{Step, draw},
};
use super::subject::Subject;

/// Where a store and the model part.
#[derive(Clone, Debug)]
pub struct Disagreement {
    seed: u64,
    length: usize,
    steps: Vec<Step>,
    why: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, length, steps, why } = self;
        writeln!(
            f,
            "seed {seed}: the store and the model part within {length} steps, of which these suffice:"
        )?;
        for (place, step) in steps.iter().enumerate() {
            writeln!(f, "{place:4}  client {}  {:?}", step.client, step.call)?;
        }
        write!(f, "{why}\nreplay it with ENTOURAGE_SEED={seed}")
    }
}

impl std::error::Error for Disagreement {}

/// How long a sequence that fails is made shorter; a store that keeps it waiting takes long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the sequence of a seed against a fresh store of the fixture.
///
/// # Errors
/// The [`Disagreement`], after the sequence was cut to the shortest beginning that shows one
/// and, as far as 20 seconds go, freed of the steps that do not matter.
///
/// # Panics
/// For a subject in real time: the model tells deadlines to the nanosecond.
pub async fn check<F>(fixture: &F, seed: u64, length: usize) -> Result<Coverage, Disagreement>
where
    F: Fixture<Subject = Subject>,
{
    let steps = draw(seed, length);
    let parted = match agree(fixture, &steps).await {
        Ok(coverage) => return Ok(coverage),
        Err(parted) => parted,
    };
    let until = SystemClock::new().now() + PATIENCE;
    let (mut kept, mut why) = (steps, parted.why);
    kept.truncate(parted.steps);
    for length in 1..kept.len() {
        // A watch may show later what went wrong earlier.
        if let Err(parted) = agree(fixture, &kept[..length]).await {
            kept.truncate(length);
            why = parted.why;
            break;
        }
    }
    let length = kept.len();
    for place in (0..kept.len()).rev() {
        if SystemClock::new().now() >= until {
            break;
        }
        let mut fewer = kept.clone();
        fewer.remove(place);
        if let Err(parted) = agree(fixture, &fewer).await {
            (kept, why) = (fewer, parted.why);
        }
    }
    Err(Disagreement { seed, length, steps: kept, why })
}

/// After how many steps a store and the model part, and how.
struct Parted {
    steps: usize,
    why: String,
}

/// Whether a fresh store and the model agree on these steps.
async fn agree<F>(fixture: &F, steps: &[Step]) -> Result<Coverage, Parted>
where
    F: Fixture<Subject = Subject>,
{
    let (_guard, subject) = fixture.open().await;
    let mut run = Run::begin(subject.clone()).await;
    for (place, step) in steps.iter().enumerate() {
        let answer = bounded(&subject, run.step(step)).await;
        answer.map_err(|why| Parted { steps: place + 1, why })?;
    }
    let end = bounded(&subject, run.finish()).await;
    end.map_err(|why| Parted { steps: steps.len(), why })?;
    Ok(run.into_coverage())
}

async fn bounded(subject: &Subject, run: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    // A step may wait for one change in vain, and must live to tell which.
    subject.attempt_all(3, run).await.unwrap_or_else(|| Err("the store does not answer".to_owned()))
}
