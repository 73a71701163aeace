//! Clients, servers and what goes wrong between them: one seed, one history.

mod faults;

use std::time::Duration;

use entourage_core::Moment;
use entourage_testkit::Rng;

use super::{
    FRAME,
    asker::Asker,
    request::Mux,
    shard::{Link, Shard, piece},
};
use crate::{
    failure::Cause,
    limits::Limits,
    mux::{ClientEnd, Taken},
    nutcracker::Config,
    options::{OnEjected, Options, Partial},
    pool::{Ejection, Router},
    protocol::Protocol,
    redis::Redis,
};

/// A reply comes within so many milliseconds, or its connection is given up.
const TIMEOUT: u64 = 50;
const SERVERS: usize = 3;
/// A server that does no wrong.
const SPARED: usize = 2;

/// More than so many rounds of the loops come to no end.
const SPINS: usize = 2_000;

/// What a history is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) seed: u64,
    pub(super) requests: u64,
    /// Servers and clients do wrong.
    pub(super) faults: bool,
}

/// What a history came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) right: u64,
    pub(super) failed: u64,
    pub(super) lost_links: u64,
    pub(super) ejections: u64,
}

/// What the loop of a connection is at.
#[derive(Debug)]
enum Line {
    Idle,
    Connecting { until: u64, fails: bool },
    Shut { until: u64 },
    Up(Box<Link>),
}

/// Everything.
#[derive(Debug)]
pub(super) struct World {
    terms: Terms,
    rng: Rng,
    mux: Mux,
    /// Where each key is while nobody is ejected, which the third server never is for what it does.
    homes: Router,
    ejects: bool,
    now: u64,
    clients: Vec<Asker>,
    shards: Vec<Shard>,
    /// Each line with its server.
    lines: Vec<(usize, Line)>,
    next_key: u64,
    left: u64,
    /// Nothing goes wrong any more: what is under way is to end.
    calm: bool,
    tally: Tally,
}

impl World {
    pub(super) fn new(terms: Terms) -> Self {
        let mut rng = Rng::new(terms.seed);
        let config = Config::parse(
            "p:\n  listen: 127.0.0.1:1\n  redis: true\n  servers:\n   - 127.0.0.1:2:1 a\n   - 127.0.0.1:3:1 b\n   - 127.0.0.1:4:1 c\n",
        );
        let pool = &config.expect("the file is right").pools[0];
        let ejects = terms.faults && rng.between(0..3) == 0;
        let options = Options {
            on_ejected: [OnEjected::Rehash, OnEjected::Fail, OnEjected::Next][rng.between(0..3) as usize],
            partial: if rng.between(0..2) == 0 { Partial::Error } else { Partial::PerKey },
            limits: Limits {
                pipeline: (1 + rng.between(0..40) as usize).try_into().expect("not zero"),
                owed: 8 * 1024,
                unread: 256 * 1024,
                frame: FRAME,
                ..Limits::default()
            },
            ..Options::default()
        };
        let ejection = Ejection { limit: ejects.then_some(3), retry: Duration::from_millis(80) };
        let router = Router::new(pool, options.on_ejected).expect("three servers make a ring");
        let homes = Router::new(pool, options.on_ejected).expect("three servers make a ring");
        let redis = Redis::of(pool, &options, Moment::ZERO, 0);
        let connections = 1 + rng.between(0..2) as usize;
        let mux = Mux::new(redis, router, connections, ejection, options.limits);
        let mut lines: Vec<_> = mux.lines();
        lines.sort_by_key(|(_, line)| *line);
        let mut world = Self {
            terms,
            rng,
            mux,
            homes,
            ejects,
            now: 0,
            clients: Vec::new(),
            shards: (0..SERVERS).map(|_| Shard::default()).collect(),
            lines: lines.into_iter().map(|(server, _)| (server, Line::Idle)).collect(),
            next_key: 0,
            left: terms.requests,
            calm: !terms.faults,
            tally: Tally::default(),
        };
        for _ in 0..world.rng.between(1..8) {
            world.join();
        }
        world
    }

    /// Lets everything happen, and judges it.
    pub(super) fn run(mut self) -> Tally {
        // Ten times what a history takes.
        let most = 2_000 * self.terms.requests;
        for _ in 0..most {
            // Whoever still waits is answered, or has heard why not, once nothing goes wrong.
            self.calm |= self.left == 0;
            if self.left == 0 && self.clients.iter().all(Asker::is_content) {
                return self.end();
            }
            self.step();
        }
        let waits: usize = self.clients.iter().map(Asker::waits_for).sum();
        panic!("{waits} requests wait for ever, {} were not asked; {:?}", self.left, self.lines);
    }

    fn end(mut self) -> Tally {
        for client in &self.clients {
            self.tally.right += client.right;
            self.tally.failed += client.failed;
        }
        for place in 0..self.lines.len() {
            self.drop_link(place);
        }
        let stats = self.mux.stats("p");
        self.tally.ejections = stats.counts.server_ejects;
        assert_eq!(stats.counts.client_connections, self.clients.len() as u64);
        self.tally
    }

    fn step(&mut self) {
        let client = self.rng.between(0..self.clients.len() as u64) as usize;
        let place = self.rng.between(0..self.lines.len() as u64) as usize;
        match self.rng.between(0..64) {
            0..=9 if self.left > 0 => {
                let most = if self.rng.between(0..6) == 0 { 40 } else { 4 };
                let asked = self.clients[client].ask(&mut self.rng, &mut self.next_key, most);
                self.left = self.left.saturating_sub(asked);
                self.clients[client].arrive(&mut self.rng, &mut self.mux);
            }
            0..=21 => self.clients[client].arrive(&mut self.rng, &mut self.mux),
            22..=31 => self.serve(place),
            32..=43 => self.hear(place),
            44..=53 => {
                let Self { clients, rng, mux, homes, ejects, .. } = self;
                // The last server does no wrong, and who asks it alone meets no failure.
                let spared = |key: &[u8]| !*ejects && homes.server(key).is_ok_and(|server| server == SPARED);
                clients[client].read(rng, mux, spared);
            }
            54..=56 => self.pass_time(),
            57 if self.rng.between(0..3) == 0 => self.abort(client),
            58 => self.fault(place),
            _ => self.flush(),
        }
        self.check();
    }

    fn check(&mut self) {
        for client in &self.clients {
            let standing = self.mux.standing(client.key);
            assert!(
                standing.to_write <= 256 * 1024 + 2 * FRAME,
                "{} bytes wait for one client",
                standing.to_write
            );
        }
    }

    fn join(&mut self) {
        let key = self.mux.join("127.0.0.1:9").expect("there may be more");
        self.clients.push(Asker::new(key));
    }

    fn leave(&mut self, client: usize, end: ClientEnd) {
        let gone = self.clients.swap_remove(client);
        self.tally.right += gone.right;
        self.tally.failed += gone.failed;
        self.mux.leave(gone.key, end);
        self.join();
    }

    fn abort(&mut self, client: usize) {
        if !self.calm {
            self.leave(client, ClientEnd::Failed);
        }
    }

    /// Writes what is listed, as the loop that writes has it, and runs the tasks that it wakes.
    fn flush(&mut self) {
        let (mut lines, mut keys, mut woken) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..SPINS {
            while self.mux.is_listed() {
                self.mux.listed_lines(&mut lines);
                for place in lines.drain(..) {
                    self.write_line(place);
                }
                self.mux.listed_clients(&mut keys);
                for key in keys.drain(..) {
                    let Some(client) = self.clients.iter_mut().find(|client| client.key == key) else {
                        continue;
                    };
                    let is_written = client.fill(&mut self.mux);
                    if !is_written || client.taken == Taken::Enough {
                        woken.push(key);
                    }
                }
            }
            if woken.is_empty() {
                return;
            }
            for key in woken.drain(..) {
                let Some(client) = self.clients.iter().position(|client| client.key == key) else { continue };
                self.clients[client].wake(&mut self.mux);
                if self.mux.standing(key).is_unread {
                    self.leave(client, ClientEnd::Unread);
                }
            }
        }
        panic!("the loops wake each other and nothing moves");
    }

    fn write_line(&mut self, place: usize) {
        let wants = self.mux.wants(place);
        if wants.reset || wants.ended {
            return self.wake_line(place);
        }
        let Line::Up(link) = &mut self.lines[place].1 else {
            return if wants.is_asked {
                self.wake_line(place)
            };
        };
        if wants.is_quiet && (!link.to_proxy.is_empty() || link.closed) {
            let cause = if link.to_proxy.is_empty() { Cause::Lost } else { Cause::Lied };
            self.mux.lose(place, cause);
            return self.wake_line(place);
        }
        let mut slices = [std::io::IoSlice::new(&[]); 3];
        let filled = self.mux.for_server(place, &mut slices);
        // What does not go in goes in when the connection can be written to again.
        let most = if self.rng.between(0..3) == 0 { piece(&mut self.rng) } else { usize::MAX };
        let mut room = most;
        for slice in &slices[..filled] {
            let step = room.min(slice.len());
            link.push(&slice[..step]);
            room -= step;
        }
        self.mux.sent(place, most - room);
    }
}
