//! A session as one simulated process renews it.

use std::{sync::Arc, time::Duration};

use entourage_core::{Clock, Moment};
use entourage_store::{Lease, Result, Session};

use crate::{call::Call, link::Link};

/// The session as the process holds it, which believes in it from when it *sent* the request.
pub(super) fn granted(session: Session, sent: Moment, clock: Arc<dyn Clock>, link: Link) -> Session {
    let (id, fence, ttl) = (session.id(), session.fence().clone(), session.granted_ttl());
    link.world.grants.granted(fence.scope().as_str(), &link.name, fence.epoch());
    Session::granted(id, fence, ttl, sent, clock, Arc::new(SimLease { session, link }))
}

#[derive(Debug)]
struct SimLease {
    session: Session,
    link: Link,
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Lease for SimLease {
    async fn renew(&self) -> Result<Duration> {
        let renew = async {
            self.session.renew().await?;
            let fence = self.session.fence();
            self.link.world.grants.accepted(fence.scope().as_str(), &self.link.name, fence.epoch());
            Ok(self.session.granted_ttl())
        };
        self.link.call(Call::SessionRenew, renew).await?
    }

    async fn end(&self) -> Result<()> {
        self.link.call(Call::SessionEnd, self.session.end()).await?
    }
}
