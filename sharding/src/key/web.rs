//! Path, query and headers.

use super::{KeyOf, Missing, Request};

/// The path, as it was sent: `/a%62` and `/ab` are two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path;

impl<R: Request + ?Sized> KeyOf<R> for Path {
    fn write(&self, request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
        key.extend_from_slice(request.path().ok_or(Missing::Path)?);
        Ok(())
    }
}

/// The path, then `?` and the query if there is one, as they were sent.
///
/// ```
/// use entourage_sharding::key::{KeyOf, PathAndQuery, RequestParts};
///
/// let request = RequestParts { path: Some(b"/find"), query: Some(b"q=1"), ..RequestParts::default() };
/// let mut key = Vec::new();
/// PathAndQuery.write(&request, &mut key)?;
/// assert_eq!(key, b"/find?q=1");
/// # Ok::<_, entourage_sharding::key::Missing>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathAndQuery;

impl<R: Request + ?Sized> KeyOf<R> for PathAndQuery {
    fn write(&self, request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
        key.extend_from_slice(request.path().ok_or(Missing::Path)?);
        if let Some(query) = request.query() {
            key.push(b'?');
            key.extend_from_slice(query);
        }
        Ok(())
    }
}

/// The first value of the header of this name, in whatever case the name was sent.
///
/// The value's bytes are taken as they are; an empty value is a key like any other.
///
/// ```
/// use entourage_sharding::key::{Header, KeyOf, Missing, RequestParts};
///
/// let tenant = Header::named("X-Tenant");
/// let headers = [("x-tenant", &b"acme"[..])];
/// let mut key = Vec::new();
/// tenant.write(&RequestParts { headers: &headers, ..RequestParts::default() }, &mut key)?;
/// assert_eq!(key, b"acme");
///
/// let none = tenant.write(&RequestParts::default(), &mut key);
/// assert_eq!(none, Err(Missing::Header { name: "X-Tenant".to_owned() }));
/// # Ok::<_, Missing>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    name: String,
}

impl Header {
    /// By this header.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

impl<R: Request + ?Sized> KeyOf<R> for Header {
    fn write(&self, request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
        let value = request.header(&self.name, 0);
        key.extend_from_slice(value.ok_or_else(|| Missing::Header { name: self.name.clone() })?);
        Ok(())
    }
}
