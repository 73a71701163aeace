//! A lock as one writes it by hand: one key, created if it is absent, and one watch.

use etcd_client::{Compare, CompareOp, EventType, PutOptions, Txn, TxnOp, WatchStream};

use crate::{Outcome, lock::Lock, raw::Raw};

/// The key goes with the lease, and is deleted only as the version that was put. Who finds it
/// there waits for its deletion on a watch that was opened once, and tries again.
///
/// It has no order, no fence and no belief of its own, and it knows nothing of answers that are
/// lost: what is left is what a lock costs.
pub(crate) struct ByHand {
    raw: Raw,
    key: String,
    watch: WatchStream,
}

impl Lock for ByHand {
    const NAME: &'static str = "transactions and a watch, by hand";
    /// The revision of the key.
    type Owned = i64;

    async fn open(endpoint: &str, name: &str) -> Outcome<Self> {
        let mut raw = Raw::connect(endpoint).await?;
        let key = format!("{name}/key");
        let mut watch = raw.client.watch(key.clone(), None).await?;
        // That it stands.
        watch.message().await?;
        Ok(Self { raw, key, watch })
    }

    async fn acquire(&mut self) -> Outcome<i64> {
        loop {
            let tied = PutOptions::new().with_lease(self.raw.lease);
            let put = TxnOp::put(self.key.clone(), "host-1/4711", Some(tied));
            let is_absent = Compare::version(self.key.clone(), CompareOp::Equal, 0);
            let answer = self.raw.client.txn(Txn::new().when([is_absent]).and_then([put])).await?;
            let revision = answer.header().ok_or("etcd answered without a header")?.revision();
            if answer.succeeded() {
                return Ok(revision);
            }
            self.deleted_after(revision).await?;
        }
    }

    async fn release(&mut self, revision: i64) -> Outcome {
        let is_mine = Compare::mod_revision(self.key.clone(), CompareOp::Equal, revision);
        let delete = TxnOp::delete(self.key.clone(), None);
        let answer = self.raw.client.txn(Txn::new().when([is_mine]).and_then([delete])).await?;
        if answer.succeeded() { Ok(()) } else { Err("the lock was lost".into()) }
    }
}

impl ByHand {
    /// Waits for a deletion that is newer than the refusal.
    async fn deleted_after(&mut self, revision: i64) -> Outcome {
        while let Some(news) = self.watch.message().await? {
            let is_deletion = |event: &etcd_client::Event| {
                let is_newer = event.kv().is_some_and(|found| found.mod_revision() > revision);
                event.event_type() == EventType::Delete && is_newer
            };
            if news.events().iter().any(is_deletion) {
                return Ok(());
            }
        }
        Err("the watch has ended".into())
    }
}
