//! One call: which servers it asks, and for how long.

use std::{pin::pin, time::Duration};

use entourage_core::{Moment, planted, timeout};

use super::{
    cluster::Cluster,
    fault::{Fault, Intent},
    server::{Line, Server},
    turn::Leaving,
};

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Of one server, before the next is asked as well.
    pub(super) alone: Duration,
    /// Of all of them.
    pub(super) limit: Duration,
}

impl Patience {
    /// With one server at a time.
    pub(super) const fn only(limit: Duration) -> Self {
        Self { alone: limit, limit }
    }

    pub(super) fn is_undivided(&self) -> bool {
        self.alone >= self.limit
    }
}

impl Cluster {
    /// Asks a server, and the next ones while nothing was sent, until the time is up.
    pub(super) async fn call<T, F>(&self, intent: Intent, ask: impl Fn(Line) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        self.call_within(Patience::only(self.timeout()), intent, ask).await
    }

    /// The same with another patience, of what may be done twice if it has less for one server:
    /// when that has said nothing by then the next one is asked as well, and the first answer
    /// counts. The calls stay with a server that was only slow, and leave one that was silent,
    /// also when whoever asked has given up before there was any answer.
    pub(super) async fn call_within<T, F>(
        &self,
        patience: Patience,
        intent: Intent,
        ask: impl Fn(Line) -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let deadline = self.clock().now() + patience.limit;
        let turn = self.turns.now();
        let mut first = pin!(self.call_from(turn, deadline, intent, &ask));
        if patience.is_undivided() || self.servers.len() == 1 || planted("etcd-waits-for-the-silent") {
            return first.await;
        }
        if let Ok(answer) = timeout(&**self.clock(), patience.alone, first.as_mut()).await {
            return answer;
        }
        let leaving = Leaving::new(self.server(turn), &self.turns, turn);
        let mut second = Box::pin(self.call_from(turn + 1, deadline, intent, &ask));
        tokio::select! {
            biased;
            answer = first.as_mut() => match answer {
                Err(fault) if is_unanswered(&fault) => second.await,
                answer => {
                    leaving.stay();
                    answer
                }
            },
            answer = second.as_mut() => match answer {
                Err(fault) if is_unanswered(&fault) => first.await,
                answer => answer,
            },
        }
    }

    /// Asks the server of this turn first. It never waits for an answer beyond the deadline: a
    /// server that is frozen, or behind a cut cable, says nothing at all.
    async fn call_from<T, F>(
        &self,
        mut turn: usize,
        deadline: Moment,
        intent: Intent,
        ask: &impl Fn(Line) -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let mut tried = 1;
        loop {
            let fault = match self.call_at(turn, deadline, intent, ask).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            if is_unanswered(&fault) {
                self.turns.end(turn);
            }
            let is_over = self.clock().now() >= deadline || tried == self.servers.len();
            if is_over || !fault.is_unavailable() {
                return Err(fault);
            }
            tried += 1;
            turn = self.turns.now();
        }
    }

    fn server(&self, turn: usize) -> &Server {
        &self.servers[turn % self.servers.len()]
    }

    async fn call_at<T, F>(
        &self,
        turn: usize,
        deadline: Moment,
        intent: Intent,
        ask: &impl Fn(Line) -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let server = self.server(turn);
        let line = match server.line() {
            Some(line) => line.asked_in(turn),
            None => {
                // Of a frozen server too, so that time is left for the next one.
                let left = deadline.since(self.clock().now()).min(self.connect_timeout);
                let connected = timeout(&**self.clock(), left, Box::pin(self.connect(server, turn))).await;
                connected.unwrap_or_else(|elapsed| Err(Fault::elapsed(elapsed, intent, false)))?
            }
        };
        let number = line.number();
        let left = match planted("etcd-deadline-ignored") {
            true => Duration::MAX,
            false => deadline.since(self.clock().now()),
        };
        let answer = match timeout(&**self.clock(), left, ask(line)).await {
            Ok(answer) => answer.map_err(|error| Fault::of(error, intent)),
            Err(elapsed) => Err(Fault::elapsed(elapsed, intent, true)),
        };
        if answer.as_ref().is_err_and(Fault::is_broken) {
            server.forget(number);
        }
        answer
    }
}

/// Whether another server may answer.
const fn is_unanswered(fault: &Fault) -> bool {
    fault.is_unavailable() || fault.is_unknown()
}
