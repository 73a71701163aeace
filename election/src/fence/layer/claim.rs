//! What a request says of itself.

use super::respond::Rejection;
use crate::fence::{check::FenceCheck, header::Stamp};

/// What a request claims of itself, and asks.
pub(super) struct Claim {
    pub(super) stamp: Stamp,
    pub(super) is_seal: bool,
}

impl Claim {
    /// The answer, where it needs no waiting.
    pub(super) fn known(&self, check: &dyn FenceCheck) -> Option<Result<(), Rejection>> {
        if self.is_seal {
            return None;
        }
        let answer = check.known(self.stamp.fence(), Some(self.stamp.owner()))?;
        Some(answer.map_err(Rejection::Refused))
    }

    pub(super) async fn judge(&self, check: &dyn FenceCheck) -> Result<(), Rejection> {
        let (fence, owner) = (self.stamp.fence(), Some(self.stamp.owner()));
        if self.is_seal {
            check.seal(fence, owner).await.map_err(Rejection::Refused)?;
            return Err(Rejection::Sealed);
        }
        check.check(fence, owner).await.map_err(Rejection::Refused)
    }
}
