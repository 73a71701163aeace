//! What was composed is checked before it runs.

use std::sync::Arc;

use entourage_blueprint::{Blueprint, Format};
use entourage_core::{BoxError, Shutdown};
use entourage_queue::{Ask, Delivery, MemoryQueue, Queue, Step};
use entourage_workflow::{Channel, Error, Graph, Output, Stage};

use crate::numbers::workflow;

/// Republishes what it takes.
#[derive(Debug)]
struct Echo;

#[async_trait::async_trait]
impl Stage for Echo {
    fn ask(&self) -> Ask {
        Ask::up_to(1)
    }

    async fn step(&mut self, batch: Vec<Delivery>) -> Result<Step, BoxError> {
        Ok(batch.into_iter().fold(Step::new(), Step::accept))
    }
}

fn queue() -> Arc<dyn Queue> {
    Arc::new(MemoryQueue::new())
}

#[test]
fn a_cycle_of_bounded_channels_is_refused_with_its_stages() {
    let (there, back, end) =
        (Channel::<u64>::new("there", 1), Channel::<u64>::new("back", 1), Channel::<u64>::new("end", 1));
    let graph = Graph::new("loop", queue())
        .stage("ping", 1, &back, [Output::from(&there)], |_| Echo)
        .stage("pong", 1, &there, [Output::from(&back), Output::from(&end)], |_| Echo)
        .complete(&end);
    let Err(Error::Blueprint { findings }) = graph else { panic!("{graph:?}") };
    assert!(findings.contains("ping") && findings.contains("pong"), "{findings}");
}

#[test]
fn an_output_that_nobody_reads_is_refused() {
    let (input, lost, end) =
        (Channel::<u64>::new("in", 1), Channel::<u64>::new("lost", 1), Channel::<u64>::new("end", 1));
    let graph = Graph::new("leak", queue())
        .stage("feed", 1, &end, [Output::from(&input)], |_| Echo)
        .stage("split", 1, &input, [Output::from(&lost), Output::from(&end)], |_| Echo)
        .complete(&end);
    assert!(matches!(graph, Err(Error::Blueprint { findings }) if findings.contains("lost")));
}

#[test]
fn two_stages_of_one_name_are_refused() {
    let (a, b) = (Channel::<u64>::new("a", 1), Channel::<u64>::new("b", 1));
    let graph = Graph::new("twins", queue())
        .stage("twin", 1, &b, [Output::from(&a)], |_| Echo)
        .stage("twin", 1, &a, [Output::from(&b)], |_| Echo)
        .complete(&b);
    assert!(matches!(graph, Err(Error::Blueprint { findings }) if findings.contains("\"twin\" is taken")));
}

#[test]
fn two_channels_of_one_topic_are_refused() {
    let (numbers, end) = (Channel::<u64>::new("a", 1), Channel::<u64>::new("end", 1));
    for other in [Output::from(&Channel::<String>::new("a", 1)), Output::from(&Channel::<u64>::new("a", 2))] {
        let graph = Graph::new("twins", queue())
            .stage("there", 1, &end, [other], |_| Echo)
            .stage("on", 1, &numbers, [Output::from(&end)], |_| Echo)
            .complete(&end);
        assert!(matches!(graph, Err(Error::Blueprint { findings }) if findings.contains("the topic a;")));
    }
}

#[test]
fn the_blueprint_shows_every_stage_and_channel() {
    let drawn = Blueprint::of(&workflow(&Arc::new(MemoryQueue::new()), 1, &Arc::default(), None))
        .render(Format::Mermaid);
    for name in ["list", "pass", "sum", "numbers", "whole"] {
        assert!(drawn.contains(name), "{name} is not in {drawn}");
    }
}

#[tokio::test]
async fn a_workflow_that_is_told_to_stop_says_so() {
    let shutdown = Shutdown::new();
    shutdown.stop();
    let stopped = workflow(&Arc::new(MemoryQueue::new()), 10, &Arc::default(), None).run(&shutdown).await;
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
}
