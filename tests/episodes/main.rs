//! Owners of locks on a real cluster of etcd, and what becomes of them.
//!
//! Three servers and every contender stand in network namespaces of their own. This binary starts
//! itself as the contenders ([`contender`]): each campaigns for its lock, and while it owns writes
//! guarded entries to a log of the lock, under its epoch. Faults ([`fault`]) befall the owner of each
//! lock, several locks at a time, or one of the servers. What is judged ([`judge`]) is the log as the
//! cluster has it, in the order in which its entries were created, and what the contenders said.
//!
//! There are six kinds of episodes: the owner is stopped for two times to live, suspended, cut off
//! with its host, or killed; the server that leads is cut off, or another. `ENTOURAGE_LONG=1`
//! runs 300 episodes instead of 12. Where there is no root, no etcd or no C compiler they are ignored
//! and counted; `ENTOURAGE_REQUIRE=episodes` has them fail instead.

mod contender;
mod fault;
mod judge;
mod lane;
mod report;
mod stage;

use std::{env, process::ExitCode, time::Duration};

use entourage::core::{Clock, SystemClock};
use entourage_testkit::{
    ClockShim, Etcd, Network, Requirement, Rng,
    mimic::{self, Arguments, Trial},
};

use self::{fault::Fault, judge::Counts, stage::Stage};

/// How long an owner may be silent. etcd has whole seconds, and two of them at least.
const TTL: Duration = Duration::from_secs(2);
/// For what takes seconds on a quiet machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// Says to this binary that it is a contender.
const CONTENDER: &str = "ENTOURAGE_EPISODES_CONTENDER";

fn main() -> ExitCode {
    if let Ok(name) = env::var(CONTENDER) {
        contender::run(&name);
        return ExitCode::SUCCESS;
    }
    let mut rng = Rng::from_env();
    let mut on_a_cluster = |name: &str, body: fn(Rng)| {
        let rng = Rng::new(rng.next_u64());
        let available =
            Network::available().and_then(|()| Etcd::available()).and_then(|()| ClockShim::available());
        Requirement::from(available).trial("episodes", name, move || body(rng))
    };
    macro_rules! trial {
        ($name:ident) => {
            on_a_cluster(stringify!($name), $name)
        };
    }
    let mut trials = vec![
        trial!(e1_e2_a_former_owner_writes_nothing_whatever_became_of_it),
        trial!(e6_somebody_owns_whichever_server_is_cut_off),
    ];
    trials.extend(judge::tests::trials().into_iter().map(|(name, body)| {
        Trial::test(name, move || {
            body();
            Ok(())
        })
    }));
    mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// How often the faults of a trial are gone through, each time on a new cluster: twice each kind.
fn acts() -> u32 {
    if env::var_os("ENTOURAGE_LONG").is_some() { 25 } else { 1 }
}

/// Four locks at a time, each with a fault of its own: eight episodes an act.
fn e1_e2_a_former_owner_writes_nothing_whatever_became_of_it(mut rng: Rng) {
    let mut counts = Counts::default();
    let begun = SystemClock::new().now();
    for act in 1..=acts() {
        let mut stage = Stage::new(4, 2);
        for _ in 0..2 {
            stage.befall_owners(rng.shuffled(Fault::OF_OWNERS), &mut rng);
        }
        counts += stage.judge();
        progress("owners", act, &counts, begun);
    }
    // Every fault of an owner hands over; three of four leave it alive to write too late.
    let acts = u64::from(acts());
    counts.demand(8 * acts, 8 * acts, 6 * acts);
}

/// One server at a time, for all locks: four episodes an act.
fn e6_somebody_owns_whichever_server_is_cut_off(mut rng: Rng) {
    let mut counts = Counts::default();
    let begun = SystemClock::new().now();
    for act in 1..=acts() {
        let mut stage = Stage::new(2, 3);
        for fault in rng.shuffled([Fault::Leader, Fault::Leader, Fault::Follower, Fault::Follower]) {
            stage.befall_server(fault, &mut rng);
        }
        counts += stage.judge();
        progress("servers", act, &counts, begun);
    }
    // An owner may outlive them all.
    counts.demand(4 * u64::from(acts()), 0, 0);
}

fn progress(what: &str, act: u32, counts: &Counts, begun: entourage::core::Moment) {
    let seconds = SystemClock::new().now().since(begun).as_secs_f64();
    println!("{what}: act {act} of {}: {counts}, {seconds:.1} s", acts());
}

/// Random orders.
trait Shuffled {
    fn shuffled<T, const N: usize>(&mut self, items: [T; N]) -> [T; N];
}

impl Shuffled for Rng {
    /// Source: Fisher and Yates, as Durstenfeld's algorithm 235, CACM 7 (1964).
    fn shuffled<T, const N: usize>(&mut self, mut items: [T; N]) -> [T; N] {
        for place in (1..N as u64).rev() {
            items.swap(place as usize, self.between(0..place + 1) as usize);
        }
        items
    }
}
