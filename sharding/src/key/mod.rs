//! Which part of a request is its key: what the sharding function is asked about.
//!
//! A [`KeyOf`] writes the key's bytes into a buffer of the caller's, which keeps its memory from
//! one request to the next; nothing is allocated for a key that fits. What a request is made of,
//! it says through [`Request`], which callers implement for the requests of their server, or fill
//! into [`RequestParts`]. This crate knows no HTTP library.
//!
//! | key | is | missing when |
//! |---|---|---|
//! | [`Path`] | the path's bytes, as they were sent | the request has none |
//! | [`PathAndQuery`] | the path, and `?` and the query if there is one | there is no path |
//! | [`Header`] | the first value of that name, in any case | there is none |
//! | [`Cookie`] | the value of the first cookie of that name (RFC 6265) | there is none |
//! | [`Peer`] | the 4 or 16 bytes of the client's address | it is not known |
//! | [`Country`] | two letters that the look-up gives for the address | the look-up gives none |
//! | [`Grid`] | the square cell of a map that something lies in | it lies nowhere |
//! | [`Whole`] | all bytes of a key that is one already | never |
//! | [`Tagged`] | what a hash tag cuts out of another key | that key is |
//! | `(A, B)`, up to four | all of these keys, told apart | one of them is |
//! | [`FirstOf`] | the first key, or the second where that is missing | both are |
//! | [`Fixed`] | always the same bytes | never |
//!
//! What is missing is an error that names the part; [`FirstOf`] says what to take instead.
//!
//! ```
//! use entourage_sharding::{Modulo, ShardingFunction, key::{Country, CountryCode, KeyOf, Path, RequestParts}};
//!
//! // The book's photo service: by the client's country and the path.
//! let key = (Country::by(|_address| CountryCode::new("ch")), Path);
//!
//! let request = RequestParts { path: Some(b"/photos/7"), peer: Some([192, 0, 2, 1].into()), ..RequestParts::default() };
//! let mut buffer = Vec::new();
//! key.write(&request, &mut buffer)?;
//! assert_eq!(buffer, b"CH\0\x01/photos/7");
//! let shard = Modulo::new(8)?.shard(&buffer);
//! # assert!(shard.number() < 8);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod address;
mod bytes;
mod combined;
mod cookie;
mod grid;
mod missing;
mod request;
mod web;

use std::{fmt::Debug, sync::Arc};

pub use self::{
    address::{Country, CountryCode, Peer},
    bytes::{Fixed, Tagged, Whole},
    combined::FirstOf,
    cookie::Cookie,
    grid::{Cell, Grid, Located, Position},
    missing::Missing,
    request::{Request, RequestParts},
    web::{Header, Path, PathAndQuery},
};

/// Says which part of a request is the key that it is sharded by.
///
/// # Contract
/// * Pure: one request has one key, for ever and everywhere.
/// * `write` appends to the buffer and leaves what is in it; if it fails, the buffer is as it was.
pub trait KeyOf<R: ?Sized>: Debug + Send + Sync {
    /// Appends the request's key to the buffer.
    ///
    /// # Errors
    /// [`Missing`] if the request does not have that part.
    fn write(&self, request: &R, key: &mut Vec<u8>) -> Result<(), Missing>;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<R: ?Sized, K: KeyOf<R> + ?Sized> KeyOf<R> for $pointer {
            fn write(&self, request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
                (**self).write(request, key)
            }
        }
    )*};
}

forward!(&K, Box<K>, Arc<K>);
