//! A source's chunks are published exactly once, whoever is the source.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_core::{BoxError, Shutdown, Sum};
use entourage_queue::{Ask, Bundle, MemoryQueue, Queue, SubscribeOptions};
use entourage_workflow::{
    Channel, Chunk, Contribution, Cursor, Emitted, Graph, Input, Output, Payload, Reduce, Source, Work,
    Workflow,
};
use entourage_workqueue::Outcome;

const LAST: u64 = 40;

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

#[tokio::test]
async fn a_source_that_died_goes_on_where_its_last_chunk_ended() {
    let queue = Arc::new(MemoryQueue::new());
    let fails_at = Arc::new(Mutex::new(Some(20)));
    let workflow = workflow(&queue, LAST, &fails_at, None);
    let died = workflow.run(&Shutdown::new()).await;
    assert!(died.is_err_and(|error| error.to_string() == "stage list failed"));
    assert_eq!(workflow.run(&Shutdown::new()).await.unwrap(), [LAST * (LAST + 1) / 2, 0]);
}

#[tokio::test]
async fn two_processes_share_the_work_and_see_one_result() {
    let queue = Arc::new(MemoryQueue::new());
    let here = workflow(&queue, LAST, &Arc::default(), None);
    let there = workflow(&queue, LAST, &Arc::default(), None);
    let shutdown = Shutdown::new();
    let (a, b) = tokio::join!(here.run(&shutdown), there.run(&shutdown));
    assert_eq!(a.unwrap(), [LAST * (LAST + 1) / 2, 0]);
    assert_eq!(b.unwrap(), [LAST * (LAST + 1) / 2, 0]);
}

#[tokio::test]
async fn an_empty_source_completes_with_the_empty_result() {
    let queue = Arc::new(MemoryQueue::new());
    assert_eq!(workflow(&queue, 0, &Arc::default(), None).run(&Shutdown::new()).await.unwrap(), [0, 0]);
}

#[tokio::test]
async fn w3_a_dead_letter_is_missed_by_name_and_not_waited_for() {
    let queue = Arc::new(MemoryQueue::new());
    let whole = workflow(&queue, LAST, &Arc::default(), Some(13)).run(&Shutdown::new()).await.unwrap();
    assert_eq!(whole, [LAST * (LAST + 1) / 2 - 13, 1]);
}

#[tokio::test]
async fn a_finished_workflow_answers_at_once_and_again() {
    let queue = Arc::new(MemoryQueue::new());
    let workflow = workflow(&queue, LAST, &Arc::default(), None);
    let first = workflow.run(&Shutdown::new()).await.unwrap();
    assert_eq!(workflow.result(Duration::ZERO).await.unwrap(), Some(first.clone()));
    assert_eq!(workflow.run(&Shutdown::new()).await.unwrap(), first);
}
