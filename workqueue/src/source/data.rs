//! What is to be known about one item.

use bytes::Bytes;

use super::{
    error::{SourceError, SourceResult},
    name::ItemName,
};

/// The data of one item, exactly as a worker is given it: at most 1 MiB.
///
/// Any bytes are data. Over HTTP they are the `data` field of the book's `Item`, so they have to be
/// JSON text there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemData(Bytes);

impl ItemData {
    /// The most, in bytes: as much as a Kubernetes `ConfigMap` holds.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// These bytes.
    ///
    /// # Errors
    /// [`SourceError::TooLarge`] for more than [`MAX_BYTES`](Self::MAX_BYTES).
    pub fn new(bytes: impl Into<Bytes>) -> SourceResult<Self> {
        let bytes = bytes.into();
        if bytes.len() > Self::MAX_BYTES {
            return Err(SourceError::TooLarge { what: "an item's data".to_owned(), limit: Self::MAX_BYTES });
        }
        Ok(Self(bytes))
    }

    /// `{"name":"…"}`, for items of which nothing is known but the name.
    #[must_use]
    pub fn of_name(name: &ItemName) -> Self {
        Self(Bytes::from(format!(r#"{{"name":{}}}"#, serde_json::Value::from(name.as_str()))))
    }

    /// The bytes; cloning them copies nothing.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}
