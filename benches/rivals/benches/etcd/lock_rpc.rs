//! etcd's own lock: the server waits for the caller.

use etcd_client::LockOptions;

use crate::{Outcome, lock::Lock, raw::Raw};

/// `Lock` and `Unlock` of etcd's lock service.
pub(crate) struct LockRpc {
    raw: Raw,
    name: String,
}

impl Lock for LockRpc {
    const NAME: &'static str = "etcd's lock service";
    type Owned = Vec<u8>;

    async fn open(endpoint: &str, name: &str) -> Outcome<Self> {
        Ok(Self { raw: Raw::connect(endpoint).await?, name: name.to_owned() })
    }

    async fn acquire(&mut self) -> Outcome<Vec<u8>> {
        let tied = LockOptions::new().with_lease(self.raw.lease);
        Ok(self.raw.client.lock(self.name.clone(), Some(tied)).await?.key().to_vec())
    }

    async fn release(&mut self, key: Vec<u8>) -> Outcome {
        self.raw.client.unlock(key).await?;
        Ok(())
    }
}
