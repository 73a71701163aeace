//! How typed values travel in an item's payload.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

/// A value that a channel carries.
///
/// # Contract
/// `decode(encode(v))` is `v`, and bytes that no `encode` made give [`Malformed`]: they may
/// come from another release, or from anybody who can publish.
pub trait Payload: Sized + Send + 'static {
    /// Appends this value.
    fn write(&self, writer: &mut Writer);

    /// Reads one value.
    ///
    /// # Errors
    /// [`Malformed`] for bytes that are not such a value.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed>;

    /// This value as bytes.
    fn encode(&self) -> Bytes {
        let mut writer = Writer::default();
        self.write(&mut writer);
        writer.finish()
    }

    /// The value that these bytes are, all of them.
    ///
    /// # Errors
    /// [`Malformed`] for bytes that are not one such value.
    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let value = Self::read(&mut reader)?;
        if reader.is_empty() { Ok(value) } else { Err(Malformed::new("a payload with bytes to spare")) }
    }
}

/// Bytes that are not the value they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    what: &'static str,
}

impl Malformed {
    /// Names what was found.
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        Self { what }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed payload: {}", self.what)
    }
}

impl std::error::Error for Malformed {}

/// Appends the parts of a value.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: BytesMut,
}

impl Writer {
    /// A number, in as few bytes as it needs (LEB128).
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.put_u8((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.put_u8(number as u8);
    }

    /// Bytes, with their length before them.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    /// Bytes alone; the reader must know where they end.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.put_slice(bytes);
    }

    /// A value that may be absent.
    pub fn optional<T: Payload>(&mut self, value: Option<&T>) {
        self.number(u64::from(value.is_some()));
        if let Some(value) = value {
            value.write(self);
        }
    }

    /// What was written.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.bytes.freeze()
    }

    /// Room for this many more bytes, if it is known.
    pub fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }
}

/// Takes the parts of a value, in the order they were written.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything has been taken.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rest.len()
    }

    /// A number.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes end, or for more than 64 bits.
    pub fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(Malformed::new("it ends too soon"))?;
            self.rest = rest;
            let part = u64::from(byte & 0x7f);
            number |= part << shift;
            if byte & 0x80 == 0 {
                // The tenth byte has room for one bit; a superfluous zero byte is not ours.
                let fits = part.leading_zeros() >= shift && (byte != 0 || shift == 0);
                return if fits { Ok(number) } else { Err(Malformed::new("a number beyond 64 bits")) };
            }
        }
        Err(Malformed::new("a number beyond 64 bits"))
    }

    /// Bytes that were written with their length.
    ///
    /// # Errors
    /// [`Malformed`] when fewer are there.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| Malformed::new("it ends too soon"))?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed::new("it ends too soon"))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A value that may be absent.
    ///
    /// # Errors
    /// [`Malformed`] when it is neither there nor absent.
    pub fn optional<T: Payload>(&mut self) -> Result<Option<T>, Malformed> {
        match self.number()? {
            0 => Ok(None),
            1 => T::read(self).map(Some),
            _ => Err(Malformed::new("neither a value nor its absence")),
        }
    }

    /// Text that was written as bytes.
    ///
    /// # Errors
    /// [`Malformed`] when it is not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed::new("text that is not UTF-8"))
    }
}

impl Payload for u64 {
    fn write(&self, writer: &mut Writer) {
        writer.number(*self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.number()
    }
}

impl Payload for String {
    fn write(&self, writer: &mut Writer) {
        writer.bytes(self.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.text().map(Self::from)
    }
}

impl Payload for entourage_core::Sum {
    fn write(&self, writer: &mut Writer) {
        writer.number(self.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.number().map(Self)
    }
}

impl<T: Payload> Payload for Vec<T> {
    fn write(&self, writer: &mut Writer) {
        writer.number(self.len() as u64);
        for value in self {
            value.write(writer);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        (0..reader.number()?).map(|_| T::read(reader)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Payload, Reader};

    #[test]
    fn numbers_of_every_size_return() {
        for shift in 0..64 {
            for number in [1_u64 << shift, (1_u64 << shift) - 1, u64::MAX >> shift] {
                assert_eq!(u64::decode(&number.encode()), Ok(number));
            }
        }
    }

    #[test]
    fn hostile_bytes_are_malformed_and_cost_no_memory() {
        assert!(u64::decode(&[0xff; 11]).is_err());
        assert!(u64::decode(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]).is_err());
        assert!(u64::decode(&[0x80, 0x00]).is_err());
        assert!(Vec::<u64>::decode(&u64::MAX.encode()).is_err());
        assert!(Reader::new(&u64::MAX.encode()).bytes().is_err());
    }
}
