//! The wrong stores' sessions.

use std::{sync::Arc, time::Duration};

use super::Fault;
use crate::{Lease, Result, Session, Store};

/// A right session, whose store treats it wrongly.
#[derive(Debug)]
pub(crate) struct WrongLease {
    store: Arc<dyn Store>,
    fault: Fault,
    session: Session,
    ttl: Duration,
}

impl WrongLease {
    pub(crate) fn new(store: Arc<dyn Store>, fault: Fault, session: Session) -> Self {
        let (granted, step) = (session.granted_ttl(), store.capabilities().ttl_step);
        let ttl = match fault {
            Fault::ExpiresLate => granted - step,
            Fault::ExpiresEarly => granted + step,
            _ => granted,
        };
        Self { store, fault, session, ttl }
    }
}

#[async_trait::async_trait]
impl Lease for WrongLease {
    async fn renew(&self) -> Result<Duration> {
        match self.fault {
            Fault::RenewsNothing => return Ok(self.ttl),
            Fault::RenewsForAnybody => {
                if self.session.renew().await.is_err() {
                    self.store.resume(self.session.id()).await?;
                }
            }
            _ => drop(self.session.renew().await?),
        }
        Ok(self.ttl)
    }

    async fn end(&self) -> Result<()> {
        match self.fault {
            Fault::EndsNothing => Ok(()),
            Fault::EndsForAnybody => match self.store.resume(self.session.id()).await {
                Ok(session) => session.end().await,
                Err(_) => Ok(()),
            },
            _ => self.session.end().await,
        }
    }
}
