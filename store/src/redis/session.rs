//! Sessions: records with deadlines by the server's time, which scripts judge and end.

use std::{sync::Arc, time::Duration};

use entourage_core::Moment;
use entourage_engine::redis::Script;

use super::{
    Shared,
    scripts::{END, OPEN, RENEW, RESUME},
};
use crate::{
    error::{Error, Result},
    limits::Grant,
    session::{Lease, Session, SessionId},
};

/// Opens a session for this time to live.
pub(super) async fn open(shared: &Arc<Shared>, ttl: Duration) -> Result<Session> {
    let sent = shared.clock.now();
    let micros = u64::try_from(ttl.as_micros()).unwrap_or(u64::MAX);
    let answer = shared.run(OPEN.call().number(shared.history as u64).number(micros)).await?;
    let number = answer.number()?;
    Ok(granted(shared, Grant { number, epoch: number, ttl }, sent))
}

/// Takes a session over, with a new epoch, and begins its time to live anew.
pub(super) async fn resume(shared: &Arc<Shared>, id: SessionId) -> Result<Session> {
    let sent = shared.clock.now();
    let answer = shared.run(RESUME.call().number(shared.history as u64).number(id.number)).await?;
    let Some(answer) = answer.some() else { return Err(Error::SessionLost { id }) };
    let [epoch, ttl] = answer.tuple()?;
    let (epoch, ttl) = (epoch.number()?, Duration::from_micros(ttl.number()?));
    Ok(granted(shared, Grant { number: id.number, epoch, ttl }, sent))
}

fn granted(shared: &Arc<Shared>, grant: Grant, sent: Moment) -> Session {
    let realm = shared.link.realm();
    let lease = RedisLease { shared: Arc::clone(shared), grant };
    let clock = Arc::clone(&shared.clock);
    Session::granted(grant.id(realm), grant.fence(realm), grant.ttl, sent, clock, Arc::new(lease))
}

/// The server's side of one incarnation of a session.
#[derive(Debug)]
struct RedisLease {
    shared: Arc<Shared>,
    grant: Grant,
}

impl RedisLease {
    /// Whether this incarnation had the session.
    async fn say(&self, script: &'static Script, most: Duration) -> Result<bool> {
        let Grant { number, epoch, .. } = self.grant;
        let call = script.call().number(self.shared.history as u64).number(number).number(epoch);
        let answer = self.shared.run_within(most, call).await?;
        Ok(answer.number()? == 1)
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Lease for RedisLease {
    /// Waits for no answer beyond half of the time to live, so that there is time for another.
    async fn renew(&self) -> Result<Duration> {
        if !self.say(&RENEW, self.grant.ttl / 2).await? {
            return Err(Error::SessionLost { id: self.grant.id(self.shared.link.realm()) });
        }
        self.shared.counts.renewed.increment();
        Ok(self.grant.ttl)
    }

    async fn end(&self) -> Result<()> {
        if self.say(&END, Duration::MAX).await? {
            self.shared.counts.ended.increment();
        }
        Ok(())
    }
}
