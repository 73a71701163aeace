//! The wrong stores' watches.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use tokio::sync::Notify;

use super::Fault;
use crate::{Change, Result, Version, Watch};

/// A right watch, made wrong.
#[derive(Debug)]
pub(crate) struct WrongWatch {
    inner: Box<dyn Watch>,
    fault: Fault,
    commits: Arc<Notify>,
    last: Option<Change>,
}

impl WrongWatch {
    pub(crate) fn new(inner: Box<dyn Watch>, fault: Fault, commits: Arc<Notify>) -> Self {
        Self { inner, fault, commits, last: None }
    }

    /// Looks only when somebody writes through the same handle.
    async fn next_when_asked(&mut self) -> Result<Change> {
        loop {
            let commits = Arc::clone(&self.commits);
            let mut committed = pin!(commits.notified());
            committed.as_mut().enable();
            // Not with the caller's waker: what would wake it is not heard.
            let looked = {
                let next = pin!(self.inner.next());
                next.poll(&mut Context::from_waker(Waker::noop()))
            };
            if let Poll::Ready(change) = looked {
                return change;
            }
            committed.await;
        }
    }
}

#[async_trait::async_trait]
impl Watch for WrongWatch {
    async fn next(&mut self) -> Result<Change> {
        match self.fault {
            Fault::SleepsThroughExpiry => self.next_when_asked().await,
            Fault::LosesWhatIsDropped => {
                let change = self.inner.next().await;
                tokio::task::yield_now().await;
                change
            }
            Fault::RepeatsChanges => match self.last.take() {
                Some(again) => Ok(again),
                None => {
                    let change = self.inner.next().await?;
                    self.last = Some(change.clone());
                    Ok(change)
                }
            },
            Fault::PositionsInsideCommits => {
                let change = self.inner.next().await?;
                self.last = Some(change.clone());
                Ok(change)
            }
            _ => loop {
                let change = self.inner.next().await?;
                let skip = match change {
                    Change::Delete { .. } => self.fault == Fault::SkipsDeletes,
                    Change::Resync { .. } => self.fault == Fault::SwallowsResyncs,
                    Change::Put(_) => false,
                };
                if !skip {
                    return Ok(change);
                }
            },
        }
    }

    fn position(&self) -> Version {
        match &self.last {
            Some(last) if self.fault == Fault::PositionsInsideCommits => last.version(),
            _ => self.inner.position(),
        }
    }
}
