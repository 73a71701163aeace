//! What befalls an owner, or a server.

use std::{fmt, time::Duration};

use entourage_testkit::{Network, Rng, let_pass};

use crate::{
    TTL,
    lane::{Lane, Owner, now},
    report::Answer,
};

/// What befalls an owner, or a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The owner is stopped (`SIGSTOP`) for two times to live, and goes on.
    Stop,
    /// As a stop, and its clock of `std::time::Instant` does not count it: the machine has slept.
    Suspend,
    /// The owner's host is cut off.
    Client,
    /// The owner is killed (`SIGKILL`), and started again.
    Kill,
    /// The server that leads is cut off.
    Leader,
    /// A server is cut off that does not lead.
    Follower,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "the owner is stopped",
            Self::Suspend => "the owner's machine sleeps",
            Self::Client => "the owner's host is cut off",
            Self::Kill => "the owner is killed",
            Self::Leader => "the leading server is cut off",
            Self::Follower => "a following server is cut off",
        })
    }
}

impl Fault {
    pub(crate) const OF_OWNERS: [Self; 4] = [Self::Stop, Self::Suspend, Self::Client, Self::Kill];

    /// One episode of a lock: its owner meets the fault at a moment of `rng`, another is granted, and
    /// the former owner comes back and writes.
    #[track_caller]
    pub(crate) fn befall(self, lane: &mut Lane, network: &Network, rng: &mut Rng) {
        // At any point of a renewal's round, and of a write.
        let_pass(rng.shorter_than(TTL / 2));
        let owner = lane.owner();
        let begun = now();
        let next = match self {
            Self::Stop => pause(lane, owner, |_, _| {}),
            Self::Suspend => pause(lane, owner, |lane, slept| {
                lane.contenders[owner.place].clocks.slept(slept);
            }),
            Self::Client => {
                let host = lane.contenders[owner.place].host.name().to_owned();
                network.isolate(&host);
                let next = lane.successor(owner);
                network.heal(&host);
                next
            }
            Self::Kill => {
                lane.contenders[owner.place].replace();
                lane.successor(owner)
            }
            Self::Leader | Self::Follower => unreachable!("it is a server's"),
        };
        let over = now();
        if self != Self::Kill {
            // Another was granted before it could go on: the fence is ahead of it for ever.
            let answer = lane.late_answer(owner);
            assert_eq!(answer, Answer::Refused, "{}: {self}: its late write as {}", lane.lock, owner.epoch);
        }
        lane.served_since(over);
        println!(
            "{}: {self}: epoch {} follows {}; late write {}; nobody served for {:.1} s",
            lane.lock,
            next.epoch,
            owner.epoch,
            if self == Self::Kill { "impossible" } else { "refused" },
            lane.longest_silence(begun).as_secs_f64(),
        );
        lane.assert_alive();
    }
}

/// Stops the owner for two times to live and until another is granted; `meanwhile` is told for how
/// long, at the end.
fn pause(lane: &mut Lane, owner: Owner, meanwhile: impl FnOnce(&mut Lane, Duration)) -> Owner {
    lane.contenders[owner.place].process.pause();
    let begun = now();
    let_pass(TTL * 2);
    let next = lane.successor(owner);
    meanwhile(lane, now().since(begun));
    lane.contenders[owner.place].process.resume();
    next
}
