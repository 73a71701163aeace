//! A process's way to its substrates.

use std::{
    fmt,
    future::{Future, pending, poll_fn},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use entourage_core::Clock;
use tokio::{runtime::Handle, sync::oneshot};

use crate::{
    call::{Call, CrashPoint, Side},
    clock::SimClock,
    faults::{Fate, Fault, Plan},
    slot::Slot,
    world::World,
};

/// One incarnation of a process, and its way to its substrates.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) world: Arc<World>,
    /// The clock of the process's machine.
    pub(crate) clock: SimClock,
    pub(crate) process: usize,
    pub(crate) incarnation: u32,
    pub(crate) name: Arc<str>,
    /// Where tasks run that a substrate's client spawns; a partition stops them.
    pub(crate) agent: Handle,
}

impl Link {
    pub(crate) fn is_dead(&self) -> bool {
        self.world.is_dead(self.process, self.incarnation)
    }

    /// A call sets out. Returns once it has reached the substrate.
    pub(crate) async fn request(&self, call: Call) -> Result<Plan, Lost> {
        if self.is_dead() {
            return pending().await;
        }
        let plan = self.world.plan(self.process, call);
        self.travel(plan.before).await;
        if self.world.is_cut(self.process) {
            if !plan.hangs {
                return Err(self.lose(call, Lost::Unavailable(Injected::Partition)));
            }
            self.reach(async {}).await;
        }
        self.survive(CrashPoint { call, side: Side::Before }).await;
        match plan.fate {
            Fate::Delivered | Fate::AnswerLost => Ok(plan),
            Fate::Refused => Err(self.lose(call, Lost::Unavailable(Injected::Refused))),
            Fate::RequestLost => {
                self.travel(plan.after).await;
                Err(self.lose(call, Lost::Unknown(Injected::RequestLost)))
            }
        }
    }

    /// The effect has happened, and the answer sets out. Returns once it has arrived.
    pub(crate) async fn answer(
        &self,
        call: Call,
        plan: &Plan,
        answer: impl fmt::Display,
    ) -> Result<(), Lost> {
        self.world.note(&self.name, format_args!("{call}: {answer}"));
        self.survive(CrashPoint { call, side: Side::After }).await;
        self.travel(plan.after).await;
        if plan.fate == Fate::AnswerLost {
            return Err(self.lose(call, Lost::Unknown(Injected::AnswerLost)));
        }
        if self.world.is_cut(self.process) {
            if !plan.hangs {
                return Err(self.lose(call, Lost::Unknown(Injected::Partition)));
            }
            self.reach(async {}).await;
        }
        Ok(())
    }

    /// A whole call that travels once.
    pub(crate) async fn call<T, E: fmt::Display>(
        &self,
        call: Call,
        effect: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, Lost> {
        let plan = self.request(call).await?;
        let answer = self.reach(effect).await;
        self.answer(call, &plan, brief(&answer)).await?;
        Ok(answer)
    }

    /// Awaits a substrate's own future, which makes no headway during a partition.
    pub(crate) async fn reach<F: Future>(&self, effect: F) -> F::Output {
        let mut effect = pin!(effect);
        let wait = Wait { world: &self.world, slot: self.world.slot(self.process, self.incarnation) };
        let waker = Waker::from(Arc::clone(&wait.slot));
        poll_fn(|context| {
            wait.slot.register(context.waker());
            if self.is_dead() || self.world.blocks(&wait.slot) {
                return Poll::Pending;
            }
            // Heartbeats and their like are spawned by whoever polls here.
            let _agent = self.agent.enter();
            effect.as_mut().poll(&mut Context::from_waker(&waker))
        })
        .await
    }

    /// Something reaches the substrate again, later, whether or not this process lives.
    pub(crate) fn repeat(
        &self,
        call: Call,
        after: Duration,
        effect: impl Future<Output = String> + Send + 'static,
    ) {
        self.world.count(self.process, Fault::Duplicate);
        let (world, name) = (Arc::clone(&self.world), Arc::clone(&self.name));
        self.world.send(async move {
            world.clock.sleep_until(world.now() + after).await;
            let answer = effect.await;
            world.note("network", format_args!("repeats {name}'s {call}: {answer}"));
        });
    }

    /// Something reaches the substrate late, whether or not this process still waits or lives.
    /// Returns its answer once it is there.
    pub(crate) async fn deliver_late<T, E>(
        &self,
        call: Call,
        after: Duration,
        effect: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let (world, name) = (Arc::clone(&self.world), Arc::clone(&self.name));
        let (answers, answered) = oneshot::channel();
        self.world.send(async move {
            world.clock.sleep_until(world.now() + after).await;
            let answer = effect.await;
            world.note("network", format_args!("delivers {name}'s {call} late: {}", brief(&answer)));
            // Nobody hears of it who has given up.
            drop(answers.send(answer));
        });
        match self.reach(answered).await {
            Ok(answer) => answer,
            // The network has ended, and the simulation with it.
            Err(_) => pending().await,
        }
    }

    /// A message is on its way, by the true time.
    async fn travel(&self, time: Duration) {
        self.world.clock.sleep_until(self.world.now() + time).await;
    }

    /// Returns, unless the process dies here: then never.
    async fn survive(&self, point: CrashPoint) {
        if !self.is_dead() {
            if !self.world.dies_at(self.process, point) {
                return;
            }
            self.world.kill(self.process, format_args!("{point}"));
        }
        pending().await
    }

    fn lose(&self, call: Call, lost: Lost) -> Lost {
        self.world.note(&self.name, format_args!("{call} fails: {}", lost.injected()));
        lost
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.incarnation)
    }
}

/// Forgets a slot when its wait is over or given up.
struct Wait<'a> {
    world: &'a World,
    slot: Arc<Slot>,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.world.forget(&self.slot);
    }
}

/// An answer as a trace shows it.
pub(crate) fn brief<T, E: fmt::Display>(answer: &Result<T, E>) -> String {
    match answer {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// A call that got no answer of its substrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It may have happened.
    Unknown(Injected),
    /// It did not happen.
    Unavailable(Injected),
}

impl Lost {
    const fn injected(self) -> Injected {
        match self {
            Self::Unknown(injected) | Self::Unavailable(injected) => injected,
        }
    }
}

impl From<Lost> for entourage_store::Error {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Unknown(injected) => Self::Unknown(Box::new(injected)),
            Lost::Unavailable(injected) => Self::Unavailable(Box::new(injected)),
        }
    }
}

impl From<Lost> for entourage_queue::Error {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Unknown(injected) => Self::Unknown(Box::new(injected)),
            Lost::Unavailable(injected) => Self::Unavailable(Box::new(injected)),
        }
    }
}

/// The fault behind an error that the simulation made up: the source of a substrate's
/// `Unknown` or `Unavailable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Injected {
    /// The substrate refused the call.
    #[error("the simulation refused the call")]
    Refused,
    /// The request never arrived.
    #[error("the simulation lost the request")]
    RequestLost,
    /// The answer never arrived.
    #[error("the simulation lost the answer")]
    AnswerLost,
    /// The process was cut off.
    #[error("the simulation has cut the process off")]
    Partition,
}
