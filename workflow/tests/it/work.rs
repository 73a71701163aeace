//! What goes into a worker stage comes out of it, once, whatever it carries and however it ends.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_core::{BoxError, Shutdown, Sum};
use entourage_queue::{Ask, Item, MemoryQueue, Publication, Queue};
use entourage_workflow::{
    Channel, Chunk, Cursor, Emitted, Error, Graph, Input, Output, Source, Work, Workflow,
};
use entourage_workqueue::Outcome;

use crate::numbers::{LAST, TOTAL, soon, workflow};

#[tokio::test]
async fn w3_what_went_in_is_in_the_result_or_dead_in_it_exactly() {
    let queue = Arc::new(MemoryQueue::new());
    let workflow = workflow(&queue, LAST, &Arc::default(), Some(13));
    let whole = soon(workflow.run(&Shutdown::new())).await.unwrap();
    assert_eq!(whole, [TOTAL - 13, 1]);
}

/// Publishes what it is given, in one chunk.
#[derive(Debug)]
struct Given(Vec<Publication>);

impl Source for Given {
    fn next(&mut self, _: Option<&Cursor>) -> Result<Chunk, BoxError> {
        Ok(Chunk { publish: std::mem::take(&mut self.0), last: true, ..Chunk::default() })
    }
}

/// Ends the workflow with the first number it sees.
#[derive(Debug)]
struct First {
    whole: Channel<u64>,
    applied: Arc<Mutex<u32>>,
    ends: fn(u64) -> Option<Outcome>,
}

impl Work for First {
    type Input = u64;

    fn ask(&self) -> Ask {
        Ask::up_to(1).wait(Duration::from_millis(20))
    }

    fn work(&mut self, batch: &[Input<u64>]) -> Result<Emitted, BoxError> {
        let n = batch[0].value;
        let outcome = (self.ends)(n);
        let publish = match outcome {
            Some(Outcome::Done) => vec![self.whole.publication(0, "first", &n)],
            _ => Vec::new(),
        };
        Ok(Emitted { outcomes: outcome.into_iter().collect(), publish, ..Emitted::default() })
    }

    fn dead(&mut self, _: u64, _: &str) -> Emitted {
        Emitted::default()
    }

    fn applied(&mut self) {
        *self.applied.lock().unwrap() += 1;
    }
}

/// A workflow of one worker over what is given; and how often its work was applied.
fn first(given: Vec<Publication>, ends: fn(u64) -> Option<Outcome>) -> (Workflow<u64>, Arc<Mutex<u32>>) {
    let (numbers, whole) = (Channel::<u64>::new("numbers", 2), Channel::<u64>::new("whole", 1));
    let applied = Arc::new(Mutex::new(0));
    let (end, counter) = (whole.clone(), Arc::clone(&applied));
    let queue: Arc<dyn Queue> = Arc::new(MemoryQueue::new());
    let workflow = Graph::new("first", queue)
        .source("given", [Output::from(&numbers)], move || Given(given.clone()))
        .work("first", 1, &numbers, [Output::from(&whole)], move |_| First {
            whole: end.clone(),
            applied: Arc::clone(&counter),
            ends,
        })
        .complete(&whole)
        .unwrap();
    (workflow, applied)
}

fn number(n: u64) -> Publication {
    Channel::<u64>::new("numbers", 2).publication(n, format!("n/{n}"), &n)
}

#[tokio::test]
async fn a_payload_of_somebody_else_reaches_no_work() {
    // An empty receive and a batch of nothing but foreign items come before the number.
    let foreign = Publication::new("numbers", Item::new("x", "not a number"));
    let later = number(3).delayed(Duration::from_millis(60));
    let (workflow, applied) = first(vec![foreign, later], |_| Some(Outcome::Done));
    assert_eq!(soon(workflow.run(&Shutdown::new())).await.unwrap(), 3);
    assert!(*applied.lock().unwrap() <= 1, "what was not worked on was not applied");
}

#[tokio::test]
async fn work_without_an_outcome_stops_the_workflow_with_a_message() {
    let (workflow, _) = first(vec![number(1)], |_| None);
    let stopped = soon(workflow.run(&Shutdown::new())).await;
    let Err(Error::Stage { stage, source }) = stopped else { panic!("{stopped:?}") };
    assert_eq!((stage.as_str(), source.to_string().contains("no outcome")), ("first", true));
}

#[tokio::test]
async fn work_that_panics_stops_the_workflow_with_its_words() {
    let (workflow, _) = first(vec![number(1)], |_| panic!("no numbers today"));
    let stopped = soon(workflow.run(&Shutdown::new())).await;
    let Err(Error::Panicked { stage, message }) = stopped else { panic!("{stopped:?}") };
    assert_eq!((stage.as_str(), message.as_str()), ("first", "no numbers today"));
}

#[tokio::test]
async fn a_step_that_never_fits_its_channel_stops_the_workflow_with_a_message() {
    let (workflow, _) = first([1, 2, 3].map(number).to_vec(), |_| Some(Outcome::Done));
    let stopped = soon(workflow.run(&Shutdown::new())).await;
    let Err(Error::Stage { stage, source }) = stopped else { panic!("{stopped:?}") };
    assert_eq!(stage, "given");
    assert!(
        source.to_string().starts_with("one step adds 3 items to topic numbers, which holds 2"),
        "{source}"
    );
}

#[tokio::test]
async fn a_drained_workflow_finishes_what_it_holds_and_ends() {
    let queue = Arc::new(MemoryQueue::new());
    let drained = workflow(&queue, LAST, &Arc::default(), None);
    let shutdown = Shutdown::new();
    shutdown.drain();
    let stopped = soon(drained.run(&shutdown)).await;
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    assert_eq!(soon(drained.run(&Shutdown::new())).await.unwrap(), [TOTAL, 0]);
}

#[tokio::test]
async fn an_interrupted_item_comes_again_at_once() {
    static SEEN: Mutex<u32> = Mutex::new(0);
    let (workflow, applied) = first(vec![number(8)], |_| {
        let mut seen = SEEN.lock().unwrap();
        *seen += 1;
        Some(if *seen < 20 { Outcome::Interrupted } else { Outcome::Done })
    });
    assert_eq!(soon(workflow.run(&Shutdown::new())).await.unwrap(), 8);
    assert!(*applied.lock().unwrap() >= 19);
}

#[tokio::test]
async fn a_sum_of_nothing_but_the_dead_is_whole() {
    let queue = Arc::new(MemoryQueue::new());
    let workflow = workflow(&queue, 1, &Arc::default(), Some(1));
    assert_eq!(soon(workflow.run(&Shutdown::new())).await.unwrap(), [Sum(0).0, 1]);
}
