//! Whose turn it is to be asked.

use std::{future, mem};

use entourage_core::planted;
use tokio::sync::watch;

use super::server::Server;

/// Which server is asked: they take turns, and the numbers of the turns only increase.
pub(super) struct Turns(watch::Sender<usize>);

/// One server's turn, for what streams from it.
#[derive(Clone)]
pub(super) struct Turn {
    number: usize,
    now: watch::Receiver<usize>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    pub(super) fn now(&self) -> usize {
        *self.0.borrow()
    }

    pub(super) fn turn(&self, number: usize) -> Turn {
        Turn { number, now: self.0.subscribe() }
    }

    /// Ends this turn, unless another call has ended it already: many calls that fail at a time
    /// go one server on, and not many.
    pub(super) fn end(&self, number: usize) {
        let _ = self.0.send_if_modified(|now| {
            let lasts = *now <= number;
            *now = (*now).max(number + 1);
            lasts
        });
    }
}

impl Turn {
    /// Another turn of the same cluster.
    pub(super) fn of(self, number: usize) -> Self {
        Self { number, ..self }
    }

    /// Waits until the calls have gone to another server or to a new connection, because one was
    /// not answered: what streams here may never come either. Cancel-safe.
    pub(super) async fn is_over(&mut self) {
        if planted("etcd-watch-stays-behind") {
            future::pending::<()>().await;
        }
        // An error says that the cluster has ended, and with it all turns.
        let _ = self.now.wait_for(|now| *now > self.number).await;
    }
}

/// Ends the turn of a silent server when it is dropped, and gives up the connection to it.
pub(super) struct Leaving<'c> {
    server: &'c Server,
    turns: &'c Turns,
    number: usize,
}

impl<'c> Leaving<'c> {
    pub(super) const fn new(server: &'c Server, turns: &'c Turns, number: usize) -> Self {
        Self { server, turns, number }
    }

    /// Lets the turn go on.
    pub(super) const fn stay(self) {
        mem::forget(self);
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if let Some(line) = self.server.line() {
            self.server.forget(line.number());
        }
        self.turns.end(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_calls_that_fail_in_one_turn_go_one_server_on() {
        let turns = Turns::new();
        (0..100).for_each(|_| turns.end(0));
        assert_eq!(turns.now(), 1);
        // What was asked long ago has no say, and who is ahead takes the others along.
        turns.end(4);
        turns.end(0);
        assert_eq!(turns.now(), 5);
    }

    #[tokio::test]
    async fn a_turn_is_over_when_it_was_ended_and_not_when_another_was() {
        let turns = Turns::new();
        let (mut first, mut second) = (turns.turn(0), turns.turn(1));
        turns.end(0);
        first.is_over().await;
        tokio::select! {
            biased;
            () = second.is_over() => panic!("it has only begun"),
            () = future::ready(()) => {}
        }
        turns.end(1);
        second.is_over().await;
    }

    #[test]
    fn a_silent_server_is_left_however_the_waiting_ends_and_a_slow_one_is_not() {
        let (turns, server) = (Turns::new(), Server::new("127.0.0.1:1"));
        Leaving::new(&server, &turns, 0).stay();
        assert_eq!(turns.now(), 0);
        drop(Leaving::new(&server, &turns, 0));
        assert_eq!(turns.now(), 1);
    }
}
