//! What works.

use std::{fmt::Write as _, process, sync::Arc, time::Duration};

use entourage::{
    core::{Clock, SystemClock, sleep},
    queue::{Ask, Delivery, Error, ItemId, Queue, Receiver, Settler, Step, SubscribeOptions, Unapplied},
};
use entourage_testkit::Rng;

use crate::{
    backend::{Patience, topic, workers},
    event::Verb,
    kind::Kind,
    wire::Wire,
};

/// Attempts of a poison item that fail before it is given up, and of a flaky one before it works.
const FAILURES: u32 = 2;

/// How a worker works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habit {
    pub(crate) options: SubscribeOptions,
    /// Items in one receive.
    pub(crate) batch: usize,
    /// Between an effect and its settlement, at most.
    pub(crate) pause: Duration,
}

/// Receives, has effects, and settles, until it is killed.
pub(crate) struct Worker {
    wire: Wire,
    habit: Habit,
    receiver: Box<dyn Receiver>,
    settler: Arc<dyn Settler>,
    rng: Rng,
}

/// What a worker is going to do with an item.
struct Task {
    verb: Verb,
    delivery: Delivery,
}

impl Worker {
    pub(crate) async fn join(wire: Wire, queue: &dyn Queue, habit: Habit, seed: u64) -> Self {
        let mut patience = Patience::new();
        let (receiver, settler) = loop {
            match queue.subscribe(&[topic()], &workers(), habit.options).await {
                Ok(joined) => break joined,
                Err(error) => patience.with(error).await,
            }
        };
        Self { wire, habit, receiver, settler, rng: Rng::new(seed) }
    }

    pub(crate) async fn work(mut self) {
        let mut patience = Patience::new();
        let clock = SystemClock::new();
        loop {
            let asked = clock.now().as_nanos();
            let ask = Ask::up_to(self.habit.batch).wait(self.habit.options.lease / 4);
            match self.receiver.receive(ask).await {
                // Who has lost its sink ends.
                Ok(deliveries) if deliveries.is_empty() => drop(self.wire.ask("idle".to_owned()).await),
                Ok(deliveries) => self.attempt(asked, deliveries).await,
                Err(error) => patience.with(error).await,
            }
        }
    }

    /// One attempt at each of them.
    async fn attempt(&mut self, asked: u64, deliveries: Vec<Delivery>) {
        let said = format!("start {asked}{}", names(&deliveries));
        let there = self.wire.ask(said).await;
        let (mut tasks, mut deadly) = (Vec::with_capacity(deliveries.len()), Vec::new());
        let mut acting = Vec::new();
        for (delivery, is_there) in deliveries.into_iter().zip(there.bytes()) {
            let kind = Kind::parse(delivery.id().as_str()).map(|(kind, _)| kind);
            let verb = match kind.expect("nobody publishes anything else") {
                Kind::Killer => {
                    deadly.push(delivery);
                    continue;
                }
                Kind::Poison if delivery.retries() < FAILURES => Verb::Retry,
                Kind::Poison => Verb::Reject,
                _ if is_there == b'd' => Verb::Accept,
                Kind::Flaky if delivery.retries() < FAILURES => Verb::Retry,
                Kind::Contested if delivery.lapses() > 0 => Verb::Reject,
                Kind::Plain | Kind::Fenced | Kind::Contested | Kind::Flaky => {
                    acting.push(tasks.len());
                    Verb::Accept
                }
            };
            tasks.push(Task { verb, delivery });
        }
        if !acting.is_empty() {
            let names = acting.iter().map(|at| name(&tasks[*at].delivery));
            let said = names.fold("effect".to_owned(), |said, name| said + &name);
            // What is not let in is settled all the same: the queue is to know that it was late.
            let _ = self.wire.ask(said).await;
        }
        if !self.habit.pause.is_zero() {
            sleep(&SystemClock::new(), self.rng.shorter_than(self.habit.pause)).await;
        }
        self.settle(tasks).await;
        if !deadly.is_empty() {
            let this = rustix::process::getpid();
            rustix::process::kill_process(this, rustix::process::Signal::KILL).expect("it may kill itself");
            process::abort();
        }
    }

    /// Settles in one step, or in two.
    async fn settle(&mut self, mut tasks: Vec<Task>) {
        let second = tasks.len() / 2 * usize::from(self.rng.next_u64().is_multiple_of(2));
        let first = tasks.split_off(second);
        for part in [tasks, first] {
            if !part.is_empty() {
                self.step(part).await;
            }
        }
    }

    async fn step(&mut self, tasks: Vec<Task>) {
        let epoch = |delivery: &Delivery| delivery.fence().epoch();
        let answers = tasks.iter().map(|task| (task.verb, task.delivery.id().clone(), epoch(&task.delivery)));
        let mut answers: Vec<(Verb, ItemId, u64, bool)> =
            answers.map(|(verb, id, epoch)| (verb, id, epoch, true)).collect();
        let mut step = tasks.into_iter().fold(Step::new(), |step, Task { verb, delivery }| match verb {
            Verb::Accept => step.accept(delivery),
            Verb::Reject => step.reject(delivery, "it is no good"),
            Verb::Retry => {
                let after = Duration::from_millis(20) * (1 << delivery.retries());
                step.retry(delivery, after)
            }
        });
        let mut patience = Patience::new();
        while step.deliveries().next().is_some() {
            match self.settler.step(step).await {
                Ok(_) => break,
                Err(Unapplied { error: Error::Stale { ids }, step: rest }) => {
                    for answer in &mut answers {
                        answer.3 &= !ids.contains(&answer.1);
                    }
                    step = rest.without(&ids);
                }
                Err(Unapplied { error, step: again }) => {
                    patience.with(error).await;
                    step = *again;
                }
            }
        }
        let said = answers.into_iter().fold("ack".to_owned(), |mut said, (verb, id, epoch, ok)| {
            let ok = if ok { "ok" } else { "late" };
            let _ = write!(said, " {}:{ok}:{id}:{epoch}", verb.name());
            said
        });
        let _ = self.wire.ask(said).await;
    }
}

/// ` ID:ATTEMPT:EPOCH`
fn name(delivery: &Delivery) -> String {
    format!(" {}:{}:{}", delivery.id(), delivery.attempt(), delivery.fence().epoch())
}

fn names(deliveries: &[Delivery]) -> String {
    deliveries.iter().map(name).collect()
}
