//! What happens to the replicas: one is killed, one stands still, one is asked to end.

use std::{io, time::Duration};

use anyhow::{Context, Result, bail};
use entourage::{
    core::{Clock, Moment, Retryable, Shutdown, SystemClock, sleep},
    store::{FencedStore, Version, Watch, What as Which},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::{
    child::{Child, Told},
    counter::ELECTION,
    handover::{Cause, seconds},
    member::State,
    scene::Scene,
    screen::Screen,
    summary::summary,
};

/// The picture is drawn so often.
const TICK: Duration = Duration::from_millis(100);
/// What takes milliseconds on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is to be shown.
pub struct Program {
    pub replicas: usize,
    pub rounds: u64,
    pub ttl: Duration,
    /// The store as the replicas are told of it.
    pub url: String,
    pub store: FencedStore,
    /// Ends the story early.
    pub shutdown: Shutdown,
}

/// The replicas and those who look at them.
pub struct Story {
    program: Program,
    /// The time to live that the store grants.
    ttl: Duration,
    children: Vec<Option<Child>>,
    lives: u32,
    told: UnboundedReceiver<Told>,
    tell: UnboundedSender<Told>,
    watch: Box<dyn Watch>,
    scene: Scene,
    screen: Screen,
    clock: SystemClock,
    next_tick: Moment,
}

impl Story {
    pub async fn new(program: Program) -> Result<Self> {
        let clock = SystemClock::new();
        let ttl = program.store.capabilities().granted_ttl(program.ttl);
        let names = (0..program.replicas).map(|place| char::from(b'a' + place as u8).to_string());
        let mut scene = Scene::new(clock.now(), names);
        let as_of = list(&program.store, &mut scene).await?;
        let watch = program.store.watch(ELECTION, Some(as_of)).await?;
        let (tell, told) = unbounded_channel();
        Ok(Self {
            children: (0..program.replicas).map(|_| None).collect(),
            program,
            ttl,
            lives: 0,
            told,
            tell,
            watch,
            scene,
            screen: Screen::new(ttl * 5),
            clock,
            next_tick: Moment::ZERO,
        })
    }

    /// Plays the whole story; says whether all that must hold held.
    pub async fn play(mut self) -> Result<bool> {
        let played = self.acts().await;
        let ended = self.clock.now();
        let played = match played {
            Ok(()) => self.end().await,
            Err(error) => Err(error),
        };
        self.screen.clear(&self.scene)?;
        for broken in &self.scene.broken {
            print(&format!("BROKEN: {broken}\n"))?;
        }
        played?;
        print(&summary(&self.scene, ended, self.ttl))?;
        Ok(self.scene.broken.is_empty())
    }

    async fn acts(&mut self) -> Result<()> {
        for place in 0..self.children.len() {
            self.start(place)?;
            self.until("the replica to line up", PATIENCE, |scene| scene.queued(place).is_some()).await?;
        }
        self.leader().await?;
        self.dwell().await?;
        for _ in 0..self.program.rounds {
            self.kill_and_restart().await?;
        }
        self.pause_and_go_on().await?;
        self.release().await?;
        self.dwell().await
    }

    async fn kill_and_restart(&mut self) -> Result<()> {
        let killed = self.leader().await?;
        let at = self.clock.now();
        if let Some(mut child) = self.children[killed].take() {
            child.kill()?;
        }
        self.scene.note(at, format!("kill -KILL {}", self.scene.name(killed)));
        self.scene.leaves(at, killed, Cause::Killed);
        let next = self.leader().await?;
        self.dwell().await?;
        self.start(killed)?;
        self.until("the replica to line up", PATIENCE, |scene| scene.queued(killed).is_some()).await?;
        self.dwell().await?;
        let (name, now) = (self.scene.name(killed), self.clock.now());
        let text = match (self.scene.queued(killed), self.scene.leader()) {
            (Some(place), Some(leader)) if leader == next && place > 0 => {
                format!(
                    "{name} stays a follower, with {place} before it: {} leads on",
                    self.scene.name(leader)
                )
            }
            _ => format!("{} has lost it meanwhile", self.scene.name(next)),
        };
        self.scene.note(now, text);
        Ok(())
    }

    /// A leader that does not know that another leads: the fence is for this.
    async fn pause_and_go_on(&mut self) -> Result<()> {
        // Between two writes: a process that stands still in the middle of a write to a file keeps
        // everybody from it.
        let writes = self.scene.writes;
        self.until("the leader to write", PATIENCE, |scene| scene.writes > writes).await?;
        let paused = self.leader().await?;
        let at = self.clock.now();
        self.child(paused)?.pause()?;
        let name = self.scene.name(paused).to_owned();
        self.scene.note(at, format!("kill -STOP {name}: it stands still, and will not know"));
        self.scene.leaves(at, paused, Cause::Paused);
        // If it stood still in a renewal all the same, nobody leads until it goes on.
        let limit = self.clock.now() + self.ttl * 3;
        while self.scene.leader().is_none() && self.clock.now() < limit {
            self.step(limit).await?;
        }
        self.dwell().await?;
        self.scene.note(self.clock.now(), format!("kill -CONT {name}"));
        self.child(paused)?.go_on()?;
        let refused = self.scene.replicas[paused].refused;
        self.scene.waits(self.clock.now(), paused);
        if self.scene.leader().is_some() {
            let is_refused =
                move |scene: &Scene| scene.replicas[paused].refused > refused || !scene.broken.is_empty();
            self.until("the store to refuse a former leader's write", PATIENCE, is_refused).await?;
        }
        self.dwell().await
    }

    async fn release(&mut self) -> Result<()> {
        let former = self.leader().await?;
        let at = self.clock.now();
        self.child(former)?.terminate()?;
        self.scene.note(at, format!("kill -TERM {}: it releases", self.scene.name(former)));
        self.scene.leaves(at, former, Cause::Released);
        self.leader().await.map(drop)
    }

    /// Asks all to end, the leader last, so that nobody else takes over.
    async fn end(&mut self) -> Result<()> {
        let leader = self.leader().await?;
        let others = (0..self.children.len()).filter(|place| *place != leader);
        for place in others.chain([leader]) {
            let Some(child) = &mut self.children[place] else { continue };
            child.terminate()?;
            self.scene.leaves(self.clock.now(), place, Cause::Released);
            let deadline = self.clock.now() + PATIENCE;
            while self.children[place].is_some() && self.clock.now() < deadline {
                self.step(deadline).await?;
            }
        }
        Ok(())
    }

    fn start(&mut self, place: usize) -> Result<()> {
        self.lives += 1;
        let (name, at) = (self.scene.name(place).to_owned(), self.clock.now());
        let Program { url, ttl, .. } = &self.program;
        let child = Child::start(&name, url, *ttl, (place, self.lives), self.tell.clone())?;
        self.children[place] = Some(child);
        self.scene.waits(at, place);
        self.scene.note(at, format!("{name} starts"));
        Ok(())
    }

    fn child(&mut self, place: usize) -> Result<&mut Child> {
        self.children[place].as_mut().context("the replica has no process")
    }

    /// Waits until one leads.
    async fn leader(&mut self) -> Result<usize> {
        let limit = self.ttl * 2 + PATIENCE;
        self.until("a replica to lead", limit, |scene| scene.leader().is_some()).await?;
        self.scene.leader().context("a replica leads")
    }

    /// Lets people look.
    async fn dwell(&mut self) -> Result<()> {
        let until = self.clock.now() + self.ttl / 2;
        while self.clock.now() < until {
            self.step(until).await?;
        }
        Ok(())
    }

    async fn until(&mut self, what: &str, limit: Duration, done: impl Fn(&Scene) -> bool) -> Result<()> {
        let deadline = self.clock.now() + limit;
        while !done(&self.scene) {
            if self.clock.now() >= deadline {
                bail!("waited for {what} for {}, in vain", seconds(limit));
            }
            self.step(deadline).await?;
        }
        Ok(())
    }

    /// Takes in one piece of news, or waits for the next drawing, or for `until`.
    async fn step(&mut self, until: Moment) -> Result<()> {
        tokio::select! {
            biased;
            () = self.program.shutdown.draining() => bail!("interrupted; all replicas are ended"),
            told = self.told.recv() => {
                if let Some(told) = told {
                    self.hear(told)?;
                }
            }
            change = self.watch.next() => match change {
                Ok(entourage::store::Change::Resync { .. }) => {
                    list(&self.program.store, &mut self.scene).await?;
                }
                Ok(change) => self.scene.sees(change)?,
                Err(error) if error.is_retryable() => sleep(&self.clock, TICK).await,
                Err(error) => return Err(error).context("the store can no longer be watched"),
            },
            () = self.clock.sleep_until(self.next_tick.min(until)) => {}
        }
        let now = self.clock.now();
        if now >= self.next_tick {
            self.screen.draw(&self.scene, now)?;
            self.next_tick = now + TICK;
        }
        Ok(())
    }

    fn hear(&mut self, Told { place, life, said }: Told) -> Result<()> {
        if self.children[place].as_ref().is_none_or(|child| child.life != life) {
            return Ok(()); // The last words of one that was killed.
        }
        match said {
            Some(event) => self.scene.hears(place, event?),
            None => {
                self.children[place] = None;
                if self.scene.replicas[place].state() != State::Down {
                    bail!("replica {} has ended by itself", self.scene.name(place));
                }
            }
        }
        Ok(())
    }
}

/// Takes in what stands in the store, and says as of when.
async fn list(store: &FencedStore, scene: &mut Scene) -> Result<Version> {
    let listing = store.list(&Which::prefix(ELECTION)).await?;
    scene.lists(listing.entries)?;
    Ok(listing.as_of)
}

fn print(text: &str) -> io::Result<()> {
    io::Write::write_all(&mut io::stdout(), text.as_bytes())
}
