//! Stages and the typed channels between them.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use entourage_blueprint::{Blueprint, Gives, Node};
use entourage_core::Merge;
use entourage_queue::{Queue, SubscribeOptions, Topic};

use crate::{
    channel::Channel,
    error::{Error, Result},
    output::Output,
    payload::Payload,
    reduce::Reduce,
    runner,
    source::Source,
    stage::Stage,
    work::{Bury, Work, WorkStage},
    workflow::Workflow,
};

/// A stage as it was added: where it reads, where it writes, and how to make one.
pub(crate) struct Added {
    pub(crate) node: Node,
    pub(crate) input: Output,
    pub(crate) outputs: Vec<Output>,
    pub(crate) copies: usize,
    /// Whether an item that outlives too many of its workers is given up.
    pub(crate) gives_up: bool,
    pub(crate) make: Box<dyn Fn(usize) -> Body + Send + Sync>,
}

/// What one copy of a stage runs.
pub(crate) enum Body {
    Stage(Box<dyn Stage>),
    Source(Box<dyn Source>),
    Undertaker(Box<dyn Bury>),
}

/// Composes stages over the topics of one queue.
///
/// Channels are typed, so a stage cannot be fed what it does not read; and what they form is
/// checked as a [`Blueprint`] before anything runs.
pub struct Graph {
    pub(crate) name: String,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) options: SubscribeOptions,
    pub(crate) stages: Vec<Added>,
}

impl Graph {
    /// A graph whose stages share the group `name` of `queue`.
    pub fn new(name: &str, queue: Arc<dyn Queue>) -> Self {
        Self { name: name.into(), queue, options: SubscribeOptions::new(), stages: Vec::new() }
    }

    /// With leases and limits other than the default.
    ///
    /// The delivery limit is that of the items of workers and of stages of the caller's own.
    /// Sources and reducers go on however often their processes die: nothing could stand for
    /// what they would give up.
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
            gives_up: false,
            make: Box::new(move |_| Body::Source(Box::new(make()))),
        });
        self
    }

    /// Adds `copies` workers that share the items of `input`.
    ///
    /// `make` is given the worker's number, from 0; one more than `copies` is made, which
    /// turns dead letters into tombstones.
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
            gives_up: true,
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
            gives_up: false,
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
            gives_up: true,
            make: Box::new(move |copy| Body::Stage(Box::new(make(copy)))),
        });
        self
    }

    /// Ends the graph with the channel of its one result, and checks it.
    ///
    /// # Errors
    /// [`Error::Blueprint`] with every finding of the blueprint's check, and every name that
    /// two stages or two channels share: they would take each other's items.
    pub fn complete<R: Payload>(self, result: &Channel<R>) -> Result<Workflow<R>> {
        let mut findings = self.shared_names(&Output::from(result));
        let workflow = Workflow::new(self, result.clone());
        findings.extend(Blueprint::of(&workflow).check().iter().map(ToString::to_string));
        if findings.is_empty() {
            Ok(workflow)
        } else {
            Err(Error::Blueprint { findings: findings.join("; ") })
        }
    }

    /// The names that stand for two stages, or for two channels.
    fn shared_names(&self, result: &Output) -> Vec<String> {
        let mut findings = Vec::new();
        let mut stages = HashSet::from([result.name()]);
        let mut channels: HashMap<&Topic, &Output> = HashMap::new();
        for added in &self.stages {
            if !stages.insert(added.node.name()) {
                findings.push(format!("the name {:?} is taken; rename the stage", added.node.name()));
            }
            for channel in added.outputs.iter().chain([&added.input, result]) {
                for topic in channel.topics() {
                    if *channels.entry(topic).or_insert(channel) != channel {
                        findings.push(format!("two channels use the topic {topic}; rename one"));
                    }
                }
            }
        }
        findings.sort_unstable();
        findings.dedup();
        findings
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
