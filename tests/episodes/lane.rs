//! One lock, and those who contend for it.

use std::time::Duration;

use entourage::core::{Clock, Moment, SystemClock};
use entourage_testkit::{Host, Process, Program, ShiftedClocks, eventually};

use crate::{
    CONTENDER, DEADLINE,
    report::{Answer, Report},
};

/// One lock, and those who contend for it.
pub(crate) struct Lane {
    pub(crate) lock: String,
    pub(crate) contenders: Vec<Contender>,
}

/// A process in a host of its own, and those that were killed there before.
pub(crate) struct Contender {
    pub(crate) host: Host,
    pub(crate) clocks: ShiftedClocks,
    pub(crate) process: Process,
    program: Program,
    /// What those said that are dead.
    said: Vec<Report>,
}

impl Contender {
    pub(crate) fn start(host: &Host, clocks: ShiftedClocks, lock: &str, servers: &[String]) -> Self {
        let program = clocks.shift(Program::this_test().env(CONTENDER, host.name()).arg(lock).args(servers));
        let program = program.keeping(16 * 1024 * 1024);
        Self { host: host.clone(), clocks, process: host.start(&program), program, said: Vec::new() }
    }

    /// Everything that was said in this host.
    pub(crate) fn reports(&self) -> Vec<Report> {
        let mut reports = self.said.clone();
        reports.extend(said(&self.process));
        reports
    }

    /// Kills the process, and starts another.
    pub(crate) fn replace(&mut self) {
        self.process.kill9();
        self.said.extend(said(&self.process));
        self.process = self.host.start(&self.program);
    }

    #[track_caller]
    fn assert_alive(&mut self) {
        if !self.process.is_running() {
            panic!("{} has died\n{}", self.host.name(), self.process.stderr());
        }
    }
}

/// The whole lines that a process has said.
fn said(process: &Process) -> Vec<Report> {
    let text = process.stdout();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().filter_map(Report::parse).collect()
}

/// Who owns, as far as was said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    /// Its place among the contenders.
    pub(crate) place: usize,
    pub(crate) epoch: u64,
}

impl Lane {
    /// All grants that were reported: place, epoch and moment.
    pub(crate) fn grants(&self) -> Vec<(Owner, Moment)> {
        let grants = |(place, contender): (usize, &Contender)| {
            let grant = move |report| match report {
                Report::Granted { epoch, at } => Some((Owner { place, epoch }, at)),
                _ => None,
            };
            contender.reports().into_iter().filter_map(grant).collect::<Vec<_>>()
        };
        self.contenders.iter().enumerate().flat_map(grants).collect()
    }

    /// Who was granted last, while its writes are accepted.
    #[track_caller]
    pub(crate) fn owner(&mut self) -> Owner {
        self.wait("somebody owns and writes", |lane| {
            let last = lane.grants().into_iter().map(|(owner, _)| owner).max_by_key(|owner| owner.epoch)?;
            // What it said last tells, for it says one thing after another.
            match lane.contenders[last.place].reports().last()? {
                Report::Wrote { answer: Answer::Accepted(_), .. } => Some(last),
                _ => None,
            }
        })
    }

    /// Waits until another is granted.
    #[track_caller]
    pub(crate) fn successor(&mut self, of: Owner) -> Owner {
        self.wait("another is granted", |lane| {
            let owners = lane.grants().into_iter().map(|(owner, _)| owner);
            owners
                .filter(|owner| owner.epoch > of.epoch && owner.place != of.place)
                .min_by_key(|owner| owner.epoch)
        })
    }

    /// What came of the write that a former owner tries.
    #[track_caller]
    pub(crate) fn late_answer(&mut self, of: Owner) -> Answer {
        self.wait("a former owner's late write is answered", |lane| {
            let late = |report| match report {
                Report::Late { epoch, answer } if epoch == of.epoch => Some(answer),
                _ => None,
            };
            lane.contenders[of.place].reports().into_iter().find_map(late)
        })
    }

    /// Waits until an owner's write is accepted that was begun after `since`.
    #[track_caller]
    pub(crate) fn served_since(&mut self, since: Moment) {
        self.wait("an owner's write is accepted", |lane| lane.served().into_iter().find(|at| *at > since));
    }

    /// The longest time since then in which no write was begun that was accepted, until now.
    pub(crate) fn longest_silence(&self, since: Moment) -> Duration {
        let mut served: Vec<_> = self.served().into_iter().filter(|at| *at > since).collect();
        served.extend([since, now()]);
        served.sort_unstable();
        served.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap_or_default()
    }

    /// When each write of an owner was begun that was accepted.
    fn served(&self) -> Vec<Moment> {
        let began = |report| match report {
            Report::Wrote { belief, answer: Answer::Accepted(_), .. } => Some(belief.at),
            _ => None,
        };
        self.contenders.iter().flat_map(Contender::reports).filter_map(began).collect()
    }

    /// Waits for what is found, and demands meanwhile that nobody dies.
    #[track_caller]
    fn wait<T>(&mut self, what: &str, mut find: impl FnMut(&Self) -> Option<T>) -> T {
        let mut found = None;
        let what = format!("{}: {what}", self.lock);
        eventually(DEADLINE, &what, || {
            self.assert_alive();
            found = find(self);
            found.is_some().then_some(())
        });
        found.expect("it was found")
    }

    /// E6: whatever happened, nobody died of it.
    #[track_caller]
    pub(crate) fn assert_alive(&mut self) {
        for contender in &mut self.contenders {
            contender.assert_alive();
        }
    }
}

/// Now, by the clock that the contenders read too.
pub(crate) fn now() -> Moment {
    SystemClock::new().now()
}
