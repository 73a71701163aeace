//! The wrong queues' settlers.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_core::Fence;

use super::{super::patience::within_turns, Fault};
use crate::{
    Applied, Delivery, Error, Published, Queue, Receipt, Record, Result, Returns, Settler, StateWrite, Step,
    StepId, Unapplied,
};

/// A right settler, treated wrongly.
#[derive(Debug)]
pub(super) struct WrongSettler {
    inner: Arc<dyn Settler>,
    queue: Arc<dyn Queue>,
    fault: Fault,
}

/// Names that no step has.
static NUMBER: AtomicU64 = AtomicU64::new(0);

fn unheard_of() -> Option<StepId> {
    Some(StepId::new(format!("\u{1}{}", NUMBER.fetch_add(1, Ordering::Relaxed))))
}

impl WrongSettler {
    pub(super) fn new(inner: Arc<dyn Settler>, queue: Arc<dyn Queue>, fault: Fault) -> Self {
        Self { inner, queue, fault }
    }

    fn spoiled(&self, mut step: Step) -> Step {
        match self.fault {
            Fault::BurnsWhatIsReleased => step.release.iter_mut().for_each(|release| release.retry = true),
            Fault::ForgetsRetries => step.release.iter_mut().for_each(|release| release.retry = false),
            Fault::RetriesAtOnce => {
                step.release.iter_mut().for_each(|release| release.after = Duration::ZERO);
            }
            Fault::DropsTheRejected => {
                step.accept.extend(step.reject.drain(..).map(|rejection| rejection.delivery));
            }
            Fault::AppliesTwice if step.effective_id().is_some() => step.id = unheard_of(),
            Fault::IgnoresVersions => step.state.iter_mut().for_each(|write| write.expected = None),
            Fault::KeepsDeletedRecords => {
                step.state.iter_mut().for_each(|write| {
                    write.value.get_or_insert_default();
                });
            }
            Fault::AdoptsAnyRealm => {
                let adopted = |delivery: Delivery| self.adopted(delivery);
                step.accept = step.accept.into_iter().map(adopted).collect();
            }
            _ => {}
        }
        step
    }

    fn adopted(&self, delivery: Delivery) -> Delivery {
        if delivery.fence().realm() == self.queue.realm() {
            return delivery;
        }
        let fence =
            Fence::new(self.queue.realm(), delivery.fence().scope().clone(), delivery.fence().epoch());
        let (topic, receipt) = (delivery.topic().clone(), delivery.receipt());
        let counts = (delivery.retries(), delivery.lapses());
        Delivery::leased(topic, delivery.item().clone(), fence, receipt, counts, Arc::new(Nowhere))
    }

    /// Applies one part of a step before the rest of it.
    async fn apart(&self, part: Step, mut rest: Step) -> Result<Applied, Unapplied> {
        let (publishes, step) = (!part.publish.is_empty(), Step { id: unheard_of(), ..part });
        let first = match self.inner.step(step).await {
            Ok(first) => first,
            Err(mut unapplied) => {
                rest.publish.append(&mut unapplied.step.publish);
                rest.state.append(&mut unapplied.step.state);
                return Err(Unapplied { step: Box::new(rest), ..unapplied });
            }
        };
        let mut applied = self.inner.step(rest).await?;
        if publishes {
            applied.published = first.published;
        } else {
            applied.state = first.state;
        }
        Ok(applied)
    }

    async fn conflict(&self, step: &Step) -> Option<Error> {
        for StateWrite { key, expected, .. } in &step.state {
            let found = self.inner.state(key).await.ok()?.map_or(0, |record| record.version);
            if let Some(expected) = expected.filter(|expected| *expected != found) {
                return Some(Error::StateConflict { key: key.to_string(), expected, found });
            }
        }
        None
    }

    async fn is_full(&self, step: &Step) -> Option<Error> {
        for publication in &step.publish {
            let topic = &publication.topic;
            let items = step.publish.iter().filter(|other| other.topic == *topic).count() as u64;
            if within_turns(1, pin!(self.queue.room(topic, items))).await.is_none() {
                return Some(Error::Full { topic: topic.clone(), capacity: 2 });
            }
        }
        None
    }
}

#[derive(Debug)]
struct Nowhere;

impl Returns for Nowhere {
    fn give_back(&self, _: Receipt) {}
}

#[async_trait::async_trait]
impl Settler for WrongSettler {
    async fn step(&self, step: Step) -> Result<Applied, Unapplied> {
        let mut step = self.spoiled(step);
        match self.fault {
            Fault::PublishesBeforeItSettles if !step.publish.is_empty() && step.effective_id().is_some() => {
                let part = Step { publish: step.publish.drain(..).collect(), ..Step::new() };
                self.apart(part, step).await
            }
            Fault::WritesBeforeItSettles if !step.state.is_empty() && step.effective_id().is_some() => {
                let part = Step { state: step.state.drain(..).collect(), ..Step::new() };
                self.apart(part, step).await
            }
            Fault::SettlesTheRestOfAStaleStep => match self.inner.step(step).await {
                Err(Unapplied { step, error: Error::Stale { ids } }) => {
                    let mut rest = step.without(&ids);
                    if rest.effective_id().is_none() {
                        rest.id = unheard_of();
                    }
                    self.inner.step(rest).await
                }
                answer => answer,
            },
            Fault::JudgesRecordsBeforeAttempts => match self.inner.step(step).await {
                Err(stale) if stale.error.is_stale() => {
                    let error = self.conflict(&stale.step).await.unwrap_or(stale.error);
                    Err(Unapplied { step: stale.step, error })
                }
                answer => answer,
            },
            Fault::JudgesCapacityBeforeTheStep => match self.is_full(&step).await {
                Some(error) => Err(Unapplied { step: Box::new(step), error }),
                None => self.inner.step(step).await,
            },
            Fault::KeepsFailedSteps => {
                let empty = |unapplied: Unapplied| Unapplied { step: Box::default(), ..unapplied };
                self.inner.step(step).await.map_err(empty)
            }
            Fault::HidesRepetitions => {
                let applied = self.inner.step(step).await?;
                Ok(Applied { repeated: false, ..applied })
            }
            Fault::ReportsNothingAgain => {
                let (published, state) = (step.publish.len(), step.state.len());
                let applied = self.inner.step(step).await?;
                if !applied.repeated {
                    return Ok(applied);
                }
                let published = vec![Published::Duplicate; published];
                Ok(Applied { published, state: vec![0; state], repeated: true })
            }
            _ => self.inner.step(step).await,
        }
    }

    async fn renew(&self, delivery: &Delivery, time: Duration) -> Result<()> {
        match self.fault {
            Fault::RenewsNothing => Ok(()),
            Fault::RenewsTheStale => match self.inner.renew(delivery, time).await {
                Err(Error::Stale { .. }) => Ok(()),
                answer => answer,
            },
            _ => self.inner.renew(delivery, time).await,
        }
    }

    async fn state(&self, key: &str) -> Result<Option<Record>> {
        self.inner.state(key).await
    }
}
