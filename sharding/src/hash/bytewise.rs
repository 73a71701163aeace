//! Hashes that take a key byte by byte, as C's `char`s.

use super::Chars;

const FNV_64_INIT: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_64_PRIME: u64 = 0x0100_0000_01b3;
const FNV_32_INIT: u32 = 0x811c_9dc5;
const FNV_32_PRIME: u32 = 0x0100_0193;

/// Bob Jenkins' one-at-a-time (Dr. Dobb's, September 1997).
pub(super) fn one_at_a_time(chars: Chars, key: &[u8]) -> u32 {
    let mixed = key.iter().fold(0_u32, |hash, &byte| {
        let hash = hash.wrapping_add(chars.widen(byte));
        let hash = hash.wrapping_add(hash << 10);
        hash ^ hash >> 6
    });
    let hash = mixed.wrapping_add(mixed << 3);
    let hash = hash ^ hash >> 11;
    hash.wrapping_add(hash << 15)
}

/// FNV-1 of 64 bits; the low 32 of them depend on no others.
pub(super) fn fnv1_64(chars: Chars, key: &[u8]) -> u32 {
    fnv1(chars, key, FNV_64_INIT as u32, FNV_64_PRIME as u32)
}

/// FNV-1a of 64 bits, of which the low 32 count.
pub(super) fn fnv1a_64(chars: Chars, key: &[u8]) -> u32 {
    fnv1a(chars, key, FNV_64_INIT as u32, FNV_64_PRIME as u32)
}

/// FNV-1 of 32 bits.
pub(super) fn fnv1_32(chars: Chars, key: &[u8]) -> u32 {
    fnv1(chars, key, FNV_32_INIT, FNV_32_PRIME)
}

/// FNV-1a of 32 bits.
pub(super) fn fnv1a_32(chars: Chars, key: &[u8]) -> u32 {
    fnv1a(chars, key, FNV_32_INIT, FNV_32_PRIME)
}

fn fnv1(chars: Chars, key: &[u8], init: u32, prime: u32) -> u32 {
    key.iter().fold(init, |hash, &byte| hash.wrapping_mul(prime) ^ chars.widen(byte))
}

fn fnv1a(chars: Chars, key: &[u8], init: u32, prime: u32) -> u32 {
    key.iter().fold(init, |hash, &byte| (hash ^ chars.widen(byte)).wrapping_mul(prime))
}

/// Paul Hsieh's SuperFastHash. Of three bytes that are left over, the last is a `char`; all
/// others are unsigned.
pub(super) fn hsieh(chars: Chars, key: &[u8]) -> u32 {
    let pair = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]));
    let (blocks, rest) = key.as_chunks::<4>();
    let mut hash = 0_u32;
    for &[a, b, c, d] in blocks {
        hash = hash.wrapping_add(pair(a, b));
        hash = hash << 16 ^ pair(c, d) << 11 ^ hash;
        hash = hash.wrapping_add(hash >> 11);
    }
    match *rest {
        [a, b, c] => {
            hash = hash.wrapping_add(pair(a, b));
            hash ^= hash << 16 ^ chars.widen(c) << 18;
            hash = hash.wrapping_add(hash >> 11);
        }
        [a, b] => {
            hash = hash.wrapping_add(pair(a, b));
            hash ^= hash << 11;
            hash = hash.wrapping_add(hash >> 17);
        }
        [a] => {
            hash = hash.wrapping_add(u32::from(a));
            hash ^= hash << 10;
            hash = hash.wrapping_add(hash >> 1);
        }
        _ => {}
    }
    hash ^= hash << 3;
    hash = hash.wrapping_add(hash >> 5);
    hash ^= hash << 4;
    hash = hash.wrapping_add(hash >> 17);
    hash ^= hash << 25;
    hash.wrapping_add(hash >> 6)
}
