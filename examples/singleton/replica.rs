//! One replica: it campaigns, and counts while it leads.

use std::{
    io::{self, Read, Write},
    ops::ControlFlow,
    thread,
    time::Duration,
};

use anyhow::Result;
use entourage::{
    core::{Shutdown, SystemClock, sleep},
    election::{Election, Held},
    store::FencedStore,
};
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::{
    counter::{ELECTION, Written, increment},
    event::{Event, What},
    signals,
};

/// The pause between two writes.
const BEAT: Duration = Duration::from_millis(100);
/// For people, one write of so many is told.
const TOLD: u64 = 20;

/// One replica of the program.
pub struct Replica {
    pub name: String,
    pub store: FencedStore,
    pub ttl: Duration,
    /// Whether it is the child of the one that shows it, and must not outlive it.
    pub is_tethered: bool,
}

impl Replica {
    /// Leads whenever it is its turn, until it is asked to end.
    pub async fn run(self) -> Result<()> {
        let shutdown = signals::shutdown()?;
        if self.is_tethered {
            // A parent that is killed asks nobody to end, and a child that stands still hears nothing.
            set_parent_process_death_signal(Some(Signal::KILL))?;
            drain_at_end_of_input(shutdown.clone());
        }
        let election = Election::builder(self.store.clone(), ELECTION).ttl(self.ttl).build()?;
        say(What::Campaigns);
        election.run(self.name.clone(), &shutdown, |held| self.lead(held, &shutdown)).await?;
        Ok(())
    }

    /// Counts until it leads no longer, and then tries once more: the store refuses that.
    async fn lead(&self, held: Held, shutdown: &Shutdown) -> ControlFlow<()> {
        let (epoch, clock) = (held.fence().epoch(), SystemClock::new());
        say(What::Leads { epoch });
        loop {
            self.count(&held).await;
            tokio::select! {
                biased;
                () = held.lost() => break,
                () = shutdown.draining() => return ControlFlow::Break(()),
                () = sleep(&clock, BEAT) => {}
            }
        }
        say(What::Lost { epoch });
        self.count(&held).await;
        say(What::Campaigns);
        ControlFlow::Continue(())
    }

    async fn count(&self, held: &Held) {
        let epoch = held.fence().epoch();
        match increment(&self.store, held, &self.name).await {
            Ok(Written::Count(count)) if count % TOLD == 1 => say(What::Wrote { count, epoch }),
            Ok(Written::Count(_)) => {}
            Ok(Written::Refused) => say(What::Refused { epoch }),
            Err(error) => say(What::Failed(format!("{error:#}"))),
        }
    }
}

/// Tells whoever listens; if nobody does, the tether ends this process.
fn say(what: What) {
    let _ = writeln!(io::stdout(), "{}", Event::now(what));
}

/// Asks for a clean end when standard input ends: the parent is gone.
fn drain_at_end_of_input(shutdown: Shutdown) {
    thread::spawn(move || {
        let mut ignored = [0; 64];
        while io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}
        shutdown.drain();
    });
}
