//! Keys that are made of keys.

use super::{KeyOf, Missing};

/// Between two keys that are written as one.
const BETWEEN: [u8; 2] = [0, 1];

/// What a 0 of the keys themselves is written as, so that it is never taken for the border.
const ZERO: [u8; 2] = [0, 0xff];

macro_rules! composite {
    ($(($first:ident, $($more:ident),+)),+) => {$(
        /// Keys written one after the other, so that no others are written alike.
        ///
        /// The bytes 0, 1 stand between two of them, and a byte 0 of a key is written as 0, 255; so
        /// what is written sorts as the keys do, for a [`Range`](crate::Range), and reads well in a log.
        impl<R: ?Sized, $first: KeyOf<R>, $($more: KeyOf<R>),+> KeyOf<R> for ($first, $($more),+) {
            fn write(&self, request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
                #[expect(non_snake_case, reason = "a variable for each type")]
                let ($first, $($more),+) = self;
                write_all(&[$first, $($more),+], request, key)
            }
        }
    )+};
}

composite!((A, B), (A, B, C), (A, B, C, D));

fn write_all<R: ?Sized>(parts: &[&dyn KeyOf<R>], request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
    let start = key.len();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            key.extend_from_slice(&BETWEEN);
        }
        let from = key.len();
        part.write(request, key).inspect_err(|_| key.truncate(start))?;
        escape(key, from);
    }
    Ok(())
}

/// Writes each 0 from here on as [`ZERO`]: from the end, so that each byte moves once.
fn escape(key: &mut Vec<u8>, start: usize) {
    let mut from = key.len();
    let zeros = key[start..].iter().filter(|byte| **byte == ZERO[0]).count();
    let mut to = from + zeros;
    key.resize(to, 0);
    while from < to {
        from -= 1;
        if key[from] == ZERO[0] {
            to -= 1;
            key[to] = ZERO[1];
        }
        to -= 1;
        key[to] = key[from];
    }
}

/// The first key, or the second where the first is missing.
///
/// ```
/// use entourage_sharding::key::{Cookie, FirstOf, KeyOf, Peer, RequestParts};
///
/// let sticky = FirstOf::new(Cookie::named("session"), Peer);
/// let request = RequestParts { peer: Some([192, 0, 2, 1].into()), ..RequestParts::default() };
/// let mut key = Vec::new();
/// sticky.write(&request, &mut key)?;
/// assert_eq!(key, [192, 0, 2, 1]);
/// # Ok::<_, entourage_sharding::key::Missing>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstOf<A, B> {
    first: A,
    second: B,
}

impl<A, B> FirstOf<A, B> {
    /// Of these two.
    #[must_use]
    pub const fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<R: ?Sized, A: KeyOf<R>, B: KeyOf<R>> KeyOf<R> for FirstOf<A, B> {
    fn write(&self, request: &R, key: &mut Vec<u8>) -> Result<(), Missing> {
        self.first.write(request, key).or_else(|_| self.second.write(request, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_escaped_and_nothing_else() {
        for (plain, escaped) in [
            (&b""[..], &b""[..]),
            (b"abc", b"abc"),
            (b"\0", b"\0\xff"),
            (b"a\0b", b"a\0\xffb"),
            (b"\0\0", b"\0\xff\0\xff"),
            (b"\0\xff\x01", b"\0\xff\xff\x01"),
        ] {
            let mut key = [b"\0before", plain].concat();
            escape(&mut key, 7);
            assert_eq!(key, [b"\0before", escaped].concat());
        }
    }
}
