//! What publishes.

use std::{sync::Arc, time::Duration};

use entourage::{
    core::{SystemClock, sleep},
    queue::{Item, Publication, Queue},
};

use crate::{
    backend::{Patience, topic},
    kind::Kind,
    wire::Wire,
};

/// Publishes what the sink tells it, until all is published or it is killed.
pub(crate) struct Producer {
    pub(crate) wire: Wire,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) killers: u64,
}

impl Producer {
    pub(crate) async fn produce(mut self) {
        loop {
            let told = self.wire.ask("next".to_owned()).await;
            match told.split_once(' ') {
                Some((first, last)) => {
                    let number = |text: &str| text.parse().expect("the sink says numbers");
                    self.publish(number(first), number(last)).await;
                    let _ = self.wire.ask("enq".to_owned()).await;
                }
                None if told == "over" => return,
                None => sleep(&SystemClock::new(), Duration::from_millis(10)).await,
            }
        }
    }

    /// Publishes a batch until it is known to be taken: at most once, by its ids.
    async fn publish(&self, first: u64, last: u64) {
        let mut patience = Patience::new();
        let publication = |number| {
            let item = Item::new(Kind::of(number, self.killers).id(number), format!("{number:064}"));
            Publication::new(topic(), item)
        };
        let batch: Vec<_> = (first..last).map(publication).collect();
        while let Err(error) = self.queue.publish(batch.clone()).await {
            patience.with(error).await;
        }
    }
}
