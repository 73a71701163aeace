//! The loop that receives, works and settles.

use std::{mem, pin::pin, sync::Arc, time::Duration};

use entourage_core::{Backoff, Clock, Phase, Shutdown, planted, sleep, timeout};
use entourage_queue::{Ask, Delivery, Group, Queue, Receiver, Result, Settler, Stats, Step, Topic};
use tokio::{
    sync::watch,
    task::{Id, JoinError},
};

use crate::{
    attempt::Attempt,
    manager::{
        hands::{Ended, Hands, Held, Pending, panicked, settled},
        options::WorkQueueOptions,
        outlet::Outlet,
        performer::Performer,
        settlement::{End, Settlement},
        shared::{Asked, Shared},
    },
    outcome::Outcome,
};

/// How often the pool is sized.
const SIZED: Duration = Duration::from_secs(1);

/// How long each of the last calls of a manager that ends may take.
pub(super) const FAREWELL: Duration = Duration::from_secs(5);

/// Receives, works and settles, until it is drained.
pub(super) struct Pool {
    pub(super) queue: Arc<dyn Queue>,
    pub(super) topic: Topic,
    pub(super) group: Group,
    pub(super) receiver: Box<dyn Receiver>,
    pub(super) settler: Arc<dyn Settler>,
    pub(super) performer: Arc<Performer>,
    pub(super) settlement: Settlement,
    pub(super) options: WorkQueueOptions,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) backoff: Backoff,
    /// Deliveries in one step.
    pub(super) batch: usize,
}

impl Pool {
    /// Works until `shutdown` drains and what was in work has ended, or until it stops.
    ///
    /// What it received from is still to be closed.
    pub(super) async fn run(mut self, shutdown: &Shutdown) -> Box<dyn Receiver> {
        let mut hands = Hands::default();
        // Workers hear that they are to give back from a token of the pool's own.
        let interrupt = Shutdown::new();
        let mut paused = watched(self.shared.paused.subscribe());
        // Waits that outlast many turns of the loop begin once.
        let (mut stopped, mut drained) = (pin!(shutdown.stopped()), pin!(shutdown.draining()));
        let mut parallelism = self.shared.size(self.clock.now());
        let mut sizing: Option<Pending<Result<Stats>>> = None;
        let mut failures = self.backoff.clone();
        let (mut receive_at, mut shown) = (None, None);
        loop {
            self.settle(&mut hands);
            let draining = shutdown.phase() != Phase::Running;
            if draining {
                self.shared.change(|status| status.draining = true);
                // A worker that a signal ends while this program ends too was interrupted.
                interrupt.drain();
                let takes = planted("workqueue-takes-while-draining");
                if hands.is_empty() && !takes {
                    break;
                }
            }
            let takes =
                !*self.shared.paused.borrow() && (!draining || planted("workqueue-takes-while-draining"));
            let free = if takes { hands.free(parallelism) } else { 0 };
            let size = sizing.get_or_insert_with(|| {
                let (queue, clock) = (Arc::clone(&self.queue), Arc::clone(&self.clock));
                let (topic, group) = (self.topic.clone(), self.group.clone());
                Box::pin(async move {
                    sleep(&*clock, SIZED).await;
                    queue.stats(&topic, &group).await
                })
            });
            let receiving = async {
                if let Some(at) = receive_at {
                    self.clock.sleep_until(at).await;
                }
                self.receiver.receive(Ask::up_to(free)).await
            };
            tokio::select! {
                biased;
                () = &mut stopped => break,
                () = &mut drained, if !draining => {}
                Some(ended) = hands.attempts.join_next_with_id(), if !hands.attempts.is_empty() => {
                    self.ended(&mut hands, ended);
                }
                () = settled(&mut hands.settling), if hands.settling.is_some() => hands.settled = 0,
                stats = size => {
                    sizing = None;
                    parallelism = self.sized(stats);
                }
                received = receiving, if free > 0 => match received {
                    Ok(deliveries) => {
                        receive_at = None;
                        failures.reset();
                        self.shared.up(Asked::Queue);
                        self.start(&mut hands, deliveries, &interrupt);
                    }
                    Err(error) => {
                        self.shared.down(Asked::Queue, self.clock.now(), &error);
                        if planted("workqueue-stops-after-an-error") {
                            break;
                        }
                        receive_at = Some(self.clock.now() + failures.next_delay());
                    }
                },
                receiver = &mut paused => paused = watched(receiver),
            }
            if shown.replace(hands.attempts.len()) != Some(hands.attempts.len()) {
                self.show(&hands);
            }
        }
        self.finish(hands, &interrupt).await
    }

    /// Gives back what has not ended: workers are asked to, then stopped.
    async fn finish(mut self, mut hands: Hands, interrupt: &Shutdown) -> Box<dyn Receiver> {
        interrupt.stop();
        let until = self.clock.now() + self.options.grace;
        while !hands.attempts.is_empty() {
            let ended = tokio::select! {
                biased;
                ended = hands.attempts.join_next_with_id() => ended,
                () = self.clock.sleep_until(until) => None,
            };
            match ended {
                Some(ended) => self.ended(&mut hands, ended),
                None => break,
            }
        }
        hands.attempts.abort_all();
        // Who ended in the meantime is believed; who never yields is not waited for any longer.
        let clock = Arc::clone(&self.clock);
        let until = clock.now() + FAREWELL;
        while let Ok(Some(ended)) =
            timeout(&*clock, until.since(clock.now()), hands.attempts.join_next_with_id()).await
        {
            self.ended(&mut hands, ended);
        }
        let interrupted = mem::take(&mut hands.held).into_values();
        let interrupted = interrupted.map(|Held { delivery, since, .. }| {
            self.shared.tell(|scaler| scaler.interrupted(since));
            Ended { delivery, end: End::Outcome(Outcome::Interrupted), said: None }
        });
        hands.ended.extend(interrupted.collect::<Vec<_>>());
        let farewell = async {
            while !hands.ended.is_empty() || hands.settling.is_some() {
                self.settle(&mut hands);
                settled(&mut hands.settling).await;
                hands.settled = 0;
            }
        };
        // What is not settled by then is given back by closing, or else by its lease.
        if timeout(&*clock, FAREWELL, farewell).await.is_err() {
            tracing::warn!("the queue does not answer; what was not settled is worked on again");
        }
        self.show(&hands);
        self.receiver
    }

    fn start(&self, hands: &mut Hands, deliveries: Vec<Delivery>, interrupt: &Shutdown) {
        let (now, count) = (self.clock.now(), deliveries.len());
        for delivery in deliveries {
            let attempt = Attempt::of(&delivery, now + self.options.time_limit, interrupt.clone());
            let (performer, item) = (Arc::clone(&self.performer), delivery.item().clone());
            let held = Held { delivery, since: now, attempt: attempt.clone() };
            let task = hands.attempts.spawn(async move { performer.perform(&item, &attempt).await });
            hands.held.insert(task.id(), held);
        }
        self.shared.tell(|scaler| (0..count).for_each(|_| scaler.started(now)));
    }

    /// Takes what has ended out of work, all of it at once.
    fn ended(&self, hands: &mut Hands, first: Result<(Id, End), JoinError>) {
        let now = self.clock.now();
        let mut next = Some(first);
        while let Some(ended) = next {
            let (id, end) = match ended {
                Ok(ended) => ended,
                Err(error) => (error.id(), panicked(error)),
            };
            if let Some(Held { delivery, since, attempt }) = hands.held.remove(&id) {
                let is_sample = !matches!(
                    end,
                    End::Outcome(Outcome::Interrupted)
                        | End::Away
                        | End::Vanished
                        | End::LetGo
                        | End::Unfetchable(_)
                );
                self.shared.tell(|scaler| {
                    if is_sample { scaler.finished(since, now) } else { scaler.interrupted(since) }
                });
                hands.ended.push(Ended { delivery, end, said: attempt.explanation() });
            }
            next = hands.attempts.try_join_next_with_id();
        }
    }

    /// Begins to settle what has ended, unless a step is under way: what ends meanwhile shares
    /// the next one.
    fn settle(&mut self, hands: &mut Hands) {
        if hands.settling.is_some() || hands.ended.is_empty() {
            return;
        }
        let count = hands.ended.len().min(self.batch);
        hands.settled = count;
        let away = self.performer.away();
        let mut vanished = Vec::new();
        let mut step = Step::new();
        for Ended { delivery, end, said } in hands.ended.drain(..count) {
            if matches!(end, End::Vanished) {
                vanished.push(delivery.id().clone());
            }
            step = self.settlement.settle(delivery, end, said, away, step);
        }
        let outlet = Outlet {
            settler: Arc::clone(&self.settler),
            shared: Arc::clone(&self.shared),
            clock: Arc::clone(&self.clock),
            backoff: self.backoff.clone(),
        };
        let shared = Arc::clone(&self.shared);
        hands.settling = Some(Box::pin(async move {
            outlet.apply(step).await;
            let names = vanished.into_iter().map(|id| crate::source::ItemName::new(id.to_shared()));
            shared.have_gone(names.filter_map(Result::ok));
        }));
    }

    fn sized(&self, stats: Result<Stats>) -> usize {
        match stats {
            Ok(stats) => {
                self.shared.up(Asked::Queue);
                self.shared.tell(|scaler| scaler.waiting(stats.ready, stats.in_flight));
            }
            Err(error) => self.shared.down(Asked::Queue, self.clock.now(), &error),
        }
        self.shared.size(self.clock.now())
    }

    fn show(&self, hands: &Hands) {
        self.shared.counts.working.set(hands.attempts.len() as u64);
        self.shared.change(|status| status.working = hands.attempts.len());
    }
}

/// Waits for the next word of a channel, and gives its receiver back.
fn watched(mut receiver: watch::Receiver<bool>) -> Pending<watch::Receiver<bool>> {
    Box::pin(async move {
        // Who says it lives as long as the pool.
        let _ = receiver.changed().await;
        receiver
    })
}
