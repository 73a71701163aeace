//! Sessions: a lease, and a key tied to it whose revision is the fence's epoch.

use std::{sync::Arc, time::Duration};

use entourage_core::Moment;
use etcd_client::{Compare, CompareOp, GetOptions, PutOptions, Txn, TxnOp, TxnOpResponse};

use super::{
    Shared,
    call::Patience,
    fault::{Fault, Intent},
    keys::version,
    server::Line,
};
use crate::{
    error::{Error, Result},
    limits::Grant,
    session::{Lease, Session, SessionId},
};

/// Opens a session: grants a lease, then ties the session's key to it.
pub(super) async fn open(shared: &Arc<Shared>, ttl: Duration) -> Result<Session> {
    let sent = shared.cluster.clock().now();
    let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
    let grant = |line: Line| async move { line.lease().grant(seconds, None).await };
    let granted = shared.cluster.call(Intent::Write, grant).await?;
    shared.cluster.check_realm(granted.header())?;
    // The server's word: it may be longer than what was asked.
    let (Ok(number), Ok(seconds)) = (u64::try_from(granted.id()), u64::try_from(granted.ttl())) else {
        return Err(Error::Failed("etcd granted a lease without a number or a time to live".into()));
    };
    let put = PutOptions::new().with_lease(granted.id());
    let put = TxnOp::put(shared.keys.session(number), seconds.to_string(), Some(put));
    let epoch = match shared.cluster.txn(Intent::Write, &Txn::new().and_then([put])).await {
        Ok((_, epoch)) => epoch,
        Err(Fault::LeaseGone) => {
            return Err(Error::Unavailable("the lease ended before its session began; try again".into()));
        }
        Err(fault) => return Err(fault.into()),
    };
    let grant = Grant { number, epoch, ttl: Duration::from_secs(seconds) };
    Ok(session(shared, grant, sent))
}

/// Takes a session over: rewrites its key, which shuts the earlier incarnation out, then begins
/// its time to live anew.
pub(super) async fn resume(shared: &Arc<Shared>, id: SessionId) -> Result<Session> {
    let lost = || Error::SessionLost { id };
    let lease = i64::try_from(id.number).map_err(|_| lost())?;
    let key = shared.keys.session(id.number);
    let stands = Compare::create_revision(key.clone(), CompareOp::Greater, 0);
    let rewrite = PutOptions::new().with_lease(lease).with_ignore_value();
    let rewrite = [TxnOp::put(key.clone(), Vec::new(), Some(rewrite)), TxnOp::get(key, None)];
    let txn = Txn::new().when([stands]).and_then(rewrite);
    let (answer, epoch) = match shared.cluster.txn(Intent::Write, &txn).await {
        Ok((answer, epoch)) if answer.succeeded() => (answer, epoch),
        Ok(_) | Err(Fault::LeaseGone) => return Err(lost()),
        Err(fault) => return Err(fault.into()),
    };
    let seconds = answer.op_responses().into_iter().find_map(|answer| {
        let TxnOpResponse::Get(mut found) = answer else { return None };
        let (_, value) = found.take_kvs().pop()?.into_key_value();
        std::str::from_utf8(&value).ok()?.parse().ok()
    });
    let ttl = seconds.map(Duration::from_secs);
    let ttl = ttl
        .ok_or_else(|| Error::Failed(format!("the key of session {id} is not what was put there").into()))?;
    let sent = shared.cluster.clock().now();
    let patience = Patience::only(shared.cluster.timeout());
    keep_alive(shared, lease, patience).await.map_err(|fault| or_lost(fault, id))?;
    Ok(session(shared, Grant { number: id.number, epoch, ttl }, sent))
}

fn session(shared: &Arc<Shared>, grant: Grant, sent: Moment) -> Session {
    let realm = shared.cluster.realm();
    let lease = EtcdLease { shared: Arc::clone(shared), grant };
    let clock = Arc::clone(shared.cluster.clock());
    Session::granted(grant.id(realm), grant.fence(realm), grant.ttl, sent, clock, Arc::new(lease))
}

/// Extends a lease to its full time. One that is gone is no error to etcd: it has no time left.
async fn keep_alive(shared: &Shared, lease: i64, patience: Patience) -> std::result::Result<(), Fault> {
    // The client waits for the first answer; dropped then, the stream ends.
    let extend = |line: Line| async move { line.lease().keep_alive(lease).await.map(drop) };
    shared.cluster.call_within(patience, Intent::Write, extend).await
}

fn or_lost(fault: Fault, id: SessionId) -> Error {
    match fault {
        Fault::LeaseGone => Error::SessionLost { id },
        fault => fault.into(),
    }
}

/// The store's side of one incarnation of a session.
#[derive(Debug)]
struct EtcdLease {
    shared: Arc<Shared>,
    grant: Grant,
}

impl EtcdLease {
    fn id(&self) -> SessionId {
        self.grant.id(self.shared.cluster.realm())
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Lease for EtcdLease {
    /// First a look at the key: an earlier incarnation must not extend the life of a later one.
    async fn renew(&self) -> Result<Duration> {
        let shared = &self.shared;
        // A quarter for each of both calls, so that half is left to try again. A server that is
        // silent for a twelfth is not waited for alone, because election drops a renewal after a
        // sixth; one that is only slow has the whole time. Both calls may be done twice.
        let limit = shared.cluster.timeout().min(self.grant.ttl / 4);
        let patience = Patience { alone: limit.min(self.grant.ttl / 12), limit };
        let key = shared.keys.session(self.grant.number);
        let (answer, _) = shared.cluster.get_within(patience, &key, GetOptions::new()).await?;
        let epoch = answer.kvs().first().map(|found| version(found.mod_revision()).number());
        if epoch != Some(self.grant.epoch) {
            return Err(Error::SessionLost { id: self.id() });
        }
        let lease = i64::try_from(self.grant.number).map_err(|_| Error::SessionLost { id: self.id() })?;
        keep_alive(shared, lease, patience).await.map_err(|fault| or_lost(fault, self.id()))?;
        shared.counts.renewed.increment();
        Ok(self.grant.ttl)
    }

    /// The key goes first, and only if it is this incarnation's; the lease then takes the
    /// session's keys with it, in one commit.
    async fn end(&self) -> Result<()> {
        let shared = &self.shared;
        let key = shared.keys.session(self.grant.number);
        let (Ok(lease), Ok(epoch)) = (i64::try_from(self.grant.number), i64::try_from(self.grant.epoch))
        else {
            return Ok(());
        };
        let ours = Compare::mod_revision(key.clone(), CompareOp::Equal, epoch);
        let txn = Txn::new().when([ours]).and_then([TxnOp::delete(key, None)]);
        let (answer, _) = shared.cluster.txn(Intent::Write, &txn).await?;
        if !answer.succeeded() {
            return Ok(());
        }
        let revoke = |line: Line| async move { line.lease().revoke(lease).await };
        match shared.cluster.call(Intent::Write, revoke).await {
            Ok(_) | Err(Fault::LeaseGone) => {}
            Err(fault) => return Err(fault.into()),
        }
        shared.counts.ended.increment();
        Ok(())
    }
}
