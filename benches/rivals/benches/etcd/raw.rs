//! What the locks that are not ours share: a connection, and a lease that is kept alive.

use entourage::core::{SystemClock, sleep};
use etcd_client::Client;
use tokio::task::JoinHandle;

use crate::{Outcome, lock::TTL};

/// A connection with a lease.
pub(crate) struct Raw {
    pub(crate) client: Client,
    pub(crate) lease: i64,
    renewing: JoinHandle<()>,
}

impl Raw {
    pub(crate) async fn connect(endpoint: &str) -> Outcome<Self> {
        let mut client = Client::connect([endpoint], None).await?;
        let ttl = TTL.as_secs().cast_signed();
        let lease = client.lease_grant(ttl, None).await?.id();
        let (mut keeper, mut answers) = client.lease_keep_alive(lease).await?;
        let renewing = tokio::spawn(async move {
            loop {
                sleep(&SystemClock::new(), TTL / 3).await;
                let is_sent = keeper.keep_alive().await.is_ok();
                if !is_sent || !answers.message().await.is_ok_and(|answer| answer.is_some()) {
                    return;
                }
            }
        });
        Ok(Self { client, lease, renewing })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}
