//! What contenders do with what they own.

use std::time::Duration;

use entourage_election::Held;
use entourage_store::{Store, Txn};

use super::Contender;
use crate::{DOCUMENT, TTL, cast::STORM};

impl Contender {
    /// Work that stops soon after it was lost, or too late.
    pub(super) async fn guarded(&self, held: &Held, key: &str) {
        let _working = self.judge.works(&self.life, key);
        tokio::select! {
            biased;
            () = held.lost() => {}
            () = self.work(held, key) => {}
        }
        if self.chance(0.5) {
            self.ctx.sleep(self.between(Duration::ZERO, TTL / 5)).await;
        }
    }

    /// Writes a few times, now and then without asking whether it still owns.
    pub(super) async fn work(&self, held: &Held, key: &str) {
        let (fence, token) = (held.fence(), held.fence().epoch());
        let write = || held.guard(Txn::new().put(DOCUMENT, token.to_string()));
        if self.chance(0.5) {
            // Its first act: nobody before it gets in any more.
            self.judge.write(fence);
        }
        self.suffer();
        let mut was_over = false;
        let writes = if self.chance(0.2) { 0 } else { 2 };
        for _ in 0..writes {
            if self.chance(0.6) {
                self.judge.delay_write(fence.clone());
            }
            if self.chance(0.3) {
                self.judge.delay_txn(token, write());
            }
            self.ctx.sleep(self.between(Duration::ZERO, TTL / 3)).await;
            if held.is_held() {
                self.judge.believes(&self.life, key, token, was_over);
            } else if self.chance(0.5) {
                return;
            } else {
                was_over = true;
            }
            self.judge.write(fence);
            if self.store.transact(write()).await.is_ok_and(|made| made.applied().is_none()) {
                return;
            }
        }
    }

    /// What befalls owners more often than others, or there would be few takeovers.
    fn suffer(&self) {
        let name = self.ctx.name();
        if self.judge.since_start() > STORM || self.chance(0.65) {
            return;
        }
        let time = self.between(TTL * 3 / 4, TTL * 7 / 4);
        if self.chance(0.5) {
            self.ctx.partition(name, time);
        } else if self.steady || self.chance(0.5) {
            self.ctx.pause(name, time);
        } else {
            self.ctx.freeze(name, time);
        }
    }
}
