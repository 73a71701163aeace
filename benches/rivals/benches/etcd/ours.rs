use entourage::{
    election::{LeaseLock, Ownership},
    store::EtcdStore,
};

use crate::{
    Outcome,
    lock::{Lock, TTL},
};

/// `LeaseLock` over an `EtcdStore`.
pub(crate) struct Ours(LeaseLock);

impl Lock for Ours {
    const NAME: &'static str = "LeaseLock";
    type Owned = Ownership;

    async fn open(endpoint: &str, name: &str) -> Outcome<Self> {
        let store = EtcdStore::connect([endpoint]).await?;
        Ok(Self(LeaseLock::builder(store, name).ttl(TTL).build()?))
    }

    async fn acquire(&mut self) -> Outcome<Ownership> {
        Ok(self.0.acquire().await?)
    }

    async fn release(&mut self, owned: Ownership) -> Outcome {
        Ok(owned.release().await?)
    }
}
