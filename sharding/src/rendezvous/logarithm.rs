//! A logarithm that every platform rounds alike.
//!
//! `ln` of a float is the platform's library, and libraries differ in the last bit: enough to
//! send a key to two servers. This one is integers: a table of 1,025 logarithms with 32 bits
//! after the point, rounded down, and a straight line between two of them.

const STEPS: usize = 1 << 10;

/// `floor(2³² × log2(1 + at / 1024))`.
static TABLE: [u64; STEPS + 1] = table();

const fn table() -> [u64; STEPS + 1] {
    let mut table = [0; STEPS + 1];
    let mut at = 0;
    while at < STEPS {
        // One bit for each squaring: a square of 2 or more says that the bit is set.
        let mut x = ((STEPS + at) as u128) << 52;
        let mut bit = 1 << 31;
        while bit > 0 {
            x = (x * x) >> 62;
            if x >> 63 == 1 {
                x >>= 1;
                table[at] |= bit;
            }
            bit >>= 1;
        }
        at += 1;
    }
    table[STEPS] = 1 << 32;
    table
}

/// `-log2(hash / 2⁶⁴)` with 48 bits after the point; 0 counts as 1.
///
/// From 1 to 2⁵⁴, and never more for a greater hash.
pub(super) const fn cost(hash: u64) -> u64 {
    let hash = if hash == 0 { 1 } else { hash };
    let zeros = hash.leading_zeros();
    // What follows the leading one, from the left.
    let part = hash << zeros << 1;
    let at = (part >> 54) as usize;
    let rest = (part & ((1 << 54) - 1)) >> 16;
    let line = ((TABLE[at + 1] - TABLE[at]) * rest) >> 22;
    ((zeros as u64 + 1) << 48) - (TABLE[at] << 16) - line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_exact() {
        for power in 0..64_u32 {
            assert_eq!(cost(1 << power), u64::from(64 - power) << 48, "2^{power}");
        }
        assert_eq!(cost(0), cost(1));
        assert!(cost(u64::MAX) >= 1);
    }

    #[test]
    fn the_logarithm_is_within_a_millionth() {
        let mut hash = 1_u64;
        for _ in 0..10_000 {
            hash = hash.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            for hash in [hash, u64::MAX - (hash >> 40), hash >> (hash % 60)] {
                let (ours, theirs) = (cost(hash) as f64 / 2_f64.powi(48), 64.0 - (hash.max(1) as f64).log2());
                assert!((ours - theirs).abs() < 1e-6, "{hash}: {ours} and not {theirs}");
            }
        }
    }

    #[test]
    fn a_greater_hash_never_costs_more() {
        // On both sides of each border of the table, where lines meet.
        for at in 0..1_u64 << 10 {
            let border = (1 << 63) | (at << 53);
            assert!(cost(border) >= cost(border + 1), "after border {at}");
            assert!(cost(border - 1) >= cost(border), "before border {at}");
            assert!(cost(border) > cost(border | (1 << 52)), "in the middle after border {at}");
        }
    }
}
