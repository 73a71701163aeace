//! The name of an item's folder.

use entourage_queue::ItemId;
use xxhash_rust::xxh3::xxh3_128;

/// How much of an id can be read in the name.
const READABLE: usize = 40;

/// A name for the folder of `id`: what can be read of it, and a hash of all of it.
///
/// Letters, digits, `-` and `_` are kept: no id makes a path, a hidden file or an option. Two
/// ids of one hash share a name; the folder knows whose it is and is not taken for the other's.
pub(super) fn of(id: &ItemId) -> String {
    let readable = |letter: char| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => letter,
        _ => '_',
    };
    let text: String = id.as_str().chars().take(READABLE).map(readable).collect();
    format!("i-{text}-{:032x}", xxh3_128(id.as_str().as_bytes()))
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
