//! What a word is, and the words of one page.
//!
//! A word is a maximal run of alphabetic characters (Unicode's property `Alphabetic`),
//! lower-cased as `str::to_lowercase` does. A run of more than [`MAX_CHARS`] is not a word.

/// The longest word, in characters.
pub const MAX_CHARS: usize = 256;

/// Bytes of a page that must be read beyond its end, so that a word that begins on its last
/// byte is seen whole, or seen to be none: one character too many, of four bytes each.
pub const BEYOND: usize = (MAX_CHARS + 1) * 4;

/// Bytes that must be read before a page: the longest character.
pub const BEFORE: usize = 4;

/// The bytes of a page are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8;

/// What the words of a page are handed to.
pub trait Sink {
    /// A word that begins in the page.
    fn word(&mut self, word: &str);
    /// A run that begins in the page, `at` bytes from the window's start, and is no word.
    fn overlong(&mut self, at: usize);
}

/// Hands every word that begins in `window[begin..end]` to `sink`.
///
/// The window holds up to [`BEFORE`] bytes before the page and up to [`BEYOND`] after it, so a
/// word that a page's end cuts belongs to the page where it starts, whole.
///
/// # Errors
/// [`NotUtf8`] when a character that begins in the page, or that reaches into it, is none.
/// Nothing was handed over then.
pub fn of_page(window: &[u8], begin: usize, end: usize, sink: &mut impl Sink) -> Result<(), NotUtf8> {
    // The page's first character is the first one that begins in it. The one before is read
    // too: it may reach into the page, and it tells whether the page begins inside a run.
    let before = boundary_before(window, begin)?;
    let last = boundary_at(window, end);
    let checked = std::str::from_utf8(&window[before..last]).map_err(|_| NotUtf8)?;
    let first = before + checked.chars().next().filter(|_| before < begin).map_or(0, char::len_utf8);
    // Beyond the page only as much counts as is sound; what is not is the next page's to report.
    let text = match std::str::from_utf8(&window[before..]) {
        Ok(text) => text,
        Err(error) => {
            std::str::from_utf8(&window[before..before + error.valid_up_to()]).map_err(|_| NotUtf8)?
        }
    };
    let inside_a_run = before < first && checked.chars().next().is_some_and(char::is_alphabetic);
    let mut at = first - before;
    if inside_a_run {
        at += run_length(&text[at..]);
    }
    each_word(text, at, last - before, before, sink);
    Ok(())
}

/// Hands over the runs that begin in `text[at..stop]`.
fn each_word(text: &str, mut at: usize, stop: usize, offset: usize, sink: &mut impl Sink) {
    let bytes = text.as_bytes();
    let mut lower = [0_u8; MAX_CHARS];
    while at < stop {
        let begin = at;
        let mut length = 0;
        // A run of ASCII letters: nearly all of most text.
        while let Some(&letter) =
            bytes.get(at).and_then(|byte| ASCII.get(usize::from(*byte))).filter(|l| **l != 0)
        {
            if let Some(place) = lower.get_mut(length) {
                *place = letter;
            }
            length += 1;
            at += 1;
        }
        if bytes.get(at).is_none_or(u8::is_ascii) {
            match length {
                0 => {}
                1..=MAX_CHARS => sink.word(ascii(&lower[..length])),
                _ => sink.overlong(begin + offset),
            }
            at += 1;
            continue;
        }
        let run = run_length(&text[begin..]);
        if run == 0 {
            at = begin + text[begin..].chars().next().map_or(1, char::len_utf8);
            continue;
        }
        let run = &text[begin..begin + run];
        if run.chars().nth(MAX_CHARS).is_some() {
            sink.overlong(begin + offset);
        } else {
            sink.word(&run.to_lowercase());
        }
        at = begin + run.len();
    }
}

/// Bytes of the alphabetic characters at the start of `text`.
fn run_length(text: &str) -> usize {
    text.char_indices().find(|(_, c)| !c.is_alphabetic()).map_or(text.len(), |(end, _)| end)
}

/// The lower-case letter of each ASCII letter, 0 for all else.
const ASCII: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphabetic() {
            table[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

fn ascii(letters: &[u8]) -> &str {
    std::str::from_utf8(letters).expect("the table holds ASCII letters alone")
}

/// Where the character before `place` begins; `place` itself at the start of the file.
fn boundary_before(window: &[u8], place: usize) -> Result<usize, NotUtf8> {
    let lowest = place.saturating_sub(BEFORE);
    if lowest == place {
        return Ok(place);
    }
    (lowest..place).rev().find(|&at| !is_continuation(window[at])).ok_or(NotUtf8)
}

/// The first character boundary at or after `place`; at most three bytes on, or there is none.
fn boundary_at(window: &[u8], place: usize) -> usize {
    (place..window.len()).find(|&at| !is_continuation(window[at])).unwrap_or(window.len()).min(place + 3)
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

#[cfg(test)]
mod tests {
    use super::{BEFORE, BEYOND, NotUtf8, Sink, of_page};

    #[derive(Debug, Default, PartialEq)]
    struct Heard {
        words: Vec<String>,
        overlong: usize,
    }

    impl Sink for Heard {
        fn word(&mut self, word: &str) {
            self.words.push(word.into());
        }

        fn overlong(&mut self, _: usize) {
            self.overlong += 1;
        }
    }

    /// Reads `text` in pages of `size` bytes, as the program does.
    fn paged(text: &[u8], size: usize) -> Result<Heard, NotUtf8> {
        let mut heard = Heard::default();
        for begin in (0..text.len()).step_by(size) {
            let end = (begin + size).min(text.len());
            let from = begin.saturating_sub(BEFORE);
            let window = &text[from..(end + BEYOND).min(text.len())];
            of_page(window, begin - from, end - from, &mut heard)?;
        }
        Ok(heard)
    }

    fn plainly(text: &str) -> Heard {
        let runs = text.split(|c: char| !c.is_alphabetic()).filter(|run| !run.is_empty());
        let (long, words): (Vec<_>, Vec<_>) = runs.partition(|run| run.chars().count() > 256);
        Heard { words: words.iter().map(|word| word.to_lowercase()).collect(), overlong: long.len() }
    }

    #[test]
    fn no_page_size_changes_a_word() {
        let long = "x".repeat(256);
        let longer = format!("{}é", "y".repeat(256));
        let text = format!(
            "Don't STOP — Ünïcödé ΟΔΟΣ straße 漢字かな a1b2 {long} {longer} 😀end İx {}",
            "ß".repeat(300)
        );
        for size in 1..80 {
            assert_eq!(paged(text.as_bytes(), size), Ok(plainly(&text)), "pages of {size}");
        }
        assert_eq!(paged(text.as_bytes(), 4096), Ok(plainly(&text)));
    }

    #[test]
    fn a_run_without_end_is_one_that_is_no_word() {
        let text = "z".repeat(10_000);
        for size in [1, 7, 256, 1000, 20_000] {
            assert_eq!(paged(text.as_bytes(), size), Ok(Heard { words: vec![], overlong: 1 }));
        }
    }

    #[test]
    fn no_page_size_hides_a_byte_that_is_not_utf8() {
        let broken: [&[u8]; 7] = [
            b"\x80",
            b"abc\x80\x80",
            b"\xc3",
            b"ab\xe2\x82",
            b"\xf0\x9f\x98\x80\x80x",
            b"\xed\xa0\x80",
            b"ok \xff ok",
        ];
        for text in broken {
            for size in 1..=text.len() {
                assert_eq!(paged(text, size), Err(NotUtf8), "{text:?} in pages of {size}");
            }
        }
    }
}
