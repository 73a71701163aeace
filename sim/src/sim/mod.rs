//! A simulation: its processes, and what they share.

mod scheduler;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use entourage_core::Clock;

use self::scheduler::Unit;
use crate::{
    context::Context,
    faults::Faults,
    history::History,
    process::Process,
    pulse::Engine,
    rng::Rng,
    run::{Run, Stuck},
    trace::Trace,
    world::World,
};

/// A seeded simulation: processes, their clock and their faults, on one thread.
///
/// Each process is a runtime of its own, on which everything runs that the program spawns. One
/// process at a time takes a turn, chosen by the seed, until none of its tasks is ready; when
/// no process is, time goes to the next moment that somebody waits for. A crash drops the
/// process's runtime with all its tasks, while stores and queues live on.
///
/// # Examples
/// ```
/// use std::{sync::Arc, time::Duration};
/// use entourage_sim::{Faults, Sim};
/// use entourage_store::{MemoryStore, Store, StoreExt};
///
/// let mut sim = Sim::new(42, Faults::none());
/// let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(sim.clock()));
/// sim.process("writer", move |ctx| {
///     let store = ctx.store(&store);
///     async move {
///         ctx.sleep(Duration::from_secs(3600)).await;
///         store.put("greeting", "hello".into()).await.expect("no faults");
///     }
/// });
/// let run = sim.run()?;
/// assert!(run.ended.as_nanos() > 3_600_000_000_000);
/// # Ok::<(), entourage_sim::Stuck>(())
/// ```
pub struct Sim {
    seed: u64,
    rng: Rng,
    time_limit: Duration,
    processes: Vec<Process>,
    /// Who may take the next turn; kept, to be filled again.
    ready: Vec<Unit>,
    network: Engine,
    world: Arc<World>,
}

/// What a process is to the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Awaited,
    Observer,
    Service,
}

impl Sim {
    /// A simulation that is the same each time for the same seed, faults and programs.
    #[must_use]
    pub fn new(seed: u64, faults: Faults) -> Self {
        let mut rng = Rng::new(seed);
        let network = Engine::new();
        let world = World::new(rng.fork(), faults, network.runtime().handle().clone());
        let time_limit = Duration::from_secs(24 * 60 * 60);
        let (processes, ready) = (Vec::new(), Vec::new());
        Self { seed, rng, time_limit, processes, ready, network, world: Arc::new(world) }
    }

    /// Gives up after so much virtual time; a day if not said.
    #[must_use]
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Writes no [`Trace`], for many runs of which only those that fail are looked at. A run is the
    /// same with it and without.
    #[must_use]
    pub fn without_trace(self) -> Self {
        self.world.silence();
        self
    }

    /// The clock that shows the true time, for stores and queues of this simulation.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.world.clock.clone())
    }

    /// What the processes record, for a checker.
    #[must_use]
    pub fn history(&self) -> History {
        self.world.history.clone()
    }

    /// Adds a process whose end the simulation awaits.
    ///
    /// `program` is called for each incarnation. Everything that must outlive a crash belongs
    /// in a store or a queue; what the closure itself holds is outside of all processes.
    pub fn process<F, Fut>(&mut self, name: &str, program: F)
    where
        F: Fn(Context) -> Fut + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.add(name, program, Role::Awaited);
    }

    /// Adds a process that nothing befalls and whose end the simulation awaits.
    ///
    /// It is the test, not the tested: give it the stores and queues themselves, and let it
    /// judge when all is done.
    pub fn observer<F, Fut>(&mut self, name: &str, program: F)
    where
        F: Fn(Context) -> Fut + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.add(name, program, Role::Observer);
    }

    /// Adds a process that serves the others, and is killed when they have all returned.
    pub fn service<F, Fut>(&mut self, name: &str, program: F)
    where
        F: Fn(Context) -> Fut + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.add(name, program, Role::Service);
    }

    fn add<F, Fut>(&mut self, name: &str, program: F, role: Role)
    where
        F: Fn(Context) -> Fut + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        assert!(
            self.world.place(name).is_none(),
            "two processes are called {name}; give each a name of its own"
        );
        let place = self.world.enlist(name, role == Role::Observer);
        let program = Box::new(move |context| Box::pin(program(context)) as _);
        self.processes.push(Process::new(place, program, role != Role::Service));
    }

    /// Runs until every awaited process has returned.
    ///
    /// # Errors
    /// [`Stuck`] when that will not come about.
    ///
    /// # Panics
    /// With what a process panicked with, after printing the seed. Inside a tokio runtime: a
    /// simulation brings its own, so call it from a plain test.
    pub fn run(self) -> Result<Run, Stuck> {
        self.run_traced().map_err(|(stuck, _)| stuck)
    }

    /// As [`Sim::run`], and what happened until then if it gets stuck.
    ///
    /// # Errors
    /// [`Stuck`] when that will not come about.
    ///
    /// # Panics
    /// As [`Sim::run`].
    pub fn run_traced(mut self) -> Result<Run, (Stuck, Trace)> {
        let done = self.run_on();
        let (trace, coverage) = self.world.results();
        match done {
            Ok(()) => Ok(Run {
                seed: self.seed,
                ended: self.world.now(),
                trace,
                coverage,
                history: self.world.history.clone(),
                grants: self.world.grants.clone(),
            }),
            Err(stuck) => Err((stuck, trace)),
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        for (place, process) in self.processes.iter_mut().enumerate() {
            if process.lives() {
                // Nothing is given back: it looks as if the machine had been switched off.
                self.world.kill(place, format_args!("with the simulation"));
                process.stop();
            }
        }
        self.world.end();
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("seed", &self.seed)
            .field("processes", &self.processes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "nobody expected it twice")]
    fn a_panic_over_a_request_that_came_again_is_a_panic_of_the_test() {
        let mut sim = Sim::new(5, Faults::none());
        sim.world.send(async { panic!("nobody expected it twice") });
        sim.process("sleeper", |ctx| async move { ctx.sleep(Duration::from_secs(1)).await });
        let _ = sim.run();
    }
}
