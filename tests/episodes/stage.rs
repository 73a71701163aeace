//! A cluster, and the locks on it.

use std::{panic, thread};

use entourage_testkit::{ClockShim, Etcd, Network, Rng, let_pass};

use crate::{
    TTL,
    contender::{epoch_of, log_of},
    fault::Fault,
    judge::{Counts, History, judge},
    lane::{Contender, Lane, now},
};

/// The servers' hosts.
const SERVERS: [&str; 3] = ["server-0", "server-1", "server-2"];

/// A cluster of three servers, and locks that contend on it.
pub(crate) struct Stage {
    // The processes first, so that they are dead when what they use goes.
    lanes: Vec<Lane>,
    etcd: Etcd,
    network: Network,
    episodes: u64,
}

impl Stage {
    /// So many locks, each with so many contenders, one of which owns.
    pub(crate) fn new(locks: usize, contenders: usize) -> Self {
        let lock = |number: usize| format!("lock-{number}");
        let host = |lock: &str, number: usize| format!("{lock}-{number}");
        let clients = (0..locks).flat_map(|at| (0..contenders).map(move |number| host(&lock(at), number)));
        let network = Network::new(SERVERS.map(str::to_owned).into_iter().chain(clients));
        let etcd = Etcd::cluster_in(SERVERS.map(|server| network.host(server)));
        let (shim, servers) = (ClockShim::new(), etcd.endpoints());
        let lane = |at: usize| {
            let lock = lock(at);
            let start = |number| {
                // Not all of them ask the same server first.
                let mut servers = servers.clone();
                servers.rotate_left((at + number) % SERVERS.len());
                Contender::start(network.host(&host(&lock, number)), shim.clocks(), &lock, &servers)
            };
            Lane { contenders: (0..contenders).map(start).collect(), lock }
        };
        let mut lanes: Vec<Lane> = (0..locks).map(lane).collect();
        for lane in &mut lanes {
            let _ = lane.owner();
        }
        Self { lanes, etcd, network, episodes: 0 }
    }

    /// One episode of each lock, side by side.
    pub(crate) fn befall_owners(&mut self, faults: impl IntoIterator<Item = Fault>, rng: &mut Rng) {
        let network = &self.network;
        self.episodes += self.lanes.len() as u64;
        thread::scope(|scope| {
            let start = |(lane, fault): (_, Fault)| {
                let mut rng = Rng::new(rng.next_u64());
                scope.spawn(move || fault.befall(lane, network, &mut rng))
            };
            let episodes: Vec<_> = self.lanes.iter_mut().zip(faults).map(start).collect();
            for episode in episodes {
                episode.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked));
            }
        });
    }

    /// One episode of a server, for all locks: they are served while it is cut off, and after. The
    /// host of a contender that waits is cut off with it, for longer than its session lives.
    #[track_caller]
    pub(crate) fn befall_server(&mut self, fault: Fault, rng: &mut Rng) {
        self.episodes += 1;
        // The server that was healed last is back: with two of three away nobody could be served.
        let _ = self.etcd.ctl(["endpoint", "health", "--command-timeout=25s"]);
        let leader = self.etcd.leader();
        let victim = match fault {
            Fault::Leader => leader,
            _ => (leader + rng.between(1..SERVERS.len() as u64) as usize) % SERVERS.len(),
        };
        let owners: Vec<_> = self.lanes.iter_mut().map(Lane::owner).collect();
        let unlucky = rng.between(0..self.lanes.len() as u64) as usize;
        let mut contenders = self.lanes[unlucky].contenders.iter().enumerate();
        let waiter = contenders.find(|(place, _)| *place != owners[unlucky].place);
        let companion = waiter.expect("there are several").1.host.name().to_owned();
        let begun = now();
        self.network.isolate(SERVERS[victim]);
        self.network.isolate(&companion);
        let_pass(TTL + rng.shorter_than(TTL));
        let elected = now();
        for lane in &mut self.lanes {
            lane.served_since(elected);
        }
        self.network.heal(SERVERS[victim]);
        self.network.heal(&companion);
        let over = now();
        for (lane, owner) in self.lanes.iter_mut().zip(owners) {
            lane.served_since(over);
            let next = lane.owner();
            println!(
                "{}: {fault} for {:.1} s: epoch {} follows {}; nobody served for {:.1} s",
                lane.lock,
                over.since(begun).as_secs_f64(),
                next.epoch,
                owner.epoch,
                lane.longest_silence(begun).as_secs_f64(),
            );
            lane.assert_alive();
        }
    }

    /// Judges all that happened.
    ///
    /// # Panics
    /// If a promise was not kept, or a contender is dead.
    #[track_caller]
    pub(crate) fn judge(mut self) -> Counts {
        let mut counts = Counts { episodes: self.episodes, ..Counts::default() };
        for lane in &mut self.lanes {
            lane.assert_alive();
            // Nobody writes while the log is read.
            for contender in &mut lane.contenders {
                contender.process.kill9();
            }
            let log = log_of(&lane.lock);
            let order = ["--keys-only", "--sort-by=CREATE", "--order=ASCEND"];
            let listed = self.etcd.ctl(["get", "--prefix", &log].into_iter().chain(order)).stdout;
            let entries = listed.lines().filter(|line| !line.is_empty());
            let epoch = |key: &str| epoch_of(&lane.lock, key).unwrap_or_else(|| panic!("{key} has no epoch"));
            let history = History {
                log: entries.map(epoch).collect(),
                contenders: lane.contenders.iter().map(Contender::reports).collect(),
            };
            match judge(&history) {
                Ok(of_lane) => counts += of_lane,
                Err(faults) => {
                    panic!("{}: {} promises broken: {}", lane.lock, faults.len(), faults.join("; "))
                }
            }
        }
        counts
    }
}
