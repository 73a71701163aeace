//! Watches, and how far they have come.

use super::{Checked, Run, answered, same};
use crate::{
    Change,
    conformance::model::{log::Changes, watching::Watching},
};

/// More watches than this are not kept open.
const WATCHES: usize = 6;

impl Run {
    pub(super) async fn watch(
        &mut self,
        client: usize,
        prefix: &'static str,
        after: Option<usize>,
    ) -> Checked {
        let after = after.map(|version| self.oracle.log.version(version));
        let watch = answered(self.clients[client].watch(prefix, after).await)?;
        let observer = self.clients[client].observer(watch);
        let position = observer.position();
        self.coverage.note(if after.is_some() { "watch: after a version" } else { "watch: from now on" });
        match after {
            Some(after) => same("the position of a new watch", &position, &after)?,
            None => self.oracle.log.latest_is(position)?,
        }
        self.keep(Watching::new(client, prefix, observer, position));
        Ok(())
    }

    fn keep(&mut self, watching: Watching) {
        if self.watches.len() == WATCHES {
            self.watches.remove(0);
        }
        self.watches.push(watching);
    }

    /// Closes a watch and opens another where it was.
    pub(super) async fn rewatch(&mut self, watch: usize) -> Checked {
        if self.watches.is_empty() {
            return Ok(());
        }
        self.observe().await?;
        let closed = self.watches.remove(watch % self.watches.len());
        closed.check_position(&self.oracle.log)?;
        self.coverage.note("watch: after a position");
        let position = closed.observer.position();
        let watch = answered(self.clients[closed.client].watch(closed.prefix, Some(position)).await)?;
        let observer = self.clients[closed.client].observer(watch);
        self.keep(Watching::new(closed.client, closed.prefix, observer, position));
        Ok(())
    }

    /// Takes up to `count` of the changes that a watch must have ready.
    pub(super) async fn next(&mut self, place: usize, count: usize) -> Checked {
        self.observe().await?;
        let history = self.history();
        let watching = &mut self.watches[place];
        for _ in 0..count {
            if watching.left(&self.oracle.log) == 0 {
                break;
            }
            let Some(change) = watching.observer.try_next().await else {
                return Err(format!("a watch of {:?} does not show what changed", watching.prefix));
            };
            let change = answered(change)?;
            self.coverage.note(match change {
                Change::Put(_) => "next: put",
                Change::Delete { .. } => "next: delete",
                Change::Resync { .. } => "next: resync",
            });
            watching.check(change, &self.oracle.log, history)?;
        }
        Ok(())
    }

    /// How many changes the watch of everything has yet to show.
    pub(super) fn due(&self) -> usize {
        self.oracle.log.commits()[self.observed..].iter().map(|commit| commit.changes.len()).sum()
    }

    /// Lets the watch of everything catch up, which tells the versions of what ended.
    pub(super) async fn observe(&mut self) -> Checked {
        let due = self.due();
        let log = &mut self.oracle.log;
        let mut shown: Vec<Change> = Vec::with_capacity(due);
        for _ in 0..due {
            let Some(change) = self.observer.try_next().await else {
                let missing: Vec<&Changes> =
                    log.commits()[self.observed..].iter().map(|c| &c.changes).collect();
                return Err(format!("a watch showed {shown:?}\nand no more of {missing:?}"));
            };
            shown.push(answered(change)?);
        }
        log.learn(self.observed, &shown)?;
        self.observed = log.commits().len();
        Ok(())
    }
}
