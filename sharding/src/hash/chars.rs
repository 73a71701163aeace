/// Whether C's `char` is signed, on which several of the [`KeyHash`](crate::KeyHash)es depend.
///
/// Where it is signed, a byte of 0x80 and above goes into the sum as a negative number. So one
/// configuration of twemproxy places keys that are not plain ASCII differently on x86 and on ARM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Chars {
    /// As on x86: what twemproxy and libmemcached are nearly always run on.
    #[default]
    Signed,
    /// As on ARM, and as the textbooks have these hashes.
    Unsigned,
}

impl Chars {
    /// The byte as C converts a `char` to `uint32_t`.
    pub(super) const fn widen(self, byte: u8) -> u32 {
        match self {
            Self::Signed => byte as i8 as u32,
            Self::Unsigned => byte as u32,
        }
    }
}
