//! A graph that was checked, and runs.

use std::{collections::HashMap, sync::Arc, time::Duration};

use entourage_blueprint::{Blueprint, Delivery as Class, Describe, Edge, Node, Sink};
use entourage_core::Shutdown;
use entourage_queue::{Ask, Group, SubscribeOptions, Topic, TopicOptions};
use tokio::task::{Id, JoinSet};

use crate::{
    channel::Channel,
    error::{Error, Result},
    graph::{Added, Body, Graph},
    output::Output,
    payload::{Malformed, Payload},
    runner::{self, Runner},
};

/// A checked graph that ends in one result of type `R`.
#[derive(Clone, Debug)]
pub struct Workflow<R> {
    graph: Arc<Graph>,
    result: Channel<R>,
}

impl<R: Payload> Workflow<R> {
    pub(crate) fn new(graph: Graph, result: Channel<R>) -> Self {
        Self { graph: Arc::new(graph), result }
    }

    /// Runs every stage until the result is there, here or in another process of the group.
    ///
    /// Killed or stopped, it goes on where it was when it is run again on the same queue. The
    /// result stays in its topic: running a complete workflow again answers at once.
    ///
    /// # Errors
    /// [`Error::Stopped`] when `shutdown` ended it, or whatever made a stage give up.
    ///
    /// # Cancel safety
    /// Dropping the future stops every stage; what they held is given back.
    pub async fn run(&self, shutdown: &Shutdown) -> Result<R> {
        self.prepare().await?;
        let mut stages = JoinSet::new();
        let mut names = HashMap::new();
        for added in &self.graph.stages {
            for copy in 0..added.copies {
                let id = self.start(added, copy, shutdown, &mut stages).await?;
                names.insert(id, added.node.name());
            }
        }
        let result = self.result(Duration::MAX);
        tokio::pin!(result);
        loop {
            tokio::select! {
                biased;
                result = &mut result => return result?.ok_or(Error::Stopped),
                () = shutdown.stopped() => return Err(Error::Stopped),
                () = shutdown.draining(), if stages.is_empty() => return Err(Error::Stopped),
                Some(ended) = stages.join_next_with_id() => match ended {
                    Ok((_, ended)) => ended?,
                    Err(join) => return Err(runner::panicked(names[&join.id()], join)),
                },
            }
        }
    }

    /// Starts one copy of a stage.
    async fn start(
        &self,
        added: &Added,
        copy: usize,
        shutdown: &Shutdown,
        stages: &mut JoinSet<Result<()>>,
    ) -> Result<Id> {
        let options = if added.gives_up { self.graph.options } else { never_giving_up(self.graph.options) };
        let runner = self.runner(added.node.name(), added.input.topics(), options).await?;
        let shutdown = shutdown.clone();
        let handle = match (added.make)(copy) {
            Body::Stage(stage) => stages.spawn(async move { runner.stage(stage, &shutdown).await }),
            Body::Source(source) => stages.spawn(async move { runner.source(source, &shutdown).await }),
            Body::Undertaker(work) => {
                let (topics, group) = (added.input.topics().to_vec(), self.group());
                let pause = options.lease;
                stages.spawn(async move { runner.bury(work, &topics, &group, pause, &shutdown).await })
            }
        };
        Ok(handle.id())
    }

    /// The result, if it is there within `wait`. It stays there.
    ///
    /// # Errors
    /// [`Error::Queue`] when the queue cannot answer.
    pub async fn result(&self, wait: Duration) -> Result<Option<R>> {
        let options = never_giving_up(self.graph.options);
        let mut reader = self.runner("result", self.result.topics(), options).await?;
        let found = reader.receive(Ask::up_to(1).wait(wait)).await?;
        let Some(delivery) = found.first() else { return Ok(None) };
        let malformed = |source: Malformed| Error::Stage { stage: "result".into(), source: source.into() };
        R::decode(delivery.item().payload()).map(Some).map_err(malformed)
    }

    /// Sets every topic's capacity.
    async fn prepare(&self) -> Result<()> {
        for added in &self.graph.stages {
            for output in added.outputs.iter().chain([&added.input]) {
                for topic in output.topics() {
                    let options = TopicOptions::new().with_capacity(output.capacity());
                    let configured = self.graph.queue.configure(topic, options).await;
                    configured.map_err(|source| Error::Queue { stage: added.node.name().into(), source })?;
                }
            }
        }
        Ok(())
    }

    async fn runner(&self, stage: &str, topics: &[Topic], options: SubscribeOptions) -> Result<Runner> {
        Runner::subscribe(stage, &self.graph.queue, topics, &self.group(), options).await
    }

    fn group(&self) -> Group {
        Group::from(self.graph.name.as_str())
    }
}

/// However often the process that holds an item dies: it is never the item's fault.
const fn never_giving_up(options: SubscribeOptions) -> SubscribeOptions {
    options.with_delivery_limit(u32::MAX)
}

impl<R: Payload> Describe for Workflow<R> {
    fn describe(&self, blueprint: &mut Blueprint) {
        let atomic = self.graph.queue.capabilities().atomic_step;
        let class = if atomic { Class::EffectivelyOnce } else { Class::AtLeastOnce };
        let stages = &self.graph.stages;
        for added in stages {
            let outputs = added.outputs.iter().map(Output::name);
            blueprint.add_node(outputs.fold(added.node.clone(), Node::with_output));
        }
        let result = Output::from(&self.result);
        blueprint.add_node(Node::new("result", result.name()).sink(Sink::default()));
        for from in stages {
            for output in &from.outputs {
                let readers =
                    stages.iter().filter(|to| to.input.name() == output.name()).map(|to| to.node.name());
                let end = (output.name() == result.name()).then_some(result.name());
                for to in readers.chain(end) {
                    let edge = Edge::new(from.node.name(), to, output.name());
                    blueprint.add_edge(edge.with_capacity(output.capacity()).with_delivery(class));
                }
            }
        }
    }
}
