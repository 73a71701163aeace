//! The book's game world of chapter 6: who is near each other plays on one server, and where you
//! stand is the key.
//!
//! ```text
//! cargo run --release --features full --example game-world
//! ```
//!
//! The map is cut into squares (`key::Grid`), and a consistent ring gives each square to one of
//! six zone servers. First the players are everywhere. Then there is a fair, and `ShardLoad` and
//! `HeavyKeys` say which server is hot and which square makes it so; smaller squares spread it.
//! At last a server dies: `Placement` with `Health` gives its squares, and no others, to the next
//! on the ring, and it gets the very same back. A report from before its death changes nothing.
//!
//! Nothing here reads a clock, a file or the network: a seed is a story. Each claim is checked; one
//! that is false is printed as BROKEN and ends the program with status 1.

#![expect(unreachable_pub, reason = "an example's modules are read like a crate's")]

mod hour;
mod map;
mod rng;
mod world;
mod zones;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::{hour::Hour, map::Map, world::World, zones::Zones};

/// Of all that happens, so much in one square makes it hot.
const HOT: f64 = 0.2;

/// Runs a game world on six servers through a fair and the death of a server, and draws the maps.
///
/// Exit status: 0 only what had to move moved, and the hot square was found, 1 it was not so.
#[derive(Clone, Debug, Parser)]
#[command(name = "game-world", version)]
struct Options {
    /// How many play
    #[arg(long, value_name = "N", default_value_t = 2_000, env = "ENTOURAGE_GAME_PLAYERS",
          value_parser = clap::value_parser!(u32).range(100..=100_000))]
    players: u32,
    /// The side of a square, in metres; the world has 640 by 320
    #[arg(long, value_name = "METRES", default_value_t = 40, env = "ENTOURAGE_GAME_SQUARE",
          value_parser = clap::value_parser!(u32).range(20..=80))]
    square: u32,
    /// How many in a hundred come to the fair
    #[arg(long, value_name = "PERCENT", default_value_t = 60, env = "ENTOURAGE_GAME_CROWD",
          value_parser = clap::value_parser!(u32).range(50..=90))]
    crowd: u32,
    /// Another course of chance
    #[arg(long, value_name = "N", default_value_t = 1, env = "ENTOURAGE_GAME_SEED")]
    seed: u64,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(told) => {
            print!("{}", told.text);
            told.faults.iter().for_each(|fault| println!("BROKEN: {fault}"));
            if told.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("game-world: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The story, and what of it should have been otherwise.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    text: String,
    faults: Vec<&'static str>,
}

impl Told {
    fn say(&mut self, text: impl AsRef<str>) {
        self.text.push_str(text.as_ref());
        self.text.push('\n');
    }

    fn check(&mut self, holds: bool, fault: &'static str) {
        self.faults.extend((!holds).then_some(fault));
    }
}

fn run(options: &Options) -> Result<Told> {
    let mut told = Told::default();
    let mut world = World::new(usize::try_from(options.players)?, options.seed);
    let side = f64::from(options.square);
    let mut zones = Zones::new(side)?;
    let before = Map::of(&zones)?;
    told.say(format!(
        "Who runs which squares of {} m; * is the town:\n{}",
        options.square,
        before.draw(Zones::town(side), None)
    ));

    let quiet = Hour::pass(&mut world, &zones, true)?;
    told.say(format!("An hour with {} players everywhere:\n{}", options.players, quiet.picture(&zones)?));
    told.check(quiet.hot(HOT).is_none(), "a square is hot while nobody gathers");

    fair(options, &mut world, &zones, &mut told)?;
    death(side, &mut world, &mut zones, &before, &mut told)?;
    Ok(told)
}

/// A crowd in one square, and what smaller squares would do for it.
fn fair(options: &Options, world: &mut World, zones: &Zones, told: &mut Told) -> Result<()> {
    let side = f64::from(options.square);
    let come = world.gather(f64::from(options.crowd) / 100.0, Zones::town(side), 0.45 * side);
    let fair = Hour::pass(world, zones, false)?;
    told.say(format!("An hour with {come} of them at the fair:\n{}", fair.picture(zones)?));
    let hot = fair.hot(HOT);
    told.check(hot.is_some(), "the fair's square is not found");
    let runs = hot.map(|square| zones.server(&square.key)).transpose()?;
    told.check(runs == fair.load.busiest(), "the hot square is not of the busiest server");

    told.say("The same fair, had the squares been smaller; a pair is two players that meet:");
    told.say("  square   the busiest has   pairs on two servers");
    for part in [1_u32, 2, 4, 8] {
        let smaller_side = side / f64::from(part);
        let smaller = Zones::new(smaller_side)?;
        let hour = Hour::pass(world, &smaller, false)?;
        let apart = 100.0 * apart(world, &smaller)?;
        told.say(format!("  {smaller_side:>4} m  {:>8.2} × mean   {apart:>10.0} %", hour.unevenness()));
        if part == 8 {
            told.check(hour.unevenness() < fair.unevenness(), "smaller squares do not spread the crowd");
        }
    }
    told.say("");
    Ok(())
}

/// Which part of those who stand 5 m from each other are on two servers: what smaller squares cost.
fn apart(world: &World, zones: &Zones) -> Result<f64> {
    let mut apart = 0_u32;
    for player in &world.players {
        let mut beside = *player;
        beside.x += 5.0;
        apart += u32::from(zones.server_at(*player)? != zones.server_at(beside)?);
    }
    Ok(f64::from(apart) / world.players.len() as f64)
}

/// The busiest server dies in the middle of the fair, and comes back.
fn death(side: f64, world: &mut World, zones: &mut Zones, before: &Map, told: &mut Told) -> Result<()> {
    let busy = Hour::pass(world, zones, false)?;
    let Some(dead) = busy.load.busiest() else { return Ok(()) };
    let name = zones.name(dead).to_owned();
    let late = zones.health.generation();
    zones.health.mark_down(dead);
    let during = Map::of(zones)?;
    let (moved, all_its) = during.moved(before, dead);
    told.say(format!(
        "{name} dies. Who runs its squares now; what stays is a dot:\n{}",
        during.draw(Zones::town(side), Some(before))
    ));
    let hour = Hour::pass(world, zones, false)?;
    told.say(format!("An hour without {name}:\n{}", hour.picture(zones)?));
    told.check(moved > 0 && all_its, "squares of a server that lives have moved");
    told.check(hour.of(dead) == 0, "a server that is down is asked");

    let is_believed = zones.health.observe(dead, true, late);
    told.check(!is_believed, "a report from before its death brings a server back");
    let is_back = zones.health.observe(dead, true, zones.health.generation());
    let after = Map::of(zones)?;
    told.check(is_back && after == *before, "a server that is back has other squares");
    let others = after.moved(&during, dead).0;
    told.say(format!(
        "A report that {name} is up, from before it died, is not believed. A new one is:\n\
         {others} spots of the map go back to {name}, and the map is what it was.\n\
         No other spot moved, either time."
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Options, run};

    #[test]
    fn every_claim_holds_with_many_seeds_and_squares() {
        for (seed, square) in (1..=8).zip([20, 40, 80, 33, 50, 27, 64, 40]) {
            let options = Options { players: 500, square, crowd: 60, seed };
            let told = run(&options).unwrap();
            assert!(told.faults.is_empty(), "{seed} {square} {:?}\n{}", told.faults, told.text);
        }
    }

    #[test]
    fn a_seed_is_a_story() {
        let options = Options::parse_from(["game-world", "--players", "200"]);
        assert_eq!(run(&options).unwrap(), run(&options).unwrap());
        let other = Options { seed: 2, ..options };
        assert_ne!(run(&other).unwrap(), run(&options).unwrap());
    }

    #[test]
    fn no_line_has_eighty_columns_or_more() {
        let told = run(&Options::parse_from(["game-world"])).unwrap();
        let wide: Vec<_> = told.text.lines().filter(|line| line.chars().count() >= 80).collect();
        assert!(wide.is_empty(), "{wide:#?}");
    }
}
