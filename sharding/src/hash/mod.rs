mod bytewise;
mod chars;
mod crc;
mod key_hash;
mod lookup3;
mod md5;
mod murmur;

pub(crate) use self::md5::words as md5_words;
pub use self::{chars::Chars, key_hash::KeyHash};
