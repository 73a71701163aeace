/// Bits 16 to 30 of the CRC-32: libmemcached's `crc`, and Cache::Memcached's.
pub(super) fn crc32(key: &[u8]) -> u32 {
    (crc32fast::hash(key) >> 16) & 0x7fff
}

/// The table of CRC-16/XMODEM over an accumulator of 32 bits that is never cut: what is shifted
/// out of the low 16 stays in the result.
pub(super) fn crc16(key: &[u8]) -> u32 {
    key.iter().fold(0, |crc: u32, &byte| (crc << 8) ^ u32::from(XMODEM[usize::from((crc >> 8) as u8 ^ byte)]))
}

const XMODEM: [u16; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};
