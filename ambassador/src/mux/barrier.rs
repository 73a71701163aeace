//! What a server was asked before a reload is answered before it is asked what comes after.

use std::time::Duration;

use entourage_core::{Moment, planted};

use super::lines::Lines;
use crate::protocol::Protocol;

/// So long what comes after waits, at the most: with a time-out, what came before has failed by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Up to where a connection may send, as long as others to the same server are owed replies.
///
/// A reload may give a client another connection to the server of its keys. Two connections keep no
/// order between them: what it sent last over the old one might be done after what it sends first
/// over the new one.
#[derive(Debug)]
pub(super) struct Barrier {
    /// In all that was ever queued here: what was queued before the reload may go.
    at: u64,
    /// The others, and up to where each has to be answered.
    before: Vec<(usize, u64)>,
    until: Moment,
}

impl Barrier {
    /// How many bytes behind `sent` may be sent.
    pub(super) fn room(&self, sent: u64) -> usize {
        usize::try_from(self.at.saturating_sub(sent)).unwrap_or(usize::MAX)
    }

    /// Whether what begins at `begin` has to wait.
    pub(super) const fn holds(&self, begin: u64) -> bool {
        begin >= self.at
    }
}

impl<P: Protocol> Lines<P> {
    /// Has each of these connections send nothing new before all others have been answered what they
    /// were asked until now: they lead to one server.
    pub(super) fn keep_order(&mut self, lines: &[usize], now: Moment) {
        if planted("moved-requests-overtake") {
            return;
        }
        let owed: Vec<_> = lines
            .iter()
            .map(|&line| (line, &self.upstreams[line]))
            .filter(|(_, upstream)| !upstream.pending.is_empty())
            .map(|(line, upstream)| (line, upstream.queued()))
            .collect();
        for &line in lines {
            let before: Vec<_> = owed.iter().copied().filter(|(other, _)| *other != line).collect();
            if !before.is_empty() {
                let at = self.upstreams[line].queued();
                self.held += usize::from(self.upstreams[line].barrier.is_none());
                self.upstreams[line].barrier = Some(Barrier { at, before, until: now + PATIENCE });
            }
        }
    }

    /// Lets those go on for whom nothing is left to wait for.
    pub(super) fn let_go(&mut self, now: Moment) {
        if self.held == 0 {
            return;
        }
        let answered = |line: usize, mark: u64| {
            self.upstreams.get(line).is_none_or(|upstream| upstream.is_answered_up_to(mark))
        };
        let is_done = |barrier: &Barrier| {
            barrier.until <= now || barrier.before.iter().all(|&(line, mark)| answered(line, mark))
        };
        let barriers =
            self.upstreams.iter().filter_map(|(line, upstream)| Some((line, upstream.barrier.as_ref()?)));
        let free: Vec<_> = barriers.filter(|(_, barrier)| is_done(barrier)).map(|(line, _)| line).collect();
        for line in free {
            self.upstreams[line].barrier = None;
            self.held -= 1;
            self.list(line);
        }
    }

    /// Takes a connection out, for which nobody waits.
    pub(super) fn remove(&mut self, line: usize) {
        // Another may have its place next, which nobody waits for.
        for (_, upstream) in &mut self.upstreams {
            if let Some(barrier) = &mut upstream.barrier {
                barrier.before.retain(|(before, _)| *before != line);
            }
        }
        let removed = self.upstreams.try_remove(line);
        self.held -= usize::from(removed.is_some_and(|upstream| upstream.barrier.is_some()));
    }
}
