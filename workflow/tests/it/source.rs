//! A source's chunks are published exactly once, whoever is the source.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_core::{BoxError, Shutdown, Sum, sleep};
use entourage_queue::{Bundle, Group, MemoryQueue, Queue, SubscribeOptions, Topic};
use entourage_workflow::{
    Channel, Chunk, Contribution, Cursor, Graph, Output, Payload, Reduce, Source, Workflow,
};
use tokio::runtime::Handle;

use crate::numbers::{LAST, TOTAL, soon, workflow};

#[tokio::test]
async fn a_source_that_died_goes_on_where_its_last_chunk_ended() {
    let queue = Arc::new(MemoryQueue::new());
    let fails_at = Arc::new(Mutex::new(Some(20)));
    let workflow = workflow(&queue, LAST, &fails_at, None);
    let died = workflow.run(&Shutdown::new()).await;
    assert!(died.is_err_and(|error| error.to_string() == "stage list failed"));
    assert_eq!(workflow.run(&Shutdown::new()).await.unwrap(), [TOTAL, 0]);
}

#[tokio::test]
async fn two_processes_share_the_work_and_see_one_result() {
    let queue = Arc::new(MemoryQueue::new());
    let here = workflow(&queue, LAST, &Arc::default(), None);
    let there = workflow(&queue, LAST, &Arc::default(), None);
    let shutdown = Shutdown::new();
    let (a, b) = tokio::join!(here.run(&shutdown), there.run(&shutdown));
    assert_eq!(a.unwrap(), [TOTAL, 0]);
    assert_eq!(b.unwrap(), [TOTAL, 0]);
}

#[tokio::test]
async fn an_empty_source_completes_with_the_empty_result() {
    let queue = Arc::new(MemoryQueue::new());
    assert_eq!(workflow(&queue, 0, &Arc::default(), None).run(&Shutdown::new()).await.unwrap(), [0, 0]);
}

#[tokio::test]
async fn a_finished_workflow_answers_at_once_and_again() {
    let queue = Arc::new(MemoryQueue::new());
    let workflow = workflow(&queue, LAST, &Arc::default(), None);
    let first = workflow.run(&Shutdown::new()).await.unwrap();
    assert_eq!(workflow.result(Duration::ZERO).await.unwrap(), Some(first.clone()));
    assert_eq!(workflow.run(&Shutdown::new()).await.unwrap(), first);
}

/// Says that there is one number, and that number; the first chunk waits until its attempt is over.
#[derive(Debug)]
struct Late {
    queue: Arc<MemoryQueue>,
    sum: Reduce<Sum>,
}

impl Late {
    fn outlive_the_attempt(&self) {
        let (seeds, group, clock) = (Topic::from("late.seed"), Group::from("late"), self.queue.clock());
        Handle::current().block_on(async {
            while self.queue.stats(&seeds, &group).await.unwrap().in_flight > 0 {
                sleep(&*clock, Duration::from_millis(5)).await;
            }
        });
    }
}

impl Source for Late {
    fn next(&mut self, cursor: Option<&Cursor>) -> Result<Chunk, BoxError> {
        let bundle = Bundle::from("all");
        let (id, contribution, last) = match cursor {
            None => ("manifest", Contribution::manifest(1), false),
            Some(_) => ("one", Contribution::of(1, Sum(7)), true),
        };
        if cursor.is_none() {
            self.outlive_the_attempt();
        }
        let publish = self.sum.admit(&bundle, id.into(), contribution);
        Ok(Chunk { publish, cursor: 1_u64.encode(), last, ..Chunk::default() })
    }
}

#[tokio::test]
async fn a_source_whose_attempt_ended_takes_its_seed_again_however_often() {
    let queue = Arc::new(MemoryQueue::new());
    let (sums, whole) = (Channel::new("sums", 10), Channel::<u64>::new("whole", 1));
    let end = whole.clone();
    let sum = Reduce::new("sum", &sums, move |_, all: Contribution<Sum>| {
        vec![end.publication(0, "whole", &all.value.unwrap_or_default().0)]
    });
    let late = Late { queue: Arc::clone(&queue), sum: sum.clone() };
    let options = SubscribeOptions::new().with_time_limit(Duration::from_millis(50)).with_delivery_limit(1);
    let workflow: Workflow<u64> = Graph::new("late", queue as Arc<dyn Queue>)
        .with_options(options)
        .source("late", [Output::from(&sums)], move || Late {
            queue: late.queue.clone(),
            sum: late.sum.clone(),
        })
        .reduce(1, &sum, &whole)
        .complete(&whole)
        .unwrap();
    assert_eq!(soon(workflow.run(&Shutdown::new())).await.unwrap(), 7);
}
