//! Jobs on their way to the writer, and their answers on the way back.

use std::{
    any::Any,
    collections::VecDeque,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use entourage_core::Moment;
use tokio::sync::oneshot;

use crate::sqlite::{Error, Tx};

/// What an answer says about power loss. Neither is lost by a crash of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Durability {
    /// On the disk before the answer.
    Durable,
    /// Visible to everybody before the answer, on the disk with the next durable commit.
    Relaxed,
}

/// The answer to a submitted job. Dropping it does not cancel the job.
#[must_use = "the job's answer is here"]
pub struct Pending<T, E>(Answer<T, E>);

enum Answer<T, E> {
    Refused(Option<Error>),
    Due(oneshot::Receiver<Result<T, E>>),
}

impl<T, E: From<Error>> Future for Pending<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match &mut self.0 {
            Answer::Refused(error) => Err(error.take().expect("a future is not polled after its end").into()),
            Answer::Due(receiver) => ready!(Pin::new(receiver).poll(context))
                .unwrap_or_else(|_| Err(Error::unknown("the writer ended before it answered").into())),
        };
        Poll::Ready(answer)
    }
}

impl<T, E> fmt::Debug for Pending<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

/// A job without its types.
pub(crate) trait Job: Send {
    fn durability(&self) -> Durability;

    /// Runs it; whether its savepoint is to be kept.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;

    /// Sends what `run` found, or the error that undid the whole group.
    fn answer(self: Box<Self>, group: Result<(), Error>);
}

struct Task<T, E, F> {
    durability: Durability,
    job: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Task<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let job = self.job.take().expect("a job is run once");
        let result = caught(|| job(tx));
        let kept = result.is_ok();
        self.result = Some(result);
        kept
    }

    fn answer(self: Box<Self>, group: Result<(), Error>) {
        let result = match group {
            Ok(()) => self.result.expect("a job of a committed group has run"),
            Err(error) => Err(error.into()),
        };
        // Whoever asked may be gone.
        let _ = self.reply.send(result);
    }
}

/// What `job` answers, or its panic as an error.
pub(crate) fn caught<T, E: From<Error>>(job: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| {
        let message = message(panic.as_ref());
        Err(Error::Panicked { message }.into())
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// The jobs that wait for the writer, in order of arrival.
#[derive(Default)]
pub(crate) struct Jobs {
    line: Mutex<Line>,
    arrived: Condvar,
    ended: Condvar,
    /// Since when the writer has waited for the side lock; zero while it does not.
    waiting_since: AtomicU64,
}

#[derive(Default)]
struct Line {
    jobs: VecDeque<Box<dyn Job>>,
    closed: bool,
    ended: bool,
}

impl Line {
    fn is_idle(&self) -> bool {
        self.jobs.is_empty() && !self.closed
    }
}

impl Jobs {
    pub(crate) fn submit<T, E, F>(&self, durability: Durability, job: F) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, receiver) = oneshot::channel();
        let task = Box::new(Task { durability, job: Some(job), result: None, reply });
        let mut line = self.line();
        if line.closed {
            return Pending(Answer::Refused(Some(Error::unavailable("the file's writer has ended"))));
        }
        line.jobs.push_back(task);
        let was_empty = line.jobs.len() == 1;
        drop(line);
        if was_empty {
            self.arrived.notify_one();
        }
        Pending(Answer::Due(receiver))
    }

    /// Waits for a job to arrive; false when none will.
    pub(crate) fn wait(&self) -> bool {
        let line = self.arrived.wait_while(self.line(), |line| line.is_idle());
        !line.unwrap_or_else(PoisonError::into_inner).jobs.is_empty()
    }

    /// Whether [`Jobs::wait`] would wait.
    pub(crate) fn are_awaited(&self) -> bool {
        self.line().is_idle()
    }

    /// Takes up to `limit` jobs from the front.
    pub(crate) fn take(&self, limit: usize) -> Vec<Box<dyn Job>> {
        let mut line = self.line();
        let n = line.jobs.len().min(limit);
        line.jobs.drain(..n).collect()
    }

    /// Takes the front job if a group of this durability may have it.
    pub(crate) fn absorb(&self, group: Durability) -> Option<Box<dyn Job>> {
        let mut line = self.line();
        let front = line.jobs.front()?;
        let fits = group == Durability::Durable || front.durability() == Durability::Relaxed;
        if fits { line.jobs.pop_front() } else { None }
    }

    /// Puts jobs that were taken too early back to the front.
    pub(crate) fn give_back(&self, jobs: impl DoubleEndedIterator<Item = Box<dyn Job>>) {
        let mut line = self.line();
        jobs.rev().for_each(|job| line.jobs.push_front(job));
    }

    /// Refuses new jobs; those in the line are still done.
    pub(crate) fn close(&self) {
        self.line().closed = true;
        self.arrived.notify_all();
    }

    /// The writer has ended; what is left in the line has nobody to do it.
    pub(crate) fn end(&self) {
        self.close();
        self.line().ended = true;
        self.ended.notify_all();
        self.fail("the file's writer has ended");
    }

    /// Waits for the writer to end, for at most `patience`; whether it has.
    pub(crate) fn wait_for_end(&self, patience: Duration) -> bool {
        let going_on = |line: &mut Line| !line.ended;
        let waited = self.ended.wait_timeout_while(self.line(), patience, going_on);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    /// Notes that the writer begins (a moment) or ends (none) to wait for the side lock.
    pub(crate) fn note_wait(&self, since: Option<Moment>) {
        self.waiting_since.store(since.map_or(0, Moment::as_nanos), Ordering::Relaxed);
    }

    /// Answers every waiting job, if another process has held the lock for too long.
    ///
    /// The writer itself sits in the kernel then: that wait is fair, and has no deadline.
    pub(crate) fn fail_if_stalled(&self, now: Moment, patience: Duration) -> bool {
        let since = self.waiting_since.load(Ordering::Relaxed);
        let stalled = since != 0 && now.since(Moment::from_nanos(since)) >= patience;
        if stalled {
            self.fail("another process has held the file's lock for too long");
        }
        stalled
    }

    fn fail(&self, why: &'static str) {
        for job in self.take(usize::MAX) {
            job.answer(Err(Error::unavailable(why)));
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").field("waiting", &self.line().jobs.len()).finish_non_exhaustive()
    }
}
