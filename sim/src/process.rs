//! A simulated process.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use tokio::task::JoinHandle;

use crate::{
    context::Context,
    link::Link,
    pulse::{Engine, Look},
    world::World,
};

type Program = Box<dyn Fn(Context) -> Pin<Box<dyn Future<Output = ()> + Send>>>;

/// A program, and the runtimes that it runs on while it lives.
pub(crate) struct Process {
    place: usize,
    program: Program,
    /// Whether the simulation goes on until it has ended.
    pub(crate) awaited: bool,
    pub(crate) ended: bool,
    body: Option<Body>,
}

/// A living incarnation. Its fields are dropped in their order.
struct Body {
    main: Engine,
    agent: Engine,
    task: JoinHandle<()>,
}

impl Process {
    pub(crate) fn new(place: usize, program: Program, awaited: bool) -> Self {
        Self { place, program, awaited, ended: false, body: None }
    }

    /// Starts a new incarnation.
    pub(crate) fn start(&mut self, world: &Arc<World>, seed: u64) {
        let (main, agent) = (Engine::new(), Engine::new());
        let incarnation = world.begin(self.place, main.pulse());
        let name = world.name(self.place);
        world.note(&name, format_args!("starts for the {incarnation}. time"));
        let handle = agent.runtime().handle().clone();
        let (world, clock) = (Arc::clone(world), world.clock_of(self.place));
        let link = Link { world, clock, process: self.place, incarnation, name, agent: handle };
        let task = main.runtime().spawn((self.program)(Context::new(link, seed)));
        self.body = Some(Body { main, agent, task });
    }

    pub(crate) fn lives(&self) -> bool {
        self.body.is_some()
    }

    /// Whether a task was woken by another, or is new; what the world has woken besides is not known here.
    pub(crate) fn is_main_ready(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.main.is_ready())
    }

    pub(crate) fn is_agent_ready(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.agent.is_ready())
    }

    pub(crate) fn drive_main(&self, world: &World) {
        let Some(body) = &self.body else { return };
        body.main.drive(|| {
            if world.has_died(self.place) {
                return Look::Stop;
            }
            let woken = world.take_woken(self.place);
            woken.values().for_each(|slot| slot.ring());
            if woken.is_empty() { Look::Nothing } else { Look::Woke }
        });
    }

    pub(crate) fn drive_agent(&self, world: &World) {
        let Some(body) = &self.body else { return };
        body.agent.drive(|| if world.has_died(self.place) { Look::Stop } else { Look::Nothing });
    }

    /// Ends the incarnation with all its tasks, those that are still in the middle too.
    pub(crate) fn stop(&mut self) {
        self.body = None;
    }

    /// Notes whether the program has returned.
    ///
    /// # Errors
    /// What it panicked with.
    pub(crate) fn reap(&mut self) -> Result<(), Box<dyn std::any::Any + Send>> {
        let Some(Body { main, agent, task }) = self.body.take_if(|body| body.task.is_finished()) else {
            return Ok(());
        };
        self.ended = true;
        let result = main.runtime().block_on(task);
        drop(main);
        drop(agent);
        match result {
            Err(error) if error.is_panic() => Err(error.into_panic()),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("place", &self.place)
            .field("lives", &self.lives())
            .finish_non_exhaustive()
    }
}
