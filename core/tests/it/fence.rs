//! What may be compared, and what may not.

use entourage_core::{Fence, Realm, Scope};

fn fence(realm: u128, scope: &str, epoch: u64) -> Fence {
    Fence::new(Realm::new(realm), Scope::new(scope), epoch)
}

#[test]
fn the_later_grant_of_one_realm_and_scope_supersedes() {
    let (first, second) = (fence(1, "printer", 7), fence(1, "printer", 8));
    assert_eq!(second.supersedes(&first), Ok(true));
    assert_eq!(first.supersedes(&second), Ok(false));
    assert_eq!(first.supersedes(&first.clone()), Ok(false));
    assert_eq!(fence(1, "printer", u64::MAX).supersedes(&second), Ok(true));
}

#[test]
fn a_fence_of_another_realm_or_scope_is_foreign_whatever_its_epoch() {
    let mine = fence(1, "printer", 7);
    for (foreign, says) in [
        (fence(2, "printer", 8), "fence of printer in realm 00000000000000000000000000000002"),
        (fence(1, "scanner", 8), "fence of scanner in realm 00000000000000000000000000000001"),
    ] {
        let error = foreign.supersedes(&mine).unwrap_err();
        assert!(error.to_string().starts_with(says), "{error}");
        assert!(mine.supersedes(&foreign).is_err());
    }
}
