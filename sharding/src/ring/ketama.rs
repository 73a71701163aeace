//! The points of ketama, as two programs compute how many there are.

use entourage_core::planted;

use super::{
    decimal::Suffix,
    points::{Points, widen},
};
use crate::{Result, Server, hash::md5_words, roster::Roster};

/// How many MD5s of four points each a server of the mean weight has.
const MD5S: f32 = 40.0;

/// The arithmetic by which a weight becomes a number of MD5s. The last bit of it moves keys.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rounding {
    /// In `float`, and a little is added in `double`, which then gets lost.
    Twemproxy,
    /// In `double`, and `float` only before it is rounded down.
    Libketama,
}

impl Rounding {
    /// The MD5s of a server that has this part of all weights among so many servers.
    fn md5s(self, part: f32, servers: usize) -> u32 {
        let servers = servers as f32;
        let md5s = match self {
            Self::Libketama if !planted("libketama-rounds-as-twemproxy") => {
                (f64::from(part) * f64::from(MD5S) * f64::from(servers)) as f32
            }
            Self::Libketama | Self::Twemproxy => {
                (f64::from(part * (4.0 * MD5S) / 4.0 * servers) + 1e-10) as f32
            }
        };
        md5s.floor() as u32
    }
}

/// All points of these servers. A light one among heavy ones may have none.
pub(super) fn points(roster: &Roster, rounding: Rounding) -> Result<Points> {
    let (servers, weight) = (roster.servers(), roster.weight() as f32);
    let md5s = |server: &Server| rounding.md5s(server.weight() as f32 / weight, servers.len());
    let mut points = Points::with_room_for(servers.iter().map(|server| 4 * u128::from(md5s(server))).sum())?;
    for (server, number) in servers.iter().zip(0..) {
        let mut text = Suffix::new(server.name());
        for _ in 0..md5s(server) {
            for word in md5_words(text.bytes()) {
                points.push(widen(word), number);
            }
            text.advance();
        }
    }
    Ok(points)
}
