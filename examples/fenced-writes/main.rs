//! The book's story of two replicas, and of a request that arrives two owners late.
//!
//! ```text
//! cargo run --release --features full --example fenced-writes
//! ```
//!
//! Eight steps (Burns, *Designing Distributed Systems*, chapter 9): R1 owns a lock and sends a
//! request, which the network keeps. R1 loses the lock, R2 owns it and writes, R2 fails, R1 owns
//! it again, and only now its old request arrives. R1 *is* the owner, so asking who owns the lock
//! lets the request in, and what R2 wrote is gone. Asking for owner *and* version does not.
//!
//! The same requests go to documents that check nothing, the owner, or the fence. Time is virtual:
//! half a minute of leases takes milliseconds. Each claim is checked; one that is false ends the
//! program with status 1.

#![expect(unreachable_pub, reason = "an example's modules are read like a crate's")]

mod document;
mod picture;

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use entourage::{
    core::{Clock, Moment, sleep},
    election::{
        Identity, LeaseLock, Ownership,
        fence::{AgainstStore, HighestSeen, Stamp},
    },
    sim::{Faults, Sim},
    store::{FencedStore, MemoryStore, Store, Txn},
};

use crate::{
    document::{Document, Gate, put},
    picture::{Mark, Place, head, step},
};

/// The lock, and the scope of its fences.
const LOCK: &str = "document";
/// The document that is kept in the lock's own store.
const KEY: &str = "the-document";
const TTL: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

/// Replays the book's eight steps of two replicas and a late request, with and without a fence.
///
/// Exit status: 0 the fence refused what it must and nothing else, 1 it did not.
#[derive(Debug, Parser)]
#[command(name = "fenced-writes", version)]
struct Options {}

fn main() -> ExitCode {
    let Options {} = Options::parse();
    match replay() {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("fenced-writes: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The story in virtual time; an error if it does not end as it must.
fn replay() -> Result<String> {
    let mut sim = Sim::new(0, Faults::none());
    let clock = sim.clock();
    let told = Arc::new(Mutex::new(None));
    let tell = Arc::clone(&told);
    sim.observer("story", move |_| {
        let (clock, tell) = (Arc::clone(&clock), Arc::clone(&tell));
        async move {
            let ended = story(clock).await;
            *tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
        }
    });
    sim.run()?;
    told.lock().unwrap_or_else(PoisonError::into_inner).take().context("the story has no end")?
}

/// The lines that are told, with the time of each.
struct Teller {
    clock: Arc<dyn Clock>,
    began: Moment,
    lines: Vec<String>,
}

impl Teller {
    fn tell(&mut self, number: impl Into<Option<u8>>, mark: Mark, text: &str) {
        let after = self.clock.now().since(self.began);
        self.lines.push(step(number.into(), after, mark, text));
    }
}

async fn story(clock: Arc<dyn Clock>) -> Result<String> {
    let store = MemoryStore::with_clock(Arc::clone(&clock));
    let lock = |who| LeaseLock::builder(store.clone(), LOCK).identity(Identity::new(who)).ttl(TTL).build();
    let (r1, r2) = (lock("R1")?, lock("R2")?);
    let fenced = || FencedStore::from(store.clone());
    let documents = [
        ("nothing", Document::new(Gate::Nothing)),
        ("who owns the lock", Document::new(Gate::Owner(fenced()))),
        ("the highest fence seen", Document::new(Gate::Fence(Box::new(HighestSeen::new(store.realm()))))),
        ("owner and version", Document::new(Gate::Fence(Box::new(AgainstStore::new(fenced()))))),
    ];
    let mut teller = Teller { began: clock.now(), clock: Arc::clone(&clock), lines: vec![head()] };

    let first = r1.acquire().await?;
    let owns = |who: &str, ownership: &Ownership| {
        format!("{who} owns the lock: epoch {}", ownership.fence().epoch())
    };
    teller.tell(1, Mark::Arrow(Place::R1, Place::Lock, "acquire"), &owns("R1", &first));

    sleep(&*clock, SECOND).await;
    let stamp = Stamp::new(first.fence().clone(), "R1")?;
    let late = || put(&stamp, "R1, late");
    let late_txn = first.guard(Txn::new().put(KEY, "R1, late"));
    teller.tell(2, Mark::Leaves(Place::R1, Place::Document, "PUT"), "R1 sends a request with its fence,");
    teller.tell(3, Mark::Nothing, "which the network keeps");

    // R1's machine stands still: nothing renews, and nothing is released.
    let former = first.held();
    drop(first);
    let second = r2.acquire().await?;
    ensure!(!former.is_held(), "R1 believes that it owns what R2 owns");
    teller.tell(4, Mark::At(Place::R1, '×'), "R1 stood still, and its lease has expired");
    teller.tell(5, Mark::Arrow(Place::R2, Place::Lock, "acquire"), &owns("R2", &second));

    sleep(&*clock, SECOND).await;
    let of_r2 = Stamp::new(second.fence().clone(), "R2")?;
    for (_, document) in &documents {
        let answer = document.answer(put(&of_r2, "R2")).await;
        ensure!(answer.status().is_success(), "R2 owns the lock and was refused: {answer:?}");
    }
    let written = store.transact(second.guard(Txn::new().put(KEY, "R2"))).await?;
    ensure!(written.applied().is_some(), "R2 owns the lock and its transaction was refused");
    teller.tell(6, Mark::Arrow(Place::R2, Place::Document, "PUT"), "R2's request takes effect");

    sleep(&*clock, SECOND).await;
    drop(second);
    teller.tell(7, Mark::At(Place::R2, '×'), "R2 fails,");
    let third = r1.acquire().await?;
    teller.tell(None, Mark::Arrow(Place::R1, Place::Lock, "acquire"), &owns("and R1", &third));

    sleep(&*clock, SECOND).await;
    teller.tell(8, Mark::Arrives(Place::Document), "the request of step 2 arrives");

    let mut table = Table::new();
    let header = ["the document checks", "the late request is", "and the document says"];
    table.load_style(UTF8_FULL_CONDENSED).set_header(header);
    for (checks, document) in &documents {
        let answer = document.answer(late()).await;
        let is_fenced = matches!(document.gate, Gate::Fence(_));
        let (status, value) = (answer.status().as_u16(), document.value());
        let expected = if is_fenced { (412, "R2") } else { (200, "R1, late") };
        ensure!((status, value.as_str()) == expected, "checking {checks}: {answer:?}, and it says {value:?}");
        table.add_row([(*checks).to_owned(), answered(is_fenced, status), says(is_fenced, &value)]);
    }
    let refused = store.transact(late_txn).await?.applied().is_none();
    let value = store.get(KEY).await?.context("the document is gone")?.value;
    let value = String::from_utf8_lossy(&value);
    ensure!(refused && value == "R2", "the store let a former owner's transaction in: it says {value:?}");
    table.add_row(["the fence, in the lock's own store", "refused: a condition fails", &says(true, &value)]);

    // The fence keeps out who is late, and nobody else.
    let of_r1 = Stamp::new(third.fence().clone(), "R1")?;
    for (checks, document) in &documents {
        let answer = document.answer(put(&of_r1, "R1, in time")).await;
        ensure!(
            answer.status().is_success(),
            "checking {checks}: R1 owns the lock and was refused: {answer:?}"
        );
    }
    teller.tell(
        None,
        Mark::Arrow(Place::R1, Place::Document, "PUT"),
        "what R1 sends now takes effect everywhere",
    );
    third.release().await?;
    Ok(format!("{}\n\nAt step 8:\n{table}\n", teller.lines.join("\n")))
}

fn answered(is_fenced: bool, status: u16) -> String {
    if is_fenced { format!("refused: {status}, stale") } else { format!("let in: {status}") }
}

fn says(is_kept: bool, value: &str) -> String {
    if is_kept {
        format!("{value:?}: what R2 wrote is kept")
    } else {
        format!("{value:?}: what R2 wrote is lost")
    }
}

#[cfg(test)]
mod tests {
    use super::replay;

    #[test]
    fn the_story_ends_as_it_must_and_is_the_same_each_time() {
        let told = replay().unwrap();
        assert!(told.contains("and R1 owns the lock") && told.contains("refused: 412, stale"), "{told}");
        assert_eq!(told, replay().unwrap());
    }
}
