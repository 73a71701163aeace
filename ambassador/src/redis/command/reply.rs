/// How a reply to a command may begin, so that a reply to another is recognised.
///
/// An error may come in place of any reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reply(u8);

impl Reply {
    /// `+OK`
    pub(crate) const STATUS: Self = Self(1);
    /// `:1`
    pub(crate) const INTEGER: Self = Self(2);
    /// `$5`, and `$-1` for what is not there.
    pub(crate) const BULK: Self = Self(4);
    /// `*2`, and `*-1` for what is not there.
    pub(crate) const ARRAY: Self = Self(8);
    /// Any of them.
    pub(crate) const ANY: Self = Self(15);

    /// Also what `other` allows.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a reply may begin with this byte.
    #[inline]
    pub(crate) const fn allows(self, first: u8) -> bool {
        let kind = match first {
            b'-' => return true,
            b'+' => Self::STATUS,
            b':' => Self::INTEGER,
            b'$' => Self::BULK,
            b'*' => Self::ARRAY,
            _ => return false,
        };
        self.0 & kind.0 != 0
    }
}
