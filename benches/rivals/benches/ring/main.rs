//! Our ring against Pingora's: where a key of 17 bytes goes, hashing included, and building.
//!
//! `scripts/bench --only rivals/ring`
//!
//! Nothing here waits, so what is measured is processor time. In each round another contender
//! begins, and a ratio is the median of the rounds' ratios.

mod contenders;

use std::hint::black_box;

use entourage_rivals::{Asked, Stopwatch, judge, median};

use crate::contenders::{Contenders, Ring};

const ROUNDS: usize = 9;
const KEYS: usize = 1 << 14;

/// Keys of 17 bytes, too many of them for a processor to learn the way of each.
fn keys() -> Vec<[u8; 17]> {
    let key = |number: u64| {
        let text = format!("user:{:012}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 1_000_000_000_000);
        text.into_bytes().try_into().expect("five bytes and twelve digits")
    };
    (0..KEYS as u64).map(key).collect()
}

/// What one round of one row took: nanoseconds of processor time for one.
struct Row<'a> {
    name: &'static str,
    once: Box<dyn Fn() -> usize + 'a>,
    rounds: Vec<f64>,
}

impl<'a> Row<'a> {
    /// `once` does something and says how often.
    fn new(name: &'static str, once: impl Fn() -> usize + 'a) -> Self {
        Self { name, once: Box::new(once), rounds: Vec::new() }
    }

    fn round(&mut self, asked: &Asked) {
        let watch = Stopwatch::start();
        let mut done = 0;
        while watch.within(asked.turn / 4) {
            done += (self.once)();
        }
        self.rounds.push(watch.figure(done).cpu * 1e9);
    }

    fn median(&self) -> f64 {
        median(self.rounds.iter().copied())
    }

    /// How many times the other's time it takes.
    fn times(&self, other: &Self) -> f64 {
        median(self.rounds.iter().zip(&other.rounds).map(|(own, other)| own / other))
    }
}

/// All keys once, and how many they are.
fn all<T>(keys: &[[u8; 17]], place: impl Fn(&[u8]) -> T) -> usize {
    for key in keys {
        black_box(place(black_box(key)));
    }
    keys.len()
}

fn main() {
    let asked = Asked::new();
    let keys = keys();
    let (ten, hundred) = (Contenders::new(10), Contenders::new(100));
    let mut rows = [
        Row::new("look-up, 10 x 160: ours", || all(&keys, |key| ten.ours(key))),
        Row::new("look-up, 10 x 160: pingora-ketama", || all(&keys, |key| ten.pingora(key))),
        Row::new("look-up, 100 x 160: ours", || all(&keys, |key| hundred.ours(key))),
        Row::new("look-up, 100 x 160: pingora-ketama", || all(&keys, |key| hundred.pingora(key))),
        Row::new("look-up, 10: Modulo", || all(&keys, |key| ten.modulo(key))),
        Row::new("look-up, 10 in 65,537: Maglev", || all(&keys, |key| ten.maglev(key))),
        Row::new("look-up, 10 x 160: ours, as nginx (crc32)", || all(&keys, |key| ten.as_nginx(key))),
        Row::new("look-up, 10 x 160: ours, as twemproxy (fnv1a_64)", || all(&keys, |key| ten.as_twemproxy(key))),
        Row::new("build, 10 x 160: ours", || Ring::ours(10)),
        Row::new("build, 10 x 160: pingora-ketama", || Ring::pingora(10)),
        Row::new("build, 100 x 160: ours", || Ring::ours(100)),
        Row::new("build, 100 x 160: pingora-ketama", || Ring::pingora(100)),
    ];
    // The first round is not counted: caches are cold yet.
    for round in 0..=ROUNDS {
        for nth in 0..rows.len() {
            let row = (round + nth) % rows.len();
            rows[row].round(&asked);
        }
        if round == 0 {
            rows.iter_mut().for_each(|row| row.rounds.clear());
        }
    }
    println!("processor nanoseconds of one; medians of {ROUNDS} alternating rounds");
    for row in &rows {
        println!("{:60}{:>14.1}", row.name, row.median());
    }
    let ratio = |what: &str, own: usize, other: usize, bar: f64| {
        let times = rows[own].times(&rows[other]);
        judge(what, format!("{times:.2}"), format!("at most {bar}"), times <= bar);
    };
    ratio("look-up, 10 x 160: of pingora-ketama's time (goal 0.3)", 0, 1, 0.4);
    ratio("look-up, 100 x 160: of that over 10 x 160", 2, 0, 3.0);
    ratio("build, 10 x 160: of pingora-ketama's time", 8, 9, 4.0);
    ratio("build, 100 x 160: of pingora-ketama's time", 10, 11, 4.0);
    ratio("look-up, Maglev of 65,537: of Modulo's time", 5, 4, 2.5);
}
