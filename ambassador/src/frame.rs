use std::ops::Deref;

use bytes::Bytes;

/// What is shorter than this is copied; what is not is shared, where it can be.
pub(crate) const SHARED: usize = 4 * 1024;

/// One whole request or reply.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Frame<'a> {
    /// In a buffer that is soon used again.
    Lent(&'a [u8]),
    /// In a buffer of its own, which can be shared.
    Owned(&'a Bytes),
}

impl Frame<'_> {
    /// A handle that may be kept; copies what is lent.
    pub(crate) fn keep(self) -> Bytes {
        match self {
            Self::Lent(bytes) => Bytes::copy_from_slice(bytes),
            Self::Owned(bytes) => bytes.clone(),
        }
    }
}

impl Deref for Frame<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Lent(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}
