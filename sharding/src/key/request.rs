//! What a request shows of itself.

use std::net::IpAddr;

/// A view of a request, for the keys of this module; without a method, which places nothing.
///
/// # Contract
/// * `header` compares names without regard to ASCII case, and counts values in the order in
///   which they were sent.
/// * `peer` is an address that is believed: a header of the client's own is not one.
pub trait Request {
    /// The path, without the query, as it was sent.
    fn path(&self) -> Option<&[u8]>;

    /// What follows the `?`; empty if nothing does, `None` without a `?`.
    fn query(&self) -> Option<&[u8]>;

    /// The value of the `nth` header of this name, from 0.
    fn header(&self, name: &str, nth: usize) -> Option<&[u8]>;

    /// The client's address.
    fn peer(&self) -> Option<IpAddr>;
}

/// A [`Request`] that borrows its parts.
///
/// ```
/// use entourage_sharding::key::{Request, RequestParts};
///
/// let headers = [("X-Customer", &b"7"[..]), ("x-customer", b"8")];
/// let request = RequestParts { path: Some(b"/a"), headers: &headers, ..RequestParts::default() };
/// assert_eq!(request.header("x-CUSTOMER", 1), Some(&b"8"[..]));
/// assert_eq!(request.header("x-customer", 2), None);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestParts<'r> {
    /// The path, without the query.
    pub path: Option<&'r [u8]>,
    /// What follows the `?`.
    pub query: Option<&'r [u8]>,
    /// Names in any case, and values, in the order in which they were sent.
    pub headers: &'r [(&'r str, &'r [u8])],
    /// The client's address.
    pub peer: Option<IpAddr>,
}

impl Request for RequestParts<'_> {
    fn path(&self) -> Option<&[u8]> {
        self.path
    }

    fn query(&self) -> Option<&[u8]> {
        self.query
    }

    fn header(&self, name: &str, nth: usize) -> Option<&[u8]> {
        let mut values = self.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        values.nth(nth).map(|(_, value)| *value)
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }
}
