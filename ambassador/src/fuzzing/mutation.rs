//! Bytes that are nearly those of a corpus.

use entourage_testkit::Rng;

/// The most bytes of a mutation: enough for what is at fault, and quickly looked at.
const LONGEST: usize = 3_072;

/// What is put in.
const PIECES: [&[u8]; 72] = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"  ",
    b"\t",
    b"\0",
    b"\"",
    b"'",
    b"\\x4",
    b"\xff",
    b"\xc3\xbc",
    b"*",
    b"$",
    b":",
    b"+",
    b"-",
    b"*0\r\n",
    b"*-1\r\n",
    b"*1\r\n",
    b"*2\r\n",
    b"*3\r\n",
    b"$-1\r\n",
    b"$0\r\n\r\n",
    b"$1\r\n0\r\n",
    b"$1\r\n1\r\n",
    b"$2\r\nk1\r\n",
    b"$3\r\nGET\r\n",
    b"$4\r\nMGET\r\n",
    b"$4\r\nEVAL\r\n",
    b"$4\r\nsort\r\n",
    b"$5\r\nXREAD\r\n",
    b"$7\r\nSTREAMS\r\n",
    b"$5\r\nSTORE\r\n",
    b"$6\r\nCLIENT\r\n",
    b":0\r\n",
    b":1\r\n",
    b":9223372036854775807\r\n",
    b"+OK\r\n",
    b"-ERR x\r\n",
    b"2147483648",
    b"4294967296",
    b"9223372036854775807",
    b"18446744073709551616",
    b"0",
    b"1",
    b"7",
    b"01",
    b"+1",
    b"-0",
    b"get ",
    b"set ",
    b" noreply",
    b" q",
    b"k",
    b"mg ",
    b"ms ",
    b"VALUE k 0 1\r\nv\r\n",
    b"VALUE k 0 1 5\r\nv\r\n",
    b"END\r\n",
    b"VA 1 f0\r\nv\r\n",
    b"HD\r\n",
    b"EN\r\n",
    b"STORED\r\n",
    b"SERVER_ERROR x\r\n",
    b"- ",
    b"|",
    b"&",
    b"!",
    b"#",
    b": ",
    b"  servers:\n",
];

/// One of the seeds, changed in one to six places.
pub(super) fn mutate(rng: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = pick(rng, seeds).clone();
    for _ in 0..rng.between(1..7) {
        let at = below(rng, bytes.len() + 1);
        let until = at + below(rng, (bytes.len() - at).min(32) + 1);
        match rng.between(0..9) {
            0 => drop(bytes.drain(at..until)),
            1 => bytes.truncate(at),
            2 | 3 => drop(bytes.splice(at..at, pick(rng, &PIECES).iter().copied())),
            4 => drop(bytes.splice(at..until, pick(rng, &PIECES).iter().copied())),
            5 => {
                let again = bytes[at..until].repeat(1 + below(rng, 3));
                drop(bytes.splice(at..at, again));
            }
            6 => {
                let other = pick(rng, seeds);
                let from = below(rng, other.len() + 1);
                drop(bytes.splice(at..until, other[from..].iter().copied()));
            }
            7 => bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << rng.between(0..8)),
            _ => bytes.get_mut(at).into_iter().for_each(|byte| *byte = rng.next_u64() as u8),
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

fn below(rng: &mut Rng, count: usize) -> usize {
    usize::try_from(rng.between(0..count as u64)).expect("it is below a usize")
}

fn pick<'a, T>(rng: &mut Rng, of: &'a [T]) -> &'a T {
    &of[below(rng, of.len())]
}
