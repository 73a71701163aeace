//! A watch that shows changes late.

use entourage_core::{Clock, Moment};
use entourage_store::{Change, Result, Version, Watch};

use crate::{
    call::Call,
    link::{Link, brief},
};

/// A watch that shows changes late, and loses none.
#[derive(Debug)]
pub(super) struct SimWatch {
    inner: Box<dyn Watch>,
    link: Link,
    /// Until when nothing is shown; kept over a dropped `next`, which would draw again.
    stale_until: Moment,
    /// Taken from the inner watch and not handed out, with the position before it.
    held: Option<(Version, Change)>,
}

impl SimWatch {
    pub(super) fn new(inner: Box<dyn Watch>, link: Link) -> Self {
        Self { inner, link, stale_until: Moment::ZERO, held: None }
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Watch for SimWatch {
    async fn next(&mut self) -> Result<Change> {
        if self.held.is_none() {
            let call = Call::WatchNext;
            let plan = self.link.request(call).await?;
            let clock = &self.link.world.clock;
            if let Some(stale) = plan.stale {
                self.stale_until = self.stale_until.max(clock.now() + stale);
            }
            clock.sleep_until(self.stale_until).await;
            let position = self.inner.position();
            let answer = self.link.reach(self.inner.next()).await;
            let shown = brief(&answer);
            let failed = match answer {
                Ok(change) => {
                    self.held = Some((position, change));
                    None
                }
                Err(error) => Some(error),
            };
            // A change whose answer is lost stays here: the watch is where it was.
            self.link.answer(call, &plan, shown).await?;
            if let Some(error) = failed {
                return Err(error);
            }
        }
        let (_, change) = self.held.take().expect("it was held before, or has just been put there");
        Ok(change)
    }

    fn position(&self) -> Version {
        self.held.as_ref().map_or_else(|| self.inner.position(), |(position, _)| *position)
    }
}
