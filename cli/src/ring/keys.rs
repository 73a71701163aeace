//! Keys on standard input, one a line, bounded.

use std::io::{BufRead, BufReader, Read};

use anyhow::{Context, Result, bail};

/// The longest line, in bytes.
const LONGEST: usize = 1024 * 1024;

/// Keys as they come, without the ends of their lines; the last line may have none.
#[derive(Debug)]
pub(super) struct Keys<R> {
    input: R,
    is_hex: bool,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Keys<R> {
    /// Of this input, whose lines are hex digits if `is_hex`.
    pub(super) const fn new(input: R, is_hex: bool) -> Self {
        Self { input, is_hex, line: Vec::new(), number: 0 }
    }

    /// The next key; none at the end.
    ///
    /// # Errors
    /// It cannot be read, the line has more than 1 MiB, or it is not of hex digits.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        self.line.clear();
        self.number += 1;
        let read = self.input.by_ref().take(LONGEST as u64 + 1).read_until(b'\n', &mut self.line);
        if read.context("cannot read standard input")? == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if self.line.len() > LONGEST {
            bail!("line {} is longer than {LONGEST} bytes; give one key a line", self.number);
        }
        if self.is_hex {
            let number = self.number;
            unhex(&mut self.line)
                .with_context(|| format!("line {number} is not of pairs of hex digits; leave out --hex"))?;
        }
        Ok(Some(&self.line))
    }
}

impl<R: Read> Keys<BufReader<R>> {
    /// Whether reading on may wait for somebody to write.
    pub(super) fn may_wait(&self) -> bool {
        !self.input.buffer().contains(&b'\n')
    }
}

/// Takes the bytes for hex digits, blanks around them aside; none if they are something else.
fn unhex(text: &mut Vec<u8>) -> Option<()> {
    let digits = text.trim_ascii();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let bytes = digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?));
    *text = bytes.collect::<Option<_>>()?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8], is_hex: bool) -> Result<Vec<Vec<u8>>> {
        let mut keys = Keys::new(input, is_hex);
        let mut all = Vec::new();
        while let Some(key) = keys.next()? {
            all.push(key.to_owned());
        }
        Ok(all)
    }

    #[test]
    fn a_line_is_a_key_to_the_byte() {
        let keys = all(b"one\n\n t\xffo\r\nlast", false).expect("they are keys");
        assert_eq!(keys, [&b"one"[..], b"", b" t\xffo\r", b"last"]);
        assert!(all(b"", false).expect("there are none").is_empty());
    }

    #[test]
    fn a_line_of_hex_digits_is_the_bytes_that_they_name() {
        assert_eq!(all(b"00fF\r\n\n6b6579", true).expect("they are hex"), [&b"\0\xff"[..], b"", b"key"]);
        for wrong in ["0", "0g", "zz", "00 00", "+1"] {
            let refused = all(format!("00\n{wrong}\n").as_bytes(), true).expect_err(wrong);
            assert!(refused.to_string().starts_with("line 2 "), "{refused}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused_when_it_is_too_long_to_be_a_key() {
        let fits = vec![b'k'; LONGEST];
        assert_eq!(all(&fits, false).expect("it fits"), std::slice::from_ref(&fits));
        let refused = all(&vec![b'k'; LONGEST + 1], false).expect_err("it is too long");
        assert!(refused.to_string().contains("line 1 is longer"), "{refused}");
        let mut keys = Keys::new(BufReader::new(std::io::repeat(b'k')), false);
        assert!(keys.next().is_err());
        assert!(keys.line.capacity() < 4 * LONGEST, "what has no end is not kept");
    }
}
