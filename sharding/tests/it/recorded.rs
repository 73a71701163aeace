//! What `scripts/vectors` wrote down: the keys and how places are told.

use std::{fs, path::Path};

use entourage_sharding::ShardId;
use md5::{Digest, Md5};

const DIGITS: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The rows of a file in `test-data/`, or of that absolute path, in columns.
pub(crate) fn rows(file: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-data").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().filter(|line| !line.starts_with("# "));
    lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// A key by its number, of four kinds; the script makes the same.
pub(crate) fn made(number: u64) -> Vec<u8> {
    let byte = |at: u64| {
        let mixed =
            number.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(at.wrapping_mul(0xBF58_476D_1CE4_E5B9));
        ((mixed ^ (mixed >> 31)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 56) as u8
    };
    match number % 4 {
        0 => format!("user:{number}").into_bytes(),
        1 => format!("schlüssel:{number}:東京").into_bytes(),
        2 => (0..1 + number / 4 % 40).map(byte).collect(),
        _ => format!("cart:{{user-{}}}:{number}", number % 500).into_bytes(),
    }
}

/// The digit of the server that stands here.
pub(crate) fn digit(at: usize) -> char {
    char::from(DIGITS.as_bytes()[at])
}

/// How many places there are, and their MD5.
pub(crate) fn digest(places: &str) -> String {
    let digest: String = Md5::digest(places).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}:{digest}", places.len())
}

/// `name=weight`, separated by blanks.
pub(crate) fn servers(column: &str) -> Vec<(String, u32)> {
    let one = |word: &str| {
        let (name, weight) = word.rsplit_once('=').expect("name=weight");
        (name.to_owned(), weight.parse().expect("a weight"))
    };
    column.split(' ').map(one).collect()
}

/// The digit of the server of this name in the order of the file.
pub(crate) fn digit_of(servers: &[(String, u32)], name: &str) -> char {
    digit(servers.iter().position(|(known, _)| known == name).expect("a server of the row"))
}

/// The shards as digits: they are numbered as the file has the servers.
pub(crate) fn digits(shards: &[ShardId]) -> String {
    shards.iter().map(|shard| digit(shard.index())).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(byte).collect()
}
