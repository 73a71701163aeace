//! One run: a queue, those who use it, and what befalls them.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    sync::Arc,
    time::Duration,
};

use entourage::{
    core::{Clock, Moment, SystemClock},
    queue::{MemoryQueue, Queue},
};
use entourage_testkit::{Redis, Rng, Scratch, eventually, let_pass};

use crate::{
    DEADLINE,
    backend::{Backend, topic, workers},
    counts::Counts,
    crew::Crew,
    event::What,
    fault::Faults,
    judge::{Breaches, Judge},
    role::{Role, runtime},
    sink::{Flaw, Sink},
};

/// Which queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Memory,
    Sqlite,
    Redis,
}

/// How large a run is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) engine: Engine,
    pub(crate) items: u64,
    pub(crate) faults: Faults,
    /// Items that kill each of their workers.
    pub(crate) killers: u64,
    pub(crate) lease: Duration,
    pub(crate) workers: usize,
    /// For all of it.
    pub(crate) deadline: Duration,
    pub(crate) flaw: Flaw,
}

/// Between an effect and its settlement, at most.
const PAUSE: Duration = Duration::from_millis(5);

impl Run {
    /// Runs it, and has the history judged.
    pub(crate) fn judged(self, mut rng: Rng) -> Result<Counts, Breaches> {
        let (clock, scratch) = (SystemClock::new(), Scratch::new());
        let begun = clock.now();
        let mut redis = (self.engine == Engine::Redis)
            .then(|| Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"]));
        let backend = match (self.engine, &redis) {
            (Engine::Redis, Some(redis)) => Backend::Redis(redis.endpoint()),
            (Engine::Sqlite, _) => Backend::Sqlite(scratch.join("queue.db")),
            _ => Backend::Memory(MemoryQueue::new()),
        };
        let history = scratch.join("history");
        let sink = Arc::new(Sink::new(&history, (self.items, self.killers), self.flaw));
        let lease = u64::try_from(self.lease.as_nanos()).expect("a lease is short");
        sink.log(What::Run { backend: &backend.to_string(), lease });
        let mut crew = Crew::new(backend, Arc::clone(&sink), scratch.join("sink"), runtime(), self.lease);
        for _ in 0..2 {
            crew.start(Role::Producer { killers: self.killers });
        }
        for _ in 0..self.workers {
            crew.start(Role::Worker { lease: self.lease, batch: 50, pause: PAUSE });
        }
        self.befall(&mut crew, redis.as_mut(), begun, &mut rng);
        self.settle(&mut crew, begun);
        sink.finish();
        let lived = clock.now().since(begun);
        let lines = BufReader::new(File::open(&history).expect("the sink has made it")).lines();
        let verdict = Judge::of(lines.map(|line| line.expect("it can be read")));
        let (lived, judged) = (lived.as_secs_f64(), clock.now().since(begun).as_secs_f64());
        match &verdict {
            Ok(counts) => {
                println!("{:?}: {counts}; {lived:.1} s, {judged:.1} s with the verdict", self.engine)
            }
            Err(_) if self.flaw == Flaw::None => {
                let kept =
                    std::env::temp_dir().join(format!("history-{:?}-{}", self.engine, std::process::id()));
                let copied = std::fs::copy(&history, &kept);
                println!("the history is kept: {} {copied:?}", kept.display());
            }
            Err(_) => {}
        }
        verdict
    }

    /// All faults, while there is work.
    fn befall(&self, crew: &mut Crew, mut redis: Option<&mut Redis>, begun: Moment, rng: &mut Rng) {
        let faults = self.faults.shuffled(rng);
        let (number, clock) = (faults.len() as u64, SystemClock::new());
        for (at, fault) in (1..).zip(faults) {
            let credit = self.items * at / number;
            // Most of it has come through, or something is in the way.
            let until = clock.now() + self.lease;
            while crew.sink.ended() < credit.saturating_sub(self.items / number * 3 / 2)
                && clock.now() < until
            {
                crew.tend();
                let_pass(Duration::from_millis(2));
            }
            fault.befall(crew, credit, redis.as_deref_mut(), rng);
            // Not all at once: what came back is in work when the next one befalls somebody.
            let_pass(rng.shorter_than(self.lease / 4));
            if at % 50 == 0 {
                let (seconds, ended) = (clock.now().since(begun).as_secs_f64(), crew.sink.ended());
                println!("{:?}: {at} of {number} faults, {ended} items, {seconds:.0} s", self.engine);
            }
        }
    }

    /// Waits until nothing is left to do, and looks at what is dead.
    fn settle(&self, crew: &mut Crew, begun: Moment) {
        let clock = SystemClock::new();
        let queue: Arc<dyn Queue> = crew.runtime.block_on(crew.backend.open());
        loop {
            crew.tend();
            let stats = crew.runtime.block_on(queue.stats(&topic(), &workers()));
            // One that does not answer now is asked again.
            let left = stats.map_or(u64::MAX, |stats| stats.unsettled());
            let is_over = crew.sink.all_is_published() && !crew.members.iter().any(|one| one.is_paused());
            if left == 0 && is_over {
                break;
            }
            let lasted = clock.now().since(begun);
            assert!(lasted < self.deadline, "{left} items are not settled after {lasted:?}");
            let_pass(Duration::from_millis(50));
        }
        eventually(DEADLINE, "all have said what became of their attempts", || {
            crew.members.iter().all(|member| crew.sink.is_idle(&member.name)).then_some(())
        });
        crew.dismiss();
        let dead = crew.runtime.block_on(queue.dead(&topic(), &workers(), usize::MAX));
        for dead in dead.expect("the queue answers") {
            crew.sink.log(What::Dead { id: dead.item.id().as_str() });
        }
    }
}
