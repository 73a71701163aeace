//! A reply that is on its way.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use entourage_core::planted;
use entourage_scatter_gather::Gathering;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{Command, Error, Reply, ShardFailed};
use crate::{
    options::Partial,
    redis::{merge::Merge, scan},
};

/// What becomes of a shard's reply.
#[derive(Clone, Copy, Debug)]
pub(super) enum Then {
    /// It is the reply.
    Relay,
    /// Its cursor is of one shard, and is made one of all.
    Scan { shard: u16, shards: u16 },
}

pin_project! {
    /// The reply to one command, from [`Router`](super::Router).
    ///
    /// To a command of one shard it holds that shard's own future, and no allocation of its own.
    #[must_use = "a command that is not polled is not sent"]
    pub struct ResponseFuture<S>
    where
        S: Service<Command>,
    {
        #[pin]
        state: State<S>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S>
    where
        S: Service<Command>,
    {
        Answered { reply: Option<Reply> },
        Asking { #[pin] call: Call<S>, shard: Arc<str>, then: Then },
        Gathering { parts: Box<Parts<S>> },
    }
}

pin_project! {
    /// What `tower` calls a one-shot: a service, its command, and then its future.
    #[project = CallProjection]
    enum Call<S>
    where
        S: Service<Command>,
    {
        Waiting { service: S, command: Option<Command> },
        Called { #[pin] future: S::Future },
    }
}

impl<S: Service<Command>> ResponseFuture<S> {
    pub(super) const fn answered(reply: Reply) -> Self {
        Self { state: State::Answered { reply: Some(reply) } }
    }

    #[inline]
    pub(super) const fn asking(shard: Arc<str>, service: S, command: Command, then: Then) -> Self {
        let call = Call::Waiting { service, command: Some(command) };
        Self { state: State::Asking { call, shard, then } }
    }

    pub(super) fn gathering(parts: Parts<S>) -> Self {
        Self { state: State::Gathering { parts: Box::new(parts) } }
    }
}

impl<S> Future for ResponseFuture<S>
where
    S: Service<Command, Response = Reply>,
{
    type Output = Result<Reply, Error<S::Error>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Answered { reply } => {
                Poll::Ready(Ok(reply.take().expect("a future is not polled after it is ready")))
            }
            StateProjection::Asking { call, shard, then } => match ready!(call.poll(context)) {
                Ok(reply) => Poll::Ready(Ok(then.relay(reply))),
                Err(source) => {
                    Poll::Ready(Err(Error::Shard(ShardFailed { shard: Arc::clone(shard), source })))
                }
            },
            StateProjection::Gathering { parts } => parts.poll(context),
        }
    }
}

impl<S: Service<Command>> Future for Call<S> {
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let future = match self.as_mut().project() {
                CallProjection::Waiting { service, command } => {
                    ready!(service.poll_ready(context))?;
                    service.call(command.take().expect("a future is not polled after it is ready"))
                }
                CallProjection::Called { future } => return future.poll(context),
            };
            self.set(Self::Called { future });
        }
    }
}

impl Then {
    #[inline]
    fn relay(self, reply: Reply) -> Reply {
        match self {
            Self::Relay => reply,
            Self::Scan { shard, shards } => {
                let mut relayed = Vec::new();
                scan::relay(shard, shards, reply.frame(), &mut relayed);
                Reply::written(relayed)
            }
        }
    }
}

/// The parts of a command that went to several shards.
pub(super) struct Parts<S: Service<Command>> {
    /// Of those that are out.
    calls: Vec<Option<Pin<Box<Call<S>>>>>,
    shards: Vec<Arc<str>>,
    gathering: Gathering<Bytes, ShardFailed<S::Error>>,
    merge: Merge,
    partial: Partial,
}

impl<S: Service<Command>> Parts<S> {
    pub(super) fn new(
        parts: impl ExactSizeIterator<Item = (Arc<str>, S, Command)>,
        merge: Merge,
        partial: Partial,
    ) -> Self {
        let gathering = Gathering::new(parts.len());
        let call = |(shard, service, command)| {
            (shard, Some(Box::pin(Call::Waiting { service, command: Some(command) })))
        };
        let (shards, calls) = parts.map(call).unzip();
        // What is missing is not to be found where there is nothing.
        let partial = if planted("linked-hides-a-failed-part") { Partial::Miss } else { partial };
        Self { calls, shards, gathering, merge, partial }
    }
}

impl<S> Parts<S>
where
    S: Service<Command, Response = Reply>,
{
    /// Polls what is out; once nothing is, all that came becomes one reply.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Reply, Error<S::Error>>> {
        for (part, place) in self.calls.iter_mut().enumerate() {
            let Some(call) = place else { continue };
            let Poll::Ready(reply) = call.as_mut().poll(context) else { continue };
            *place = None;
            let taken = match reply {
                Ok(reply) => self.gathering.answer(part, reply.into_frame()),
                Err(source) => {
                    let shard = Arc::clone(&self.shards[part]);
                    self.gathering.fail(part, ShardFailed { shard, source })
                }
            };
            taken.expect("a part that is out has neither answered nor failed");
        }
        if !self.gathering.is_complete() {
            return Poll::Pending;
        }
        let gathering = std::mem::replace(&mut self.gathering, Gathering::new(0));
        let gathered = gathering.finish(|_| unreachable!("no part is out"));
        let mut reply = Vec::new();
        let failed = self.merge.try_write(self.partial, &gathered, &mut reply).err();
        let Some(failed) = failed.map(entourage_scatter_gather::Failure::part) else {
            return Poll::Ready(Ok(Reply::written(reply)));
        };
        let (_, coverage, failures) = gathered.into_parts();
        let (mut firsts, mut rest) = (None, Vec::new());
        for failure in failures {
            match failure.part() == failed {
                true => firsts = Some(failure.into_reason()),
                false => rest.push(failure.into_reason()),
            }
        }
        let first = firsts.expect("the part that failed is among those that did");
        Poll::Ready(Err(Error::Parts { coverage, first, rest }))
    }
}

impl<S: Service<Command>> fmt::Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
