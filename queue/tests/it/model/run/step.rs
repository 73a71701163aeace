//! Steps: applied, refused, and repeated by those who never heard of their answer.

use std::sync::Arc;

use entourage_queue::{
    Applied, Delivery, Error, Publication, Receipt, Rejection, Release, Returns, StateWrite, Step, Unapplied,
};

use super::{
    super::{
        draw::Settling,
        oracle::{Attempt, Obstacles, Verb},
    },
    Run, fine, one_of, same,
};

/// A step that was applied, as somebody knows it who has not heard of that.
pub(super) struct Once {
    group: usize,
    id: Option<String>,
    effective: String,
    deliveries: Vec<(Delivery, Verb)>,
    publish: Vec<Publication>,
    state: Vec<StateWrite>,
}

impl Run {
    pub(super) async fn step(&mut self, settling: Settling) -> Result<(), String> {
        let Settling { consumer, name, settle, publish, state } = settling;
        let (group, is_open) = {
            let consumer = &self.oracle.consumers[consumer];
            (consumer.group, consumer.open)
        };
        let take = |(place, verb): (usize, Verb)| {
            self.take(place).map(|(attempt, delivery)| ((attempt, verb), (delivery, verb)))
        };
        let mut taken: Vec<_> = settle.into_iter().filter_map(take).collect();
        taken.sort_by_key(|((_, verb), _)| match verb {
            Verb::Accept => 0,
            Verb::Release { .. } => 1,
            Verb::Reject => 2,
        });
        let (settle, deliveries): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        let twins: Vec<_> = deliveries.iter().map(|(delivery, verb)| (twin(delivery), *verb)).collect();
        let step = assemble(name.clone(), deliveries, &publish, &state);
        let Some(effective) = step.effective_id() else {
            let refused = self.consumers[consumer].settler.step(step).await;
            self.met("an unnamed step");
            return match refused {
                Err(Unapplied { error: Error::Invalid(_), .. }) => Ok(()),
                other => Err(format!("step: the queue says {other:?}, the model that it is invalid")),
            };
        };
        let effective = effective.as_str().to_owned();
        let real = self.consumers[consumer].settler.step(step).await;
        if let Some(applied) = self.oracle.recall(group, &effective) {
            // What was not settled by it goes back.
            settle.iter().for_each(|(attempt, _)| self.oracle.give_back(*attempt));
            self.settled(consumer).await?;
            return self.repeated(real, &applied);
        }
        if settle.is_empty() && !is_open {
            self.met("a step without a receiver");
            return match real {
                Err(Unapplied { error: Error::Closed, .. }) => Ok(()),
                other => Err(format!("step: the queue says {other:?}, the model that it is closed")),
            };
        }
        let named = |(attempt, verb): &(Attempt, Verb)| (*attempt, *verb, self.id_of(*attempt, &twins));
        let settled: Vec<_> = settle.iter().map(named).collect();
        let model = self.oracle.step(consumer, &effective, &settled, &publish, &state);
        match (real, model) {
            (Ok(real), Ok(model)) => {
                self.met("a step");
                self.met_each(&real.published);
                let once = Once { group, id: name, effective, deliveries: twins, publish, state };
                self.applied.push(once);
                same("step", &real, &model)
            }
            (Err(unapplied), Err(obstacles)) => self.unapplied(unapplied, &obstacles, &settle),
            (real, model) => Err(format!("step: the queue says {real:?}, the model {model:?}")),
        }
    }

    pub(super) fn id_of(&self, attempt: Attempt, twins: &[(Delivery, Verb)]) -> String {
        let twin = twins.iter().find(|(twin, _)| twin.receipt().epoch == attempt.epoch);
        twin.map(|(twin, _)| twin.id().as_str().to_owned()).expect("each attempt has a twin")
    }

    pub(super) fn repeated(
        &mut self,
        real: Result<Applied, Unapplied>,
        model: &Applied,
    ) -> Result<(), String> {
        self.met("a repeated step");
        same("a repeated step", &fine("a repeated step", real)?, model)
    }

    /// Compares a refusal, and takes back what it gives back.
    pub(super) fn unapplied(
        &mut self,
        unapplied: Unapplied,
        obstacles: &Obstacles,
        settle: &[(Attempt, Verb)],
    ) -> Result<(), String> {
        let Obstacles { stale, conflicts, full } = obstacles;
        match &unapplied.error {
            Error::Stale { ids } => {
                let conflicts = !conflicts.is_empty();
                self.met(if conflicts { "a stale step that also conflicts" } else { "a stale step" });
                let ids: Vec<String> = ids.iter().map(|id| id.as_str().to_owned()).collect();
                same("the stale", &ids, stale)?;
            }
            Error::StateConflict { key, expected, found } if stale.is_empty() => {
                let full = !full.is_empty();
                self.met(if full { "a conflict without room" } else { "a conflict" });
                one_of("step", &(key.clone(), *expected, *found), conflicts)?;
            }
            Error::Full { topic, capacity } if stale.is_empty() && conflicts.is_empty() => {
                self.met("a step beyond capacity");
                one_of("step", &(topic.as_str().to_owned(), *capacity), full)?;
            }
            other => return Err(format!("step: the queue says {other:?}, the model {obstacles:?}")),
        }
        let Step { accept, release, reject, .. } = *unapplied.step;
        let released = release.into_iter().map(|release| release.delivery);
        let rejected = reject.into_iter().map(|rejection| rejection.delivery);
        let deliveries: Vec<_> = accept.into_iter().chain(released).chain(rejected).collect();
        same("what is given back", &deliveries.len(), &settle.len())?;
        for ((attempt, _), delivery) in settle.iter().zip(deliveries) {
            same("what is given back", &delivery.receipt().epoch, &attempt.epoch)?;
            self.held.push((*attempt, delivery));
        }
        Ok(())
    }

    pub(super) async fn repeat(&mut self, consumer: usize, step: usize) -> Result<(), String> {
        let Some(once) = self.applied.get(step) else { return Ok(()) };
        let Once { group, id, effective, deliveries, publish, state } = once;
        if self.oracle.consumers[consumer].group != *group {
            return Ok(());
        }
        let twins = deliveries.iter().map(|(delivery, verb)| (twin(delivery), *verb)).collect();
        let again = assemble(id.clone(), twins, publish, state);
        let model = self.oracle.recall(*group, effective).ok_or("an applied step is known")?;
        let real = self.consumers[consumer].settler.step(again).await;
        self.repeated(real, &model)
    }
}

fn assemble(
    name: Option<String>,
    deliveries: Vec<(Delivery, Verb)>,
    publish: &[Publication],
    state: &[StateWrite],
) -> Step {
    let mut step = Step { publish: publish.to_vec(), state: state.to_vec(), ..Step::new() };
    if let Some(name) = name {
        step = step.named(name);
    }
    for (delivery, verb) in deliveries {
        match verb {
            Verb::Accept => step.accept.push(delivery),
            Verb::Release { after, retry } => step.release.push(Release { delivery, after, retry }),
            Verb::Reject => {
                // The reason is the id, which the oracle knows too.
                let reason = delivery.id().as_str().to_owned();
                step.reject.push(Rejection { delivery, reason });
            }
        }
    }
    step
}

/// A second delivery of an attempt, which gives nothing back.
fn twin(delivery: &Delivery) -> Delivery {
    Delivery::leased(
        delivery.topic().clone(),
        delivery.item().clone(),
        delivery.fence().clone(),
        delivery.receipt(),
        (delivery.retries(), delivery.lapses()),
        Arc::new(Nowhere),
    )
}

#[derive(Debug)]
struct Nowhere;

impl Returns for Nowhere {
    fn give_back(&self, _: Receipt) {}
}
