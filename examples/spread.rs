//! Prints how evenly rings spread keys, and how much one server more moves.
//!
//! `cargo run --release --features sharding --example spread [-- SETS]`
//!
//! Shares are exact (of the 2^64 hashes, not of sampled keys); what varies is the
//! servers' names, `set-S-server-I` for many `S`.

use entourage::sharding::{ConsistentRing, Result, ShardId};

const POINTS_PER_WEIGHT: [u32; 2] = [160, 1_024];

fn main() -> Result<()> {
    let sets_of_names: u32 = std::env::args().nth(1).and_then(|sets| sets.parse().ok()).unwrap_or(2_000);
    println!("largest share over mean share, servers of equal weight");
    println!("points  servers   sets  median    p99  worst");
    for points in POINTS_PER_WEIGHT {
        for servers in [2, 5, 10, 32, 100] {
            let mut ratios = Vec::new();
            for set in 0..sets_of_names {
                let ring = ring(set, servers, points)?;
                let shares = (0..servers).map(|number| ring.share(ShardId::new(number)));
                ratios.push(shares.fold(0.0, f64::max) * f64::from(servers));
            }
            ratios.sort_by(f64::total_cmp);
            let (sets, last) = (ratios.len(), ratios.len() - 1);
            let (median, p99, worst) = (ratios[sets / 2], ratios[sets * 99 / 100], ratios[last]);
            println!("{points:>6} {servers:>8} {sets:>6} {median:>7.3} {p99:>6.3} {worst:>6.3}");
        }
    }

    println!();
    println!("keys moved by one server more, beyond 1/(n+1) of them");
    println!("points  n  sets   worst  sets beyond +5 %");
    for points in POINTS_PER_WEIGHT {
        for servers in [1, 2, 3, 4, 5, 8] {
            let (sets, mut beyond, mut worst) = (10 * sets_of_names, 0, 0.0_f64);
            for set in 0..sets {
                let ring = ring(set, servers + 1, points)?;
                let newcomer = ring.shard_of_server(&name(set, servers));
                let moved = newcomer.map_or(0.0, |shard| ring.share(shard));
                let slack = moved - 1.0 / f64::from(servers + 1);
                worst = worst.max(slack);
                beyond += u32::from(slack > 0.05);
            }
            let percent = 100.0 * f64::from(beyond) / f64::from(sets);
            println!("{points:>6} {servers:>2} {sets:>5} {:>6.1} % {percent:>8.3} %", 100.0 * worst);
        }
    }
    Ok(())
}

fn ring(set: u32, servers: u32, points: u32) -> Result<ConsistentRing> {
    (0..servers)
        .fold(ConsistentRing::builder(), |builder, number| builder.server(name(set, number), 1))
        .points_per_weight(points)
        .build()
}

fn name(set: u32, number: u32) -> String {
    format!("set-{set}-server-{number}")
}
