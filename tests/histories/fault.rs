//! What befalls those who work and publish.

use std::time::Duration;

use entourage::core::{Clock, SystemClock};
use entourage_testkit::{Redis, Rng, let_pass};

use crate::{crew::Crew, event::What};

/// What befalls somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A worker is killed.
    Worker(When),
    /// A producer is killed.
    Producer(When),
    /// A worker stands still for longer than its lease.
    Zombie(When),
    /// The server is killed and started again; without one, everything that has the file open.
    Restart,
}

/// The moment that a fault waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// The sink has heard this word, and has not answered.
    Said(&'static str),
    /// The sink has answered this word, a moment ago.
    After(&'static str),
    /// Any.
    Now,
}

impl When {
    const OF_WORKERS: [Self; 7] = [
        Self::Said("start"),
        Self::After("start"),
        Self::Said("effect"),
        Self::After("effect"),
        Self::Said("effect"),
        Self::Said("ack"),
        Self::Now,
    ];
    const OF_PRODUCERS: [Self; 4] = [Self::Said("next"), Self::After("next"), Self::Said("enq"), Self::Now];
    /// Only who is held back can be sure to be a zombie.
    const OF_ZOMBIES: [Self; 2] = [Self::Said("start"), Self::Said("effect")];
}

/// How many of which faults.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    pub(crate) workers: usize,
    pub(crate) producers: usize,
    pub(crate) zombies: usize,
    pub(crate) restarts: usize,
}

impl Faults {
    /// All of them, in a random order.
    pub(crate) fn shuffled(self, rng: &mut Rng) -> Vec<Fault> {
        let workers = When::OF_WORKERS.into_iter().cycle().map(Fault::Worker).take(self.workers);
        let producers = When::OF_PRODUCERS.into_iter().cycle().map(Fault::Producer).take(self.producers);
        let zombies = When::OF_ZOMBIES.into_iter().cycle().map(Fault::Zombie).take(self.zombies);
        let restarts = std::iter::repeat_n(Fault::Restart, self.restarts);
        let mut all: Vec<_> = workers.chain(producers).chain(zombies).chain(restarts).collect();
        // Source: Fisher and Yates, as Durstenfeld's algorithm 235, CACM 7 (1964).
        for place in (1..all.len()).rev() {
            all.swap(place, rng.between(0..place as u64 + 1) as usize);
        }
        all
    }
}

impl Fault {
    /// Lets it happen, while producers go on up to `credit`.
    pub(crate) fn befall(self, crew: &mut Crew, credit: u64, redis: Option<&mut Redis>, rng: &mut Rng) {
        match self {
            Self::Worker(when) => {
                if let Some(at) = caught(crew, credit, when, true, rng) {
                    crew.kill(at);
                }
            }
            Self::Producer(when) => {
                if let Some(at) = caught(crew, credit, when, false, rng) {
                    crew.kill(at);
                }
            }
            Self::Zombie(when) => {
                wait_for_zombies(crew, 1);
                if let Some(at) = caught(crew, credit, when, true, rng) {
                    crew.pause(at);
                }
            }
            Self::Restart => {
                // It would end them before they have shown what they do.
                wait_for_zombies(crew, 0);
                crew.sink.set_credit(credit);
                let_pass(rng.shorter_than(Duration::from_millis(20)));
                restart(crew, redis, rng);
            }
        }
    }
}

/// Waits until no more than so many stand still.
fn wait_for_zombies(crew: &mut Crew, most: usize) {
    while crew.members.iter().filter(|member| member.is_paused()).count() > most {
        crew.tend();
        let_pass(Duration::from_millis(2));
    }
}

/// How long a fault looks for its moment, and how long for one batch to come to it.
const LONGEST: Duration = Duration::from_secs(10);
const SHORTEST: Duration = Duration::from_millis(300);

/// Somebody for whom the moment has come. There is work only once it is waited for.
fn caught(crew: &mut Crew, credit: u64, when: When, is_worker: bool, rng: &mut Rng) -> Option<usize> {
    let clock = SystemClock::new();
    let until = clock.now() + LONGEST;
    while clock.now() < until {
        crew.tend();
        let fits = |at: &usize| {
            let member = &crew.members[*at];
            member.is_worker() == is_worker && !member.is_paused()
        };
        let able: Vec<usize> = (0..crew.members.len()).filter(fits).collect();
        let (When::Said(word) | When::After(word)) = when else {
            crew.sink.set_credit(credit);
            let_pass(rng.shorter_than(Duration::from_millis(20)));
            return Some(able[rng.between(0..able.len() as u64) as usize]);
        };
        let Some(at) = first_to_say(crew, &able, word, credit) else {
            // It was all done before.
            crew.sink.add_credit(100);
            continue;
        };
        if when == When::After(word) {
            // In the middle of what comes next.
            crew.sink.release(&crew.members[at].name);
            let_pass(rng.shorter_than(Duration::from_millis(4)));
        }
        return Some(at);
    }
    None
}

/// Who of these is the first to say a word, and is held back.
fn first_to_say(crew: &Crew, able: &[usize], word: &'static str, credit: u64) -> Option<usize> {
    let (clock, name) = (SystemClock::new(), |at: usize| &*crew.members[at].name);
    able.iter().for_each(|at| crew.sink.trap(name(*at), word));
    crew.sink.set_credit(credit);
    let until = clock.now() + SHORTEST;
    let first = loop {
        let held = able.iter().find(|at| crew.sink.is_held(name(**at)));
        if held.is_some() || clock.now() > until {
            break held.copied();
        }
        let_pass(Duration::from_millis(1));
    };
    able.iter().filter(|at| Some(**at) != first).for_each(|at| crew.sink.release(name(*at)));
    first
}

fn restart(crew: &mut Crew, redis: Option<&mut Redis>, rng: &mut Rng) {
    let away = rng.shorter_than(Duration::from_millis(300));
    match redis {
        Some(redis) => {
            // Before it, so that what follows from it stands behind it.
            crew.sink.log(What::Down);
            redis.kill9();
            let_pass(away);
            redis.restart();
        }
        None => {
            let mut holder = crew.hold_the_file();
            crew.sink.log(What::Down);
            let roles = crew.kill_all();
            holder.kill9();
            let_pass(away);
            roles.into_iter().for_each(|role| crew.start(role));
        }
    }
    crew.sink.log(What::Up);
}
