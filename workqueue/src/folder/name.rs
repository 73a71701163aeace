//! The name of an item's folder.

use entourage_queue::ItemId;

use crate::digest::{base32, sha256};

/// How much of an id can be read in the name.
const READABLE: usize = 40;

/// A name for the folder of `id`: what can be read of it, and 160 bits of its SHA-256.
///
/// Letters, digits, `-` and `_` are kept: no id makes a path, a hidden file or an option.
pub(super) fn of(id: &ItemId) -> String {
    let readable = |letter: char| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => letter,
        _ => '_',
    };
    let text: String = id.as_str().chars().take(READABLE).map(readable).collect();
    format!("i-{text}-{}", base32(&sha256(id.as_str().as_bytes()), 32))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn no_id_is_a_path_and_none_is_anothers() {
        let long = "x".repeat(4096);
        let ids = ["", ".", "..", "../../etc", "a/b", "a_b", "a%2fb", "-rf", "a\0b", "é", "e\u{301}", &long];
        let names: std::collections::BTreeSet<_> = ids.iter().map(|id| of(&(*id).into())).collect();
        assert_eq!(names.len(), ids.len());
        for name in names {
            assert!(name.len() <= 80 && name.starts_with("i-"), "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{name}");
        }
    }
}
