//! What a listing of a Stream does at the server.

use entourage_engine::redis::Fault;

use super::{RedisStreamSource, StreamStart, group::says};
use crate::source::listing::Listing;

/// Searches in one listing for what others left: each looks at up to ten times a hundred entries.
const SEARCHES: usize = 20;

impl RedisStreamSource {
    /// Sees that the group is there, once.
    async fn join(&self) -> Result<(), Fault> {
        if !self.state().has_joined {
            self.consumer.create(self.start).await?;
            self.state().has_joined = true;
        }
        self.state().beat.begin(&self.consumer, &self.clock, self.idle);
        Ok(())
    }

    pub(super) async fn list(&self) -> Result<Listing, Fault> {
        self.join().await?;
        match self.look().await {
            Err(fault) if says(&fault, "NOGROUP") && self.was_replaced().await? => {
                // Everything that is on an emptied server is new.
                self.consumer.create(StreamStart::Beginning).await?;
                self.state().was_replaced = false;
                self.look().await
            }
            listing => {
                if listing.is_ok() {
                    // Another has created it.
                    self.state().was_replaced = false;
                }
                listing
            }
        }
    }

    /// Whether the server was emptied since the group was there; it says so once.
    async fn was_replaced(&self) -> Result<bool, Fault> {
        let was_replaced = self.state().was_replaced || self.consumer.was_replaced().await?;
        self.state().was_replaced = was_replaced;
        Ok(was_replaced)
    }

    async fn look(&self) -> Result<Listing, Fault> {
        let mut mine = self.consumer.mine(self.limit).await?;
        let mut room = self.limit.saturating_sub(mine.len());
        if room > 0 {
            room -= self.claim(room).await?.min(room);
            while room > 0 {
                let read = self.consumer.read(room).await?;
                room = room.saturating_sub(usize::try_from(read).unwrap_or(room));
                if read == 0 {
                    break;
                }
            }
            mine = self.consumer.mine(self.limit).await?;
        }
        let others = self.consumer.pending().await?.saturating_sub(mine.len() as u64);
        let mut listing = Listing::builder();
        for entry in &mine {
            listing.offer(&entry.id);
        }
        if mine.len() >= self.limit {
            listing.miss("there may be more entries, as soon as there is room for them");
        }
        if others > 0 {
            listing.miss(format!("{others} entries are with other consumers of the group"));
        }
        self.state().listed = mine.into_iter().map(|entry| (entry.id, entry.deliveries)).collect();
        Ok(listing.build())
    }

    /// Takes over up to `room` entries that others left, and deletes those who are gone.
    async fn claim(&self, room: usize) -> Result<usize, Fault> {
        let now = self.clock.now();
        let mut cursor = self.state().cursor.take().unwrap_or_else(|| "0-0".to_owned());
        let mut claimed = 0;
        for _ in 0..SEARCHES {
            let (next, count) = self.consumer.claim(self.idle, &cursor, room - claimed).await?;
            (cursor, claimed) = (next, claimed + count);
            if cursor == "0-0" || claimed >= room {
                break;
            }
        }
        let sweeps = self.state().swept.is_none_or(|swept| now.since(swept) >= self.idle);
        if sweeps {
            self.consumer.sweep(self.idle).await?;
        }
        let mut state = self.state();
        state.cursor = Some(cursor);
        if sweeps {
            state.swept = Some(now);
        }
        Ok(claimed)
    }
}
