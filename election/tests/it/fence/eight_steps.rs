//! A request that arrives two owners late.
//!
//! The book's sequence, in eight steps: 1 R1 obtains the lock, 2 R1 sends a request, 3 the network
//! delays it, 4 R1 loses the lock, 5 R2 obtains it, 6 R2's request arrives and has its effect, 7 R2
//! fails and R1 obtains the lock again, 8 R1's first request arrives.

use ::http::StatusCode;
use entourage_core::Scope;
use entourage_election::{
    Identity, LeaseLock, Ownership,
    fence::{AgainstStore, FenceLayer, HighestSeen, Refused, Stamp},
};
use tower_layer::Layer;

use super::{
    LOCK, REALM, claim, fence,
    printer::{Printer, page, send, status},
    stamp, store,
};

#[test]
fn the_books_eight_steps_are_refused_by_the_highest_seen() {
    let sink = HighestSeen::new(REALM);
    let delayed = fence(1);
    sink.check(&fence(2)).unwrap();
    let _r1_again = fence(3); // Which has not written yet.
    assert!(matches!(sink.check(&delayed), Err(Refused::Stale { current: 2, .. })));
    sink.check(&fence(3)).unwrap();
}

#[tokio::test]
async fn the_books_eight_steps_are_refused_over_http() {
    let printer = Printer::default();
    let mut server = FenceLayer::new(HighestSeen::new(REALM), Scope::new(LOCK)).layer(printer.clone());
    let delayed = page(&stamp(1, "r1"), "late");
    assert_eq!(status(&mut server, page(&stamp(2, "r2"), "second")).await, StatusCode::OK);
    let late = send(&mut server, delayed).await.unwrap();
    assert_eq!(late.status(), StatusCode::PRECONDITION_FAILED);
    assert!(
        late.body().starts_with(r#"{"error":"stale","detail":"epoch 1 of \"printer\" is stale"#),
        "{late:?}"
    );
    assert!(late.body().ends_with(r#","current":2}"#), "{late:?}");
    assert_eq!(status(&mut server, page(&stamp(3, "r1"), "third")).await, StatusCode::OK);
    assert_eq!(printer.printed(), ["second", "third"]);
}

#[tokio::test]
async fn the_books_eight_steps_are_refused_though_the_owner_is_right() {
    let (store, printer) = (store(), Printer::default());
    let mut server =
        FenceLayer::new(AgainstStore::new(store.clone()), Scope::new(LOCK)).layer(printer.clone());
    let first = Stamp::new(claim(&store, "r1").await, "r1").unwrap();
    let second = Stamp::new(claim(&store, "r2").await, "r2").unwrap();
    assert_eq!(status(&mut server, page(&second, "second")).await, StatusCode::OK);
    let third = Stamp::new(claim(&store, "r1").await, "r1").unwrap();
    assert_eq!(first.owner(), third.owner());
    assert_eq!(status(&mut server, page(&first, "late")).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(status(&mut server, page(&third, "third")).await, StatusCode::OK);
    assert_eq!(printer.printed(), ["second", "third"]);
}

#[tokio::test]
async fn the_books_eight_steps_are_refused_with_the_lock_itself() {
    let (store, printer) = (store(), Printer::default());
    let layer = FenceLayer::new(AgainstStore::new(store.clone()), Scope::new(LOCK));
    let mut server = layer.layer(printer.clone());
    let lock = |owner| {
        let owner = Identity::new(owner);
        LeaseLock::builder(store.clone(), LOCK).identity(owner).build().unwrap()
    };
    let (r1, r2) = (lock("r1"), lock("r2"));
    let stamp = |ownership: &Ownership, owner| Stamp::new(ownership.fence().clone(), owner).unwrap();

    let first = r1.acquire().await.unwrap();
    let delayed = page(&stamp(&first, "r1"), "late");
    first.release().await.unwrap();
    let second = r2.acquire().await.unwrap();
    let pretended = page(&stamp(&second, "r1"), "pretended");
    assert_eq!(status(&mut server, pretended).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(status(&mut server, page(&stamp(&second, "r2"), "second")).await, StatusCode::OK);
    second.release().await.unwrap();
    let third = r1.acquire().await.unwrap();
    assert_eq!(status(&mut server, delayed).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(status(&mut server, page(&stamp(&third, "r1"), "third")).await, StatusCode::OK);
    assert_eq!(printer.printed(), ["second", "third"]);
    third.release().await.unwrap();
}
