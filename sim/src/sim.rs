//! The scheduler.

use std::{any::Any, fmt, future::Future, panic::resume_unwind, sync::Arc, time::Duration};

use entourage_core::{Clock, Moment};

use crate::{
    context::Context,
    dial::Rate,
    faults::Faults,
    history::History,
    process::Process,
    pulse::{Engine, Look},
    rng::Rng,
    run::{Run, Stuck},
    timers::Event,
    world::World,
};

/// Turns at one moment after which nothing but a busy loop is left.
const MOST_TURNS: u64 = 100_000;

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
    network: Engine,
    world: Arc<World>,
}

/// Who may take a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Main(usize),
    /// The process's own background: heartbeats of its receivers and their like.
    Agent(usize),
    Network,
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
        Self { seed, rng, time_limit, processes: Vec::new(), network, world: Arc::new(world) }
    }

    /// Gives up after so much virtual time; a day if not said.
    #[must_use]
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
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
    pub fn run(mut self) -> Result<Run, Stuck> {
        for process in &mut self.processes {
            process.start(&self.world, self.seed);
        }
        let mut turns = 0_u64;
        while self.processes.iter().any(|process| process.awaited && !process.ended) {
            let ready = self.ready();
            if let Some(unit) = self.rng.pick(&ready).copied() {
                turns += 1;
                if turns > MOST_TURNS {
                    return Err(Stuck::Busy { seed: self.seed, at: self.world.now(), turns });
                }
                self.turn(unit);
            } else {
                let before = self.world.now();
                self.advance()?;
                if self.world.now() > before {
                    turns = 0;
                }
            }
        }
        let (trace, coverage) = self.world.results();
        Ok(Run {
            seed: self.seed,
            ended: self.world.now(),
            trace,
            coverage,
            history: self.world.history.clone(),
            grants: self.world.grants.clone(),
        })
    }

    fn ready(&self) -> Vec<Unit> {
        let mut ready = Vec::new();
        for (place, process) in self.processes.iter().enumerate() {
            if !process.lives() || self.world.is_stalled(place) {
                continue;
            }
            if process.is_main_ready(&self.world) {
                ready.push(Unit::Main(place));
            }
            if process.is_agent_ready() && !self.world.is_cut(place) {
                ready.push(Unit::Agent(place));
            }
        }
        if self.network.is_ready() {
            ready.push(Unit::Network);
        }
        ready
    }

    fn turn(&mut self, unit: Unit) {
        match unit {
            Unit::Main(place) => {
                if self.world.takes_turn(place) {
                    self.processes[place].drive_main(&self.world);
                }
            }
            Unit::Agent(place) => self.processes[place].drive_agent(&self.world),
            Unit::Network => {
                self.network.drive(|| Look::Nothing);
                self.reap_errands();
            }
        }
        self.bury();
        if let Unit::Main(place) = unit
            && let Err(panic) = self.processes[place].reap()
        {
            self.panic(&format!("process {}", self.world.name(place)), panic);
        }
    }

    /// A substrate that panics over a request that came late, or twice, panics here.
    fn reap_errands(&self) {
        for errand in self.world.done_errands() {
            if let Err(error) = self.network.runtime().block_on(errand)
                && error.is_panic()
            {
                self.panic("a request on the network", error.into_panic());
            }
        }
    }

    fn panic(&self, who: &str, panic: Box<dyn Any + Send>) -> ! {
        let (seed, at) = (self.seed, self.world.now().since(Moment::ZERO));
        eprintln!("{who} panicked after {at:?} in seed {seed}");
        resume_unwind(panic)
    }

    /// Drops the runtimes of those that have died, and sets when they start again.
    fn bury(&mut self) {
        for (place, process) in self.processes.iter_mut().enumerate() {
            if process.lives() && self.world.has_died(place) {
                process.stop();
                self.world.schedule_restart(place);
            }
        }
    }

    /// Moves time to the next thing that is due.
    fn advance(&mut self) -> Result<(), Stuck> {
        let (seed, at) = (self.seed, self.world.now());
        let Some(next) = self.world.clock.next() else {
            return Err(Stuck::Deadlock { seed, at, waiting: self.waiting() });
        };
        if next.since(Moment::ZERO) > self.time_limit {
            return Err(Stuck::OutOfTime { seed, at, waiting: self.waiting() });
        }
        for (event, place) in self.world.clock.advance() {
            match event {
                Event::Restart => self.processes[place].start(&self.world, self.seed),
                Event::Heal => self.world.heal(place),
                Event::Resume => self.world.resume(place),
                Event::Steady => self.world.set_rate(place, Rate::TRUE),
            }
        }
        Ok(())
    }

    fn waiting(&self) -> Vec<String> {
        let busy = |(_, process): &(usize, &Process)| process.awaited && !process.ended;
        let name = |(place, _)| self.world.name(place).to_string();
        self.processes.iter().enumerate().filter(busy).map(name).collect()
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
