//! Stages and the typed channels between them.

use std::{fmt, sync::Arc, time::Duration};

use entourage_blueprint::{Blueprint, Delivery as Class, Describe, Edge, Gives, Node};
use entourage_core::{Merge, Shutdown};
use entourage_queue::{Ask, Group, Queue, SubscribeOptions, Topic, TopicOptions};
use tokio::task::JoinSet;

use crate::{
    channel::Channel,
    error::{Error, Result},
    payload::Payload,
    reduce::Reduce,
    runner::{self, Runner},
    source::Source,
    stage::Stage,
    work::{Bury, Work, WorkStage},
};

/// The far end of a channel, as a blueprint needs it: whose type does not matter there.
#[derive(Clone, Debug)]
pub struct Output {
    name: String,
    topics: Vec<Topic>,
    capacity: u64,
}

impl<T: Payload> From<&Channel<T>> for Output {
    fn from(channel: &Channel<T>) -> Self {
        Self { name: channel.name().into(), topics: channel.topics().to_vec(), capacity: channel.capacity() }
    }
}

/// A stage as it was added: where it reads, where it writes, and how to make one.
struct Added {
    node: Node,
    input: Output,
    outputs: Vec<Output>,
    copies: usize,
    make: Box<dyn Fn(usize) -> Body + Send + Sync>,
}

enum Body {
    Stage(Box<dyn Stage>),
    Source(Box<dyn Source>),
    Undertaker(Box<dyn Bury>),
}

/// Composes stages over the topics of one queue.
///
/// Channels are typed, so a stage cannot be fed what it does not read; and what they form is
/// checked as a [`Blueprint`] before anything runs.
pub struct Graph {
    name: String,
    queue: Arc<dyn Queue>,
    options: SubscribeOptions,
    stages: Vec<Added>,
}

impl Graph {
    /// A graph whose stages share the group `name` of `queue`.
    pub fn new(name: &str, queue: Arc<dyn Queue>) -> Self {
        Self { name: name.into(), queue, options: SubscribeOptions::new(), stages: Vec::new() }
    }

    /// With leases and limits other than the default.
    #[must_use]
    pub fn with_options(mut self, options: SubscribeOptions) -> Self {
        self.options = options;
        self
    }

    /// Adds a source, which runs once in the whole group and ends.
    #[must_use]
    pub fn source<S: Source>(
        mut self,
        name: &str,
        outputs: impl IntoIterator<Item = Output>,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        self.stages.push(Added {
            node: Node::new("source", name).source(),
            input: Output::from(&runner::seed(name)),
            outputs: outputs.into_iter().collect(),
            copies: 1,
            make: Box::new(move |_| Body::Source(Box::new(make()))),
        });
        self
    }

    /// Adds `copies` workers that share the items of `input`.
    ///
    /// `make` is given the worker's number, from 0.
    #[must_use]
    pub fn work<W: Work>(
        mut self,
        name: &str,
        copies: usize,
        input: &Channel<W::Input>,
        outputs: impl IntoIterator<Item = Output>,
        make: impl Fn(usize) -> W + Send + Sync + 'static,
    ) -> Self {
        let copies = copies.max(1);
        // One more body than workers: it turns dead letters into tombstones.
        let body = move |copy| {
            let work = make(copy);
            if copy < copies {
                Body::Stage(Box::new(WorkStage::new(work)))
            } else {
                Body::Undertaker(Box::new(work))
            }
        };
        self.stages.push(Added {
            node: Node::new("worker", name).gives(Gives::Fence),
            input: Output::from(input),
            outputs: outputs.into_iter().collect(),
            copies: copies + 1,
            make: Box::new(body),
        });
        self
    }

    /// Adds `copies` reducers, which release what is complete into `output`.
    #[must_use]
    pub fn reduce<T: Payload + Merge>(
        mut self,
        copies: usize,
        reduce: &Reduce<T>,
        output: impl Into<Output>,
    ) -> Self {
        let input = Output::from(reduce.channel());
        let reduce = reduce.clone();
        self.stages.push(Added {
            node: Node::new("reduce", reduce.name()).reduces().gives(Gives::Idempotence),
            outputs: vec![input.clone(), output.into()],
            input,
            copies: copies.max(1),
            make: Box::new(move |_| Body::Stage(Box::new(reduce.clone()))),
        });
        self
    }

    /// Adds `copies` of a stage of the caller's own.
    #[must_use]
    pub fn stage<T: Payload, S: Stage>(
        mut self,
        name: &str,
        copies: usize,
        input: &Channel<T>,
        outputs: impl IntoIterator<Item = Output>,
        make: impl Fn(usize) -> S + Send + Sync + 'static,
    ) -> Self {
        self.stages.push(Added {
            node: Node::new("stage", name),
            input: Output::from(input),
            outputs: outputs.into_iter().collect(),
            copies: copies.max(1),
            make: Box::new(move |copy| Body::Stage(Box::new(make(copy)))),
        });
        self
    }

    /// Ends the graph with the channel of its one result, and checks it.
    ///
    /// # Errors
    /// [`Error::Blueprint`] with every finding of the blueprint's check.
    pub fn complete<R: Payload>(self, result: &Channel<R>) -> Result<Workflow<R>> {
        let workflow = Workflow { graph: Arc::new(self), result: result.clone() };
        let findings: Vec<_> = Blueprint::of(&workflow).check().iter().map(ToString::to_string).collect();
        if findings.is_empty() {
            Ok(workflow)
        } else {
            Err(Error::Blueprint { findings: findings.join("; ") })
        }
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph")
            .field("name", &self.name)
            .field("stages", &self.stages.len())
            .finish_non_exhaustive()
    }
}

/// A checked graph that ends in one result of type `R`.
#[derive(Clone, Debug)]
pub struct Workflow<R> {
    graph: Arc<Graph>,
    result: Channel<R>,
}

impl<R: Payload> Workflow<R> {
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
        for added in &self.graph.stages {
            for copy in 0..added.copies {
                let runner = self.runner(added.node.name(), &added.input.topics).await?;
                let shutdown = shutdown.clone();
                match (added.make)(copy) {
                    Body::Stage(stage) => stages.spawn(async move { runner.stage(stage, &shutdown).await }),
                    Body::Source(source) => {
                        stages.spawn(async move { runner.source(source, &shutdown).await })
                    }
                    Body::Undertaker(work) => {
                        let (topics, group) = (added.input.topics.clone(), self.group());
                        let pause = self.graph.options.lease;
                        stages
                            .spawn(async move { runner.bury(work, &topics, &group, pause, &shutdown).await })
                    }
                };
            }
        }
        let result = self.result(Duration::MAX);
        tokio::pin!(result);
        loop {
            tokio::select! {
                biased;
                result = &mut result => return result?.ok_or(Error::Stopped),
                () = shutdown.stopped() => return Err(Error::Stopped),
                Some(ended) = stages.join_next() => match ended {
                    Ok(ended) => ended?,
                    Err(join) => return Err(runner::panicked("a stage", join)),
                },
            }
        }
    }

    /// The result, if it is there within `wait`. It stays there.
    ///
    /// # Errors
    /// [`Error::Queue`] when the queue cannot answer.
    pub async fn result(&self, wait: Duration) -> Result<Option<R>> {
        let mut reader = self.runner("result", self.result.topics()).await?;
        let found = reader.receive(Ask::up_to(1).wait(wait)).await?;
        let Some(delivery) = found.first() else { return Ok(None) };
        let malformed =
            |source: crate::Malformed| Error::Stage { stage: "result".into(), source: source.into() };
        R::decode(delivery.item().payload()).map(Some).map_err(malformed)
    }

    /// Sets every topic's capacity.
    async fn prepare(&self) -> Result<()> {
        for added in &self.graph.stages {
            for output in added.outputs.iter().chain([&added.input]) {
                for topic in &output.topics {
                    let options = TopicOptions::new().with_capacity(output.capacity);
                    let configured = self.graph.queue.configure(topic, options).await;
                    configured.map_err(|source| Error::Queue { stage: added.node.name().into(), source })?;
                }
            }
        }
        Ok(())
    }

    async fn runner(&self, stage: &str, topics: &[Topic]) -> Result<Runner> {
        Runner::subscribe(stage, &self.graph.queue, topics, &self.group(), self.graph.options).await
    }

    fn group(&self) -> Group {
        Group::from(self.graph.name.as_str())
    }
}

impl<R: Payload> Describe for Workflow<R> {
    fn describe(&self, blueprint: &mut Blueprint) {
        let atomic = self.graph.queue.capabilities().atomic_step;
        let class = if atomic { Class::EffectivelyOnce } else { Class::AtLeastOnce };
        let stages = &self.graph.stages;
        for added in stages {
            let outputs = added.outputs.iter().map(|output| output.name.clone());
            blueprint.add_node(outputs.fold(added.node.clone(), Node::with_output));
        }
        let result = Output::from(&self.result);
        blueprint
            .add_node(Node::new("result", result.name.clone()).sink(entourage_blueprint::Sink::default()));
        for from in stages {
            for output in &from.outputs {
                let readers =
                    stages.iter().filter(|to| to.input.name == output.name).map(|to| to.node.name());
                let end = (output.name == result.name).then_some(result.name.as_str());
                for to in readers.chain(end) {
                    let edge = Edge::new(from.node.name(), to, output.name.clone());
                    blueprint.add_edge(edge.with_capacity(output.capacity).with_delivery(class));
                }
            }
        }
    }
}
