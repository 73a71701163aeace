//! What Redis loses is noticed where it can be, and nobody is told that it excludes.

use std::{sync::Arc, time::Duration};

use entourage_store::{Error, FencedStore, RedisStore, Store, StoreExt, StoreUrl, Test, Txn};
use entourage_testkit::Redis;

use super::{connect, is_here, next, options, settled, write};

/// Claims what nobody has; whether that was granted.
async fn claim(store: &RedisStore, owner: &str) -> Result<bool, Error> {
    let claim = Txn::new().when("lock", Test::Absent).put("lock", owner.to_owned());
    Ok(store.transact(claim).await?.applied().is_some())
}

#[tokio::test]
async fn a_redis_is_refused_where_exclusion_must_be_proved() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let store: Arc<dyn Store> = Arc::new(connect(&redis).await);
    let url: StoreUrl = format!("redis://{}/team-a", redis.endpoint()).parse().unwrap();
    for store in [store, url.open().await.unwrap()] {
        let refused = FencedStore::try_from(store).expect_err("it may grant the same lock twice");
        assert!(refused.to_string().contains("RedisStore"), "{refused}");
    }
}

#[tokio::test]
async fn an_emptied_server_is_another_realm_for_calls_watches_and_sessions() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let store = connect(&redis).await;
    let session = store.session(Duration::from_secs(60)).await.unwrap();
    let mut watch = store.watch("", None).await.unwrap();
    redis.cli(["FLUSHALL"]);
    let anew = connect(&redis).await;
    assert_ne!(anew.realm(), store.realm());
    anew.put("k", "v".into()).await.unwrap();
    for error in [
        store.put("k", "w".into()).await.map(drop).expect_err("a write of before"),
        store.get("k").await.map(drop).expect_err("a read of before"),
        session.renew().await.map(drop).expect_err("a renewal of before"),
        next(&mut *watch).await.map(drop).expect_err("a change of another's data"),
    ] {
        assert!(matches!(error, Error::Failed(_)), "{error:?}");
    }
    let resumed = anew.resume(session.id()).await;
    assert!(matches!(resumed, Err(Error::ForeignRealm { .. })), "{resumed:?}");
    let held = anew.transact(Txn::new().when_held(session.fence().clone()).put("k", "w")).await;
    assert!(matches!(held, Err(Error::ForeignRealm { .. })), "{held:?}");
    assert_eq!(anew.get("k").await.unwrap().unwrap().value, "v");
    let demanded = options(&redis).with_realm(store.realm()).connect().await;
    assert!(matches!(demanded, Err(Error::ForeignRealm { .. })), "{demanded:?}");
}

/// Why it is advisory; and that the one who was granted what is lost notices.
#[tokio::test]
async fn a_failover_grants_a_lock_twice_and_its_first_owner_notices() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::with_replica(&[]);
    let (first, second) = (connect(&redis).await, connect(&redis).await);
    redis.wait_replicated();
    redis.stall_link();
    let mut watch = first.watch("", None).await.unwrap();
    assert!(claim(&first, "first").await.unwrap(), "nobody had it");
    redis.failover();
    let granted = settled("the new master answers", async || claim(&second, "second").await).await;
    assert!(granted.unwrap(), "what was acknowledged is lost");
    for _ in 0..2 {
        let error = settled("it is asked", async || first.get("lock").await).await.unwrap_err();
        assert!(matches!(error, Error::Failed(_)), "{error:?}");
    }
    let error = next(&mut *watch).await.unwrap_err();
    assert!(matches!(error, Error::Failed(_)), "{error:?}");
    let anew = connect(&redis).await;
    assert_eq!(anew.realm(), first.realm(), "the same data, but for what was lost");
    assert_eq!(anew.get("lock").await.unwrap().unwrap().value, "second");
}

#[tokio::test]
async fn a_failover_that_loses_nothing_is_no_more_than_a_pause() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::with_replica(&[]);
    let store = connect(&redis).await;
    let session = store.session(Duration::from_secs(60)).await.unwrap();
    let mut watch = store.watch("k", None).await.unwrap();
    let before = write(&store, "k", "1").await;
    redis.wait_replicated();
    redis.failover();
    let after = write(&store, "k", "2").await;
    assert!(after > before);
    for version in [before, after] {
        assert_eq!(next(&mut *watch).await.unwrap().version(), version);
    }
    settled("the session stands", async || session.renew().await).await.unwrap();
}
