//! How a topic hears that items are finished.

use entourage_core::planted;
use entourage_queue::{Applied, Delivery, Error, Rejection, Step, Unapplied};
use tokio::runtime::Handle;

use super::TopicSource;
use crate::source::{finish::Finish, name::ItemName};

impl TopicSource {
    /// Settles these to the end, also where the caller goes away.
    ///
    /// A step that is dropped gives back what it was to settle, though it is worked off. Until it
    /// has ended, its names are kept.
    pub(super) async fn settle_whole(
        &self,
        names: &[ItemName],
        finish: Finish,
    ) -> Result<Vec<ItemName>, Error> {
        let (source, names) = (self.clone(), names.to_vec());
        let settling = async move { source.settle(&names, finish).await };
        match Handle::try_current() {
            Ok(runtime) if !planted("topic-settles-with-its-caller") => {
                runtime.spawn(settling).await.unwrap_or_else(|ended| Err(Error::Unavailable(ended.into())))
            }
            _ => settling.await,
        }
    }

    /// Settles these; gives the names that the topic did not let go of.
    async fn settle(&self, names: &[ItemName], finish: Finish) -> Result<Vec<ItemName>, Error> {
        let Some(settler) = self.settler() else { return Ok(names.to_vec()) };
        let mut kept = Vec::new();
        let mut step = Step::new();
        {
            let mut held = self.held();
            for name in names {
                match held.take(name) {
                    Some(delivery) if finish == Finish::Done => step.accept.push(delivery),
                    Some(delivery) => {
                        let reason = "its work queue has given it up".to_owned();
                        step.reject.push(Rejection { delivery, reason });
                    }
                    // Lost, and it may come back; or it is being renewed.
                    None if !held.was_settled(name) => kept.push(name.clone()),
                    None => {}
                }
            }
        }
        let mut names: Vec<_> = step.deliveries().filter_map(name_of).collect();
        while !names.is_empty() {
            let (back, error) = match settler.step(step).await {
                // An earlier call, whose answer was lost, settled some of them; the others come back.
                Ok(Applied { repeated: true, .. }) => {
                    kept.append(&mut names);
                    break;
                }
                Ok(_) => {
                    let mut held = self.held();
                    names.drain(..).for_each(|name| held.settled(name));
                    break;
                }
                Err(Unapplied { step, error }) => (step, error),
            };
            let Error::Stale { ids } = error else {
                self.hold_again(*back);
                return Err(error);
            };
            let (lost, rest) =
                names.into_iter().partition(|name| ids.iter().any(|id| id.as_str() == name.as_str()));
            if !planted("topic-lets-go-of-what-it-lost") {
                kept.extend::<Vec<_>>(lost);
            }
            names = rest;
            step = back.without(&ids);
        }
        Ok(kept)
    }

    fn hold_again(&self, step: Step) {
        let now = self.queue.clock().now();
        let mut held = self.held();
        let rejected = step.reject.into_iter().map(|rejection| rejection.delivery);
        for delivery in step.accept.into_iter().chain(rejected) {
            // What cannot be held is given back.
            if let Some(name) = name_of(&delivery) {
                drop(held.hold(name, delivery, now));
            }
        }
    }
}

fn name_of(delivery: &Delivery) -> Option<ItemName> {
    ItemName::new(delivery.id().to_shared()).ok()
}
