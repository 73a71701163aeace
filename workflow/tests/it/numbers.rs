//! A workflow that sums the numbers from 1 on, for the tests to disturb.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_core::{BoxError, Sum, SystemClock, timeout};
use entourage_queue::{Ask, Bundle, MemoryQueue, Queue, SubscribeOptions};
use entourage_workflow::{
    Channel, Chunk, Contribution, Cursor, Emitted, Graph, Input, Output, Payload, Reduce, Source, Work,
    Workflow,
};
use entourage_workqueue::Outcome;

pub(crate) const LAST: u64 = 40;

/// What they come to.
pub(crate) const TOTAL: u64 = LAST * (LAST + 1) / 2;

/// Waits for what may never come if a promise is broken.
pub(crate) async fn soon<F: Future>(what: F) -> F::Output {
    timeout(&SystemClock::new(), Duration::from_secs(30), what).await.expect("it ends in time")
}

/// Lists ten numbers a chunk; the first process to reach `fails_at` gives up there.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(crate) numbers: Channel<u64>,
    pub(crate) sum: Reduce<Sum>,
    pub(crate) fails_at: Arc<Mutex<Option<u64>>>,
    pub(crate) last: u64,
}

impl Source for Numbers {
    fn next(&mut self, cursor: Option<&Cursor>) -> Result<Chunk, BoxError> {
        let done = cursor.map_or(Ok(0), |cursor| u64::decode(cursor))?;
        if self.fails_at.lock().unwrap().take_if(|at| *at <= done).is_some() {
            return Err("the source died".into());
        }
        let next = (done + 10).min(self.last);
        let mut publish: Vec<_> =
            (done + 1..=next).map(|n| self.numbers.publication(n, format!("n/{n}"), &n)).collect();
        if next == self.last {
            publish.extend(self.sum.admit(
                &Bundle::from("all"),
                "manifest".into(),
                Contribution::manifest(self.last),
            ));
        }
        Ok(Chunk { publish, cursor: next.encode(), last: next == self.last, ..Chunk::default() })
    }
}

/// Passes numbers on to the sum; dies of some.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) sum: Reduce<Sum>,
    pub(crate) refuses: Option<u64>,
}

impl Pass {
    fn contribute(&self, contribution: Contribution<Sum>) -> Emitted {
        let id = format!("pass/{}", contribution.ids);
        Emitted { publish: self.sum.admit(&Bundle::from("all"), id, contribution), ..Emitted::default() }
    }
}

impl Work for Pass {
    type Input = u64;

    fn ask(&self) -> Ask {
        Ask::up_to(7)
    }

    fn work(&mut self, batch: &[Input<u64>]) -> Result<Emitted, BoxError> {
        let n = batch[0].value;
        if self.refuses == Some(n) {
            return Ok(Emitted {
                outcomes: vec![Outcome::Dead("it is unlucky".into())],
                ..Emitted::default()
            });
        }
        // One of up to seven: the rest is kept and comes again first.
        Ok(Emitted { outcomes: vec![Outcome::Done], ..self.contribute(Contribution::of(n, Sum(n))) })
    }

    fn dead(&mut self, n: u64, reason: &str) -> Emitted {
        self.contribute(Contribution::tombstone(n, reason))
    }
}

pub(crate) fn workflow(
    queue: &Arc<MemoryQueue>,
    last: u64,
    fails_at: &Arc<Mutex<Option<u64>>>,
    refuses: Option<u64>,
) -> Workflow<Vec<u64>> {
    let numbers = Channel::<u64>::new("numbers", 10);
    let sums = Channel::new("sums", 100);
    let whole = Channel::<Vec<u64>>::new("whole", 1);
    let end = whole.clone();
    let sum = Reduce::new("sum", &sums, move |_, all: Contribution<Sum>| {
        let dead = all.tombstones.iter().map(|tombstone| tombstone.ids.len()).sum();
        vec![end.publication(0, "whole", &vec![all.value.unwrap_or_default().0, dead])]
    });
    let (source, fails_at, work) = ((numbers.clone(), sum.clone()), Arc::clone(fails_at), sum.clone());
    let source = move || Numbers {
        numbers: source.0.clone(),
        sum: source.1.clone(),
        fails_at: Arc::clone(&fails_at),
        last,
    };
    let queue: Arc<dyn Queue> = Arc::clone(queue) as _;
    Graph::new("numbers", queue)
        .with_options(SubscribeOptions::new().with_lease(Duration::from_millis(200)))
        .source("list", [Output::from(&numbers), Output::from(&sums)], source)
        .work("pass", 2, &numbers, [Output::from(&sums)], move |_| Pass { sum: work.clone(), refuses })
        .reduce(1, &sum, &whole)
        .complete(&whole)
        .unwrap()
}
