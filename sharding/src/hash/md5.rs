use md5::{Digest, Md5};

/// The MD5 (RFC 1321) as four words, the low byte of each first. Nothing secret hangs on it.
pub(crate) fn words(bytes: &[u8]) -> [u32; 4] {
    let digest = Md5::digest(bytes);
    let (words, _) = digest.as_slice().as_chunks::<4>();
    std::array::from_fn(|word| u32::from_le_bytes(words[word]))
}
