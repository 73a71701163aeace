//! One line: its words, and the numbers in them.

use std::ops::Range;

/// Where something lies in a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Nothing, at the line's start.
    pub(super) const START: Self = Self { start: 0, end: 0 };

    /// What no frame is allowed to hold, 4 GiB and more, is cut off.
    pub(super) fn new(range: Range<usize>) -> Self {
        let short = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: short(range.start), end: short(range.end) }
    }

    pub(super) const fn start(self) -> usize {
        self.start as usize
    }

    pub(super) const fn end(self) -> usize {
        self.end as usize
    }

    pub(super) const fn len(self) -> usize {
        self.end().saturating_sub(self.start())
    }

    pub(super) const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes at this place of the line.
    pub(super) fn of(self, line: &[u8]) -> &[u8] {
        line.get(self.start()..self.end()).unwrap_or_default()
    }
}

/// The words of a line: what stands between spaces. A tab is no space.
#[derive(Clone, Debug)]
pub(super) struct Words<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    pub(super) const fn new(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    /// The words that begin at this place or behind it.
    pub(super) const fn from(line: &'a [u8], at: usize) -> Self {
        Self { line, at }
    }
}

impl Iterator for Words<'_> {
    type Item = Span;

    #[inline]
    fn next(&mut self) -> Option<Span> {
        let rest = self.line.get(self.at..)?;
        let start = self.at + rest.iter().position(|&byte| byte != b' ')?;
        let word = self.line.get(start..)?;
        self.at = start + word.iter().position(|&byte| byte == b' ').unwrap_or(word.len());
        Some(Span::new(start..self.at))
    }
}

/// The first words of a line, and how many there are in all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Few {
    words: [Span; 7],
    count: usize,
    bytes: usize,
}

impl Few {
    pub(super) fn of(line: &[u8]) -> Self {
        let mut few = Self { words: [Span::default(); 7], count: 0, bytes: 0 };
        for word in Words::new(line) {
            if let Some(place) = few.words.get_mut(few.count) {
                *place = word;
            }
            few.count += 1;
            few.bytes += word.len();
        }
        few
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// How long the line would be with one space between words and no other.
    pub(super) const fn tidy_len(&self) -> usize {
        self.bytes + self.count.saturating_sub(1)
    }

    /// The word at this place, counted from 0; empty where there is none.
    pub(super) fn word(&self, at: usize) -> Span {
        self.words.get(at).copied().unwrap_or_default()
    }

    /// The last word, if it is one of the first.
    pub(super) fn last(&self) -> Span {
        self.count.checked_sub(1).map_or_else(Span::default, |at| self.word(at))
    }
}

/// How many bytes at the front are a line, its newline included; `scanned` of them have none.
#[inline]
pub(super) fn end_of_line(input: &[u8], scanned: usize) -> Option<usize> {
    let newline = input.get(scanned..)?.iter().position(|&byte| byte == b'\n')?;
    Some(scanned + newline + 1)
}

/// A line without its end: a newline, or carriage return and newline.
///
/// A carriage return that is all of the line stays, as memcached has it: that is no empty line.
pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    if line.len() > 1 { line.strip_suffix(b"\r").unwrap_or(line) } else { line }
}

/// A number of digits alone. No sign, no space, nothing that one server reads and another does not.
pub(super) fn number(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return None;
    }
    word.iter().try_fold(0_u64, |number, byte| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// The same, with a minus before it or without.
pub(super) fn signed(word: &[u8]) -> Option<i64> {
    match word.strip_prefix(b"-") {
        Some(digits) => 0_i64.checked_sub_unsigned(number(digits)?),
        None => number(word)?.try_into().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_between_spaces_and_nothing_else() {
        let line = b"  set a\tb  0 ";
        let words: Vec<_> = Words::new(line).map(|word| word.of(line)).collect();
        assert_eq!(words, [b"set".as_slice(), b"a\tb", b"0"]);
        let few = Few::of(b"1 2 3 4 5 6 7 8 9");
        assert_eq!((few.count(), few.last()), (9, Span::default()));
    }

    #[test]
    fn a_number_is_digits_and_fits() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for word in [b"".as_slice(), b"+1", b"-1", b"1 ", b"0x1", b"18446744073709551616", b"1\0"] {
            assert_eq!(number(word), None, "{word:?}");
        }
        assert_eq!(
            (signed(b"-9223372036854775808"), signed(b"--1"), signed(b"-")),
            (Some(i64::MIN), None, None)
        );
        assert_eq!(signed(b"9223372036854775808"), None);
    }

    #[test]
    fn a_lone_carriage_return_is_a_word() {
        assert_eq!(without_end(b"\r\n"), b"\r");
        assert_eq!(without_end(b"a\r\n"), b"a");
        assert_eq!(without_end(b"a\n"), b"a");
        assert_eq!(without_end(b"\n"), b"");
    }
}
