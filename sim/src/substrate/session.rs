//! A session as one simulated process renews it.

use std::{sync::Arc, time::Duration};

use entourage_core::Moment;
use entourage_store::{Lease, Result, Session};

use crate::{
    call::Call,
    link::{Link, brief},
};

/// The session as the process holds it, which believes in it by its own clock, from when it
/// *sent* the request.
pub(super) fn granted(session: Session, sent: Moment, link: Link) -> Session {
    let clock = Arc::new(link.clock.clone());
    let (id, fence, ttl) = (session.id(), session.fence().clone(), session.granted_ttl());
    link.world.grants.granted(fence.scope().as_str(), &link.name, fence.epoch());
    Session::granted(id, fence, ttl, sent, clock, Arc::new(SimLease { session: Arc::new(session), link }))
}

#[derive(Debug)]
struct SimLease {
    /// As the store sees it, which judges by the true time.
    session: Arc<Session>,
    link: Link,
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Lease for SimLease {
    async fn renew(&self) -> Result<Duration> {
        let (session, link, call) = (Arc::clone(&self.session), self.link.clone(), Call::SessionRenew);
        let plan = self.link.request(call).await?;
        let renew = async move {
            session.renew().await?;
            let fence = session.fence();
            link.world.grants.accepted(fence.scope().as_str(), &link.name, fence.epoch());
            Ok(session.granted_ttl())
        };
        let answer = match plan.late {
            Some(late) => self.link.deliver_late(call, late, renew).await,
            None => self.link.reach(renew).await,
        };
        self.link.answer(call, &plan, brief(&answer)).await?;
        answer
    }

    async fn end(&self) -> Result<()> {
        self.link.call(Call::SessionEnd, self.session.end()).await?
    }
}
