//! Looking: at counts, dead letters and room.

use std::pin::pin;

use entourage_queue::{Error, Group, ItemId, Redrive, Topic};

use super::{
    super::{draw::GROUPS, oracle::Status},
    Run, fine, same,
};

impl Run {
    pub(super) async fn stats(
        &mut self,
        client: usize,
        topic: &'static str,
        group: usize,
    ) -> Result<(), String> {
        if self.oracle.topic(topic).groups.is_empty() {
            return Ok(());
        }
        let real = self.clients[client].stats(&Topic::from(topic), &Group::from(GROUPS[group])).await;
        let real = fine("stats", real)?;
        for (what, count) in [
            ("ready items", real.ready),
            ("waiting items", real.waiting),
            ("leased items", real.in_flight),
            ("dead items", real.dead),
        ] {
            if count > 0 {
                self.met(what);
            }
        }
        same("stats", &real, &self.oracle.stats(topic, group))
    }

    pub(super) async fn dead(
        &mut self,
        client: usize,
        topic: &'static str,
        group: usize,
        limit: usize,
    ) -> Result<(), String> {
        let real = self.clients[client].dead(&Topic::from(topic), &Group::from(GROUPS[group]), limit).await;
        let real = fine("dead", real)?;
        let model = self.oracle.dead(topic, group);
        same("dead letters", &real.len(), &model.len().min(limit))?;
        for (real, model) in real.iter().zip(model) {
            let Status::Dead { reason, attempts } = &model.status else { continue };
            same("a dead letter", &real.item, &model.publication.item)?;
            same("its attempts", &real.attempts, attempts)?;
            same("its reason", &real.reason, reason.as_ref().unwrap_or(&real.reason))?;
        }
        Ok(())
    }

    pub(super) async fn redrive(
        &mut self,
        client: usize,
        topic: &'static str,
        group: usize,
        only: Option<Vec<String>>,
    ) -> Result<(), String> {
        let ids = |ids: &Vec<String>| Redrive::Only(ids.iter().map(|id| ItemId::from(id.as_str())).collect());
        let which = only.as_ref().map_or(Redrive::All, ids);
        let names = (Topic::from(topic), Group::from(GROUPS[group]));
        let real = self.clients[client].redrive(&names.0, &names.1, which).await;
        match (real, self.oracle.redrive(topic, group, only.as_deref())) {
            (Ok(real), Ok(model)) => {
                if real > 0 {
                    self.met("a redrive");
                }
                same("redrive", &real, &model)
            }
            (Err(Error::Full { capacity, .. }), Err(model)) => {
                self.met("a redrive without room");
                same("redrive", &capacity, &model)
            }
            (real, model) => Err(format!("redrive: the queue says {real:?}, the model {model:?}")),
        }
    }

    pub(super) async fn room(
        &mut self,
        client: usize,
        topic: &'static str,
        items: u64,
    ) -> Result<(), String> {
        let (client, name) = (self.clients[client].clone(), Topic::from(topic));
        let mut room = pin!(client.room(&name, items));
        if self.oracle.has_room(topic, items) {
            self.met("room");
            return fine("room", room.await);
        }
        self.met("no room");
        same("room", &client.glance(room.as_mut()).await.is_some(), &false)
    }
}
