//! One cookie of those that a client sent.

use super::{KeyOf, Missing, Request};

/// The value of the first cookie of this name, as it was sent.
///
/// Cookies are read as RFC 6265 (sections 4.2.1 and 5.4) has clients send them: pairs between
/// semicolons, the name up to the first `=`, in the case in which the server set it. Of several
/// the first counts, which clients take from the longest path; HTTP/2 may spread them over
/// several headers. Blanks around name and value are not part of them, quotes are. What is not a
/// pair is passed over.
///
/// ```
/// use entourage_sharding::key::{Cookie, KeyOf, RequestParts};
///
/// let headers = [("Cookie", &b"lang=en; session=31d4"[..])];
/// let mut key = Vec::new();
/// Cookie::named("session").write(&RequestParts { headers: &headers, ..RequestParts::default() }, &mut key)?;
/// assert_eq!(key, b"31d4");
/// # Ok::<_, entourage_sharding::key::Missing>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    name: String,
}

impl Cookie {
    /// By this cookie.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// Its value, if one of the pairs in this header's value has the name.
    fn find<'h>(&self, header: &'h [u8]) -> Option<&'h [u8]> {
        header.split(|byte| *byte == b';').find_map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            let (name, value) = (&pair[..equals], &pair[equals + 1..]);
            (name.trim_ascii() == self.name.as_bytes()).then(|| value.trim_ascii())
        })
    }
}

impl<R: Request + ?Sized> KeyOf<R> for Cookie {
    fn write(&self, request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
        let headers = (0..).map_while(|nth| request.header("cookie", nth));
        let value = headers.filter_map(|header| self.find(header)).next();
        key.extend_from_slice(value.ok_or_else(|| Missing::Cookie { name: self.name.clone() })?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_read_as_rfc_6265_has_them_sent() {
        for (header, value) in [
            ("sid=1", Some("1")),
            ("a=b; sid=1; c=d", Some("1")),
            ("a=b;sid=1;c=d", Some("1")),
            ("a=b; \t sid = 1 ;c=d", Some("1")),
            ("sid=first; sid=second", Some("first")),
            ("sid=", Some("")),
            ("sid=a=b==", Some("a=b==")),
            ("sid=\"quoted\"", Some("\"quoted\"")),
            ("sid; sid=1", Some("1")),
            ("sid", None),
            ("SID=1", None),
            ("xsid=1; sidx=1", None),
            ("a=sid=1", None),
            ("=1", None),
            ("", None),
            (";;;=;", None),
        ] {
            let found = Cookie::named("sid").find(header.as_bytes());
            assert_eq!(found, value.map(str::as_bytes), "{header:?}");
        }
    }
}
