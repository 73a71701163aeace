//! A settler whose answers may be late or lost, and whose steps may arrive twice.

use std::{sync::Arc, time::Duration};

use entourage_queue::{
    Applied, Delivery, Receipt, Record, Rejection, Release, Result, Returns, Settler, Step, Unapplied,
};

use crate::{
    call::Call,
    link::{Link, Lost},
    substrate::book::{Book, copy},
};

/// A settler whose answers may be late or lost, and whose steps may arrive twice.
///
/// The queue is given copies of a step, so that after a lost answer the process has the step
/// to apply it again.
#[derive(Debug)]
pub(super) struct SimSettler {
    inner: Arc<dyn Settler>,
    book: Arc<Book>,
}

impl SimSettler {
    pub(super) const fn new(inner: Arc<dyn Settler>, book: Arc<Book>) -> Self {
        Self { inner, book }
    }

    fn link(&self) -> &Link {
        &self.book.link
    }
}

/// For copies that travel: only what the process itself drops is given back.
#[derive(Debug)]
struct Nobody;

impl Returns for Nobody {
    fn give_back(&self, _: Receipt) {}
}

fn travelling(step: &Step) -> Step {
    let nobody: Arc<dyn Returns> = Arc::new(Nobody);
    let copied = |delivery: &Delivery| copy(delivery, Arc::clone(&nobody));
    let released = |given: &Release| Release {
        delivery: copied(&given.delivery),
        after: given.after,
        retry: given.retry,
    };
    let rejected =
        |given: &Rejection| Rejection { delivery: copied(&given.delivery), reason: given.reason.clone() };
    Step {
        id: step.id.clone(),
        accept: step.accept.iter().map(copied).collect(),
        release: step.release.iter().map(released).collect(),
        reject: step.reject.iter().map(rejected).collect(),
        publish: step.publish.clone(),
        state: step.state.clone(),
    }
}

fn shown(answer: &Result<Applied, Unapplied>) -> String {
    match answer {
        Ok(Applied { repeated: true, .. }) => "applied before".to_owned(),
        Ok(_) => "applied".to_owned(),
        Err(unapplied) => unapplied.error.to_string(),
    }
}

fn given_back(step: Step, lost: Lost) -> Unapplied {
    Unapplied { step: Box::new(step), error: lost.into() }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Settler for SimSettler {
    async fn step(&self, step: Step) -> Result<Applied, Unapplied> {
        let call = Call::SettlerStep;
        let plan = match self.link().request(call).await {
            Ok(plan) => plan,
            Err(lost) => return Err(given_back(step, lost)),
        };
        let answer = self.link().reach(self.inner.step(travelling(&step))).await;
        if let Ok(applied) = &answer {
            let Link { world, name, .. } = self.link();
            if !applied.repeated {
                for delivery in step.deliveries() {
                    world.grants.accepted(&self.book.resource(delivery), name, delivery.fence().epoch());
                }
            }
            // One that was refused must not happen after all, so only an applied one is repeated.
            if let Some(after) = plan.again {
                let (inner, again) = (Arc::clone(&self.inner), travelling(&step));
                self.link().repeat(call, after, async move { shown(&inner.step(again).await) });
            }
        }
        if let Err(lost) = self.link().answer(call, &plan, shown(&answer)).await {
            return Err(given_back(step, lost));
        }
        match answer {
            Ok(applied) => {
                if !applied.repeated {
                    let released = step.release.into_iter().map(|release| release.delivery);
                    let rejected = step.reject.into_iter().map(|rejection| rejection.delivery);
                    let settled = step.accept.into_iter().chain(released).chain(rejected);
                    settled.for_each(|delivery| self.book.settle(delivery));
                }
                Ok(applied)
            }
            Err(Unapplied { error, .. }) => Err(Unapplied { step: Box::new(step), error }),
        }
    }

    async fn renew(&self, delivery: &Delivery, time: Duration) -> Result<()> {
        self.link().call(Call::SettlerRenew, self.inner.renew(delivery, time)).await?
    }

    async fn state(&self, key: &str) -> Result<Option<Record>> {
        self.link().call(Call::SettlerState, self.inner.state(key)).await?
    }
}
