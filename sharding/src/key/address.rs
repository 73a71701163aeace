//! The client's address, and the country that it is in.

use std::{fmt, net::IpAddr};

use super::{KeyOf, Missing, Request};

/// The client's address: its 4 bytes, or 16 of IPv6.
///
/// An IPv4 address that came mapped into IPv6 (`::ffff:192.0.2.1`) is that IPv4 address, so a
/// client keeps its shard whichever socket it came by.
///
/// ```
/// use entourage_sharding::key::{KeyOf, Peer, RequestParts};
///
/// let request = RequestParts { peer: "::ffff:192.0.2.1".parse().ok(), ..RequestParts::default() };
/// let mut key = Vec::new();
/// Peer.write(&request, &mut key)?;
/// assert_eq!(key, [192, 0, 2, 1]);
/// # Ok::<_, entourage_sharding::key::Missing>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer;

impl<R: Request + ?Sized> KeyOf<R> for Peer {
    fn write(&self, request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
        match request.peer().ok_or(Missing::Peer)?.to_canonical() {
            IpAddr::V4(address) => key.extend_from_slice(&address.octets()),
            IpAddr::V6(address) => key.extend_from_slice(&address.octets()),
        }
        Ok(())
    }
}

/// A country's two letters, as ISO 3166-1 gives them: in capitals.
///
/// ```
/// use entourage_sharding::key::CountryCode;
///
/// assert_eq!(CountryCode::new("ch").map(|code| code.to_string()).as_deref(), Some("CH"));
/// assert_eq!(CountryCode::new("CHE"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// Of two ASCII letters in any case; whether a country has them is not looked up.
    #[must_use]
    pub const fn new(letters: &str) -> Option<Self> {
        match *letters.as_bytes() {
            [one, two] if one.is_ascii_alphabetic() && two.is_ascii_alphabetic() => {
                Some(Self([one.to_ascii_uppercase(), two.to_ascii_uppercase()]))
            }
            _ => None,
        }
    }

    /// Its two letters.
    #[must_use]
    pub const fn letters(self) -> [u8; 2] {
        self.0
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

/// The country of the client's address, by a look-up of the user's.
///
/// The book's `country(request.ip)`: with the [`Path`](super::Path) after it, all users of a
/// country share a cached page. The look-up gets IPv4 as IPv4 and must be pure: a database that
/// is replaced moves the keys of the addresses that changed their country.
///
/// ```
/// use entourage_sharding::key::{Country, CountryCode, FirstOf, Fixed, KeyOf, Missing, RequestParts};
///
/// let country = Country::by(|address| address.is_ipv4().then(|| CountryCode::new("DE"))?);
/// let known = RequestParts { peer: "192.0.2.1".parse().ok(), ..RequestParts::default() };
/// let unknown = RequestParts { peer: "2001:db8::1".parse().ok(), ..RequestParts::default() };
///
/// let mut key = Vec::new();
/// country.write(&known, &mut key)?;
/// assert_eq!(key, b"DE");
/// assert_eq!(country.write(&unknown, &mut key), Err(Missing::Country));
/// FirstOf::new(country, Fixed::new("ZZ")).write(&unknown, &mut key)?;
/// assert_eq!(key, b"DEZZ");
/// # Ok::<_, Missing>(())
/// ```
#[derive(Clone)]
pub struct Country<F> {
    look_up: F,
}

impl<F: Fn(IpAddr) -> Option<CountryCode> + Send + Sync> Country<F> {
    /// By this look-up.
    pub const fn by(look_up: F) -> Self {
        Self { look_up }
    }
}

impl<F> fmt::Debug for Country<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Country").finish_non_exhaustive()
    }
}

impl<R: Request + ?Sized, F: Fn(IpAddr) -> Option<CountryCode> + Send + Sync> KeyOf<R> for Country<F> {
    fn write(&self, request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
        let address = request.peer().ok_or(Missing::Peer)?.to_canonical();
        let country = (self.look_up)(address).ok_or(Missing::Country)?;
        key.extend_from_slice(&country.letters());
        Ok(())
    }
}
