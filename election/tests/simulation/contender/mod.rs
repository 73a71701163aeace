//! Who comes to own, in which way, and what becomes of it.

mod work;

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_core::Shutdown;
use entourage_election::{Election, Error, Held, Identity, LeaseLock, Ownership};
use entourage_sim::{Context, Rng};
use entourage_store::{FencedStore, SessionId, Store};

use crate::{
    NAME, TTL,
    audited::Audited,
    cast::{Role, STORM},
    disk::Disk,
    judge::Judge,
    tally::Life,
};

/// One life of a contender.
pub(crate) struct Contender {
    ctx: Context,
    judge: Arc<Judge>,
    disk: Arc<Disk>,
    store: Arc<dyn Store>,
    life: Life,
    steady: bool,
    rng: Mutex<Rng>,
}

impl Contender {
    pub(crate) fn new(
        ctx: &Context,
        judge: &Arc<Judge>,
        disk: &Arc<Disk>,
        raw: &Arc<dyn Store>,
        steady: bool,
    ) -> Self {
        let life = Life { name: ctx.name().to_owned(), incarnation: ctx.incarnation() };
        let audited: Arc<dyn Store> =
            Arc::new(Audited::new(Arc::clone(raw), Arc::clone(judge), life.clone()));
        let (judge, disk, rng) = (Arc::clone(judge), Arc::clone(disk), Mutex::new(ctx.rng()));
        Self { ctx: ctx.clone(), judge, disk, store: ctx.store(&audited), life, steady, rng }
    }

    /// Owns once or twice, over all its lives, in this role.
    pub(crate) async fn contend(&self, role: Role) {
        let times = if self.chance(0.3) { 2 } else { 1 };
        match role {
            Role::Lock | Role::Guard => self.lock(role, times).await,
            Role::Leader => self.lead(times).await,
            Role::Term => self.serve(times).await,
            Role::Hasty => self.hurry().await,
        }
    }

    /// Takes over what the process of this name owns, which may well live.
    pub(crate) async fn replace(&self, name: &str) {
        self.ctx.sleep(self.between(Duration::from_millis(500), STORM / 2)).await;
        let (Some(session), _) = self.disk.page(name) else { return };
        let lock = self.new_lock();
        if let Ok(ownership) = lock.resume(session).await {
            self.own(&lock, ownership, Role::Lock).await;
            // The key of the earlier life is gone, and comes again in this one.
            if let Some(ownership) = self.judged(lock.acquire().await) {
                self.own(&lock, ownership, Role::Lock).await;
            }
        }
    }

    async fn lock(&self, role: Role, times: u32) {
        let lock = self.new_lock();
        let (mut saved, owned) = self.saved();
        for _ in owned..times {
            let ownership = match saved.take() {
                Some(session) => match lock.resume(session).await {
                    Ok(ownership) => Some(ownership),
                    // It has ended meanwhile.
                    Err(_) => self.judged(lock.acquire().await),
                },
                None => self.judged(self.acquire(&lock).await),
            };
            let Some(ownership) = ownership else { return };
            self.own(&lock, ownership, role).await;
        }
    }

    /// In one of the ways that there are.
    async fn acquire(&self, lock: &LeaseLock) -> Result<Ownership, Error> {
        if self.chance(0.3) {
            // The store may be away: then it waits like everybody.
            if let Ok(Some(ownership)) = lock.try_acquire().await {
                return Ok(ownership);
            }
        }
        if self.chance(0.3) {
            let patience = self.between(Duration::ZERO, TTL);
            let acquired = lock.acquire_until(self.ctx.clock().now() + patience).await?;
            if let Some(ownership) = acquired {
                return Ok(ownership);
            }
        }
        lock.acquire().await
    }

    /// Writes under one ownership, and gives it up or not.
    async fn own(&self, lock: &LeaseLock, ownership: Ownership, role: Role) {
        let key = self.reports(&ownership);
        let held = ownership.held();
        if role == Role::Guard {
            let _ = ownership.run(async |held| self.guarded(&held, &key).await).await;
        } else {
            self.work(&held, &key).await;
            if self.chance(0.6) {
                // The answer says whether it was held all the time; the judge knows better.
                let _ = ownership.release().await;
            } else {
                // The lease expires, and the work goes on, since nobody told it.
                drop(ownership);
                self.judge.write(held.fence());
            }
        }
        if self.chance(0.1)
            && let Some(ownership) = self.judged(lock.acquire().await)
        {
            // At once again, and nothing is done with it.
            self.reports(&ownership);
            let _ = ownership.release().await;
        }
    }

    async fn hurry(&self) {
        let lock = self.new_lock();
        let (_, owned) = self.disk.page(self.ctx.name());
        for _ in owned..3 {
            self.ctx.sleep(self.between(Duration::ZERO, TTL / 100)).await;
            let tried = if self.chance(0.4) { lock.try_acquire().await.ok().flatten() } else { None };
            let ownership = match tried {
                Some(ownership) => ownership,
                None => match self.judged(lock.acquire().await) {
                    Some(ownership) => ownership,
                    None => return,
                },
            };
            self.reports(&ownership);
            if self.chance(0.5) {
                self.judge.write(ownership.fence());
            }
            let _ = ownership.release().await;
        }
    }

    async fn lead(&self, times: u32) {
        let election = self.new_election();
        let (mut saved, owned) = self.saved();
        for _ in owned..times {
            let leadership = match saved.take() {
                Some(session) => match election.resume(session, "again").await {
                    Ok(leadership) => Some(leadership),
                    Err(_) => self.judged(election.campaign("after all").await),
                },
                None => self.judged(election.campaign("first").await),
            };
            let Some(mut leadership) = leadership else { return };
            let key = self.reports(&leadership);
            let held = leadership.held();
            if self.chance(0.5) {
                // Refused once it is lost, which the judge knows.
                let _ = leadership.proclaim("second").await;
            }
            self.work(&held, &key).await;
            if self.chance(0.7) {
                let _ = leadership.resign().await;
            }
        }
    }

    async fn serve(&self, times: u32) {
        let election = self.new_election();
        let shutdown = Shutdown::new();
        let (_, owned) = self.disk.page(self.ctx.name());
        let mut left = times.saturating_sub(owned);
        if left == 0 {
            return;
        }
        let led = election
            .run("term", &shutdown, |held| {
                // A last term that was cut short is served again.
                left = left.saturating_sub(1);
                let is_last = left == 0;
                async move {
                    let key = self.reports_term(&held);
                    self.guarded(&held, &key).await;
                    if is_last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                }
            })
            .await;
        self.judged(led);
    }

    /// Says to the judge and to the disk that this is owned; with which key.
    fn reports(&self, ownership: &Ownership) -> String {
        let (key, _) = ownership.key().expect("it has rivals");
        self.judge.owns(&self.life, key, &ownership.held(), self.ctx.clock());
        self.disk.owned(self.ctx.name(), ownership.session());
        key.to_owned()
    }

    /// As [`Self::reports`], for work that sees no more than what is held.
    fn reports_term(&self, held: &Held) -> String {
        let key = self.judge.key_of(held.fence().epoch());
        self.judge.owns(&self.life, &key, held, self.ctx.clock());
        self.disk.owned(self.ctx.name(), None);
        key
    }

    /// Whatever happens, who contends owns in the end.
    fn judged<T>(&self, answer: Result<T, Error>) -> Option<T> {
        answer.map_err(|error| self.judge.breaks("E6", format!("{} gives up: {error}", self.life.name))).ok()
    }

    /// With which session it owned in an earlier life, and how often it has owned.
    fn saved(&self) -> (Option<SessionId>, u32) {
        let (session, owned) = self.disk.page(self.ctx.name());
        (session.filter(|_| self.ctx.incarnation() > 1 && self.chance(0.7)), owned)
    }

    fn new_lock(&self) -> LeaseLock {
        let builder =
            LeaseLock::builder(self.fenced(), NAME).ttl(TTL).identity(Identity::new(self.ctx.name()));
        builder.build().expect("the timings are possible")
    }

    fn new_election(&self) -> Election {
        let builder =
            Election::builder(self.fenced(), NAME).ttl(TTL).identity(Identity::new(self.ctx.name()));
        builder.build().expect("the timings are possible")
    }

    fn fenced(&self) -> FencedStore {
        FencedStore::try_from(Arc::clone(&self.store)).expect("a memory store is fenced")
    }

    fn chance(&self, probability: f64) -> bool {
        self.rng.lock().expect("nothing panics with it").chance(probability)
    }

    fn between(&self, shortest: Duration, longest: Duration) -> Duration {
        self.rng.lock().expect("nothing panics with it").between(shortest, longest)
    }
}
