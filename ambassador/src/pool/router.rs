//! Which server of a pool has a key.

use std::rc::Rc;

use entourage_sharding::Error;

use super::{Placement, Placing};
use crate::{
    failure::{Cause, Failure},
    nutcracker::Pool,
    options::OnEjected,
};

/// A server as keys are placed on it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) name: Rc<str>,
    pub(crate) weight: u32,
}

/// Says which server of a pool has a key, of those that serve.
#[derive(Debug)]
pub(crate) struct Router {
    /// The pool's name.
    pool: Rc<str>,
    targets: Vec<Target>,
    ejected: Vec<bool>,
    changes: u32,
    on_ejected: OnEjected,
    placing: Placing,
    placement: Placement,
}

impl Router {
    /// Over the servers of this pool, none of them ejected.
    ///
    /// # Errors
    /// As the ring's: too many points, say.
    pub(crate) fn new(pool: &Pool, on_ejected: OnEjected) -> Result<Self, Error> {
        let targets: Vec<_> = pool
            .servers
            .iter()
            .map(|server| Target { name: server.name.as_str().into(), weight: server.weight })
            .collect();
        let (placing, ejected) = (Placing::from(pool), vec![false; targets.len()]);
        let placement = place(placing, on_ejected, &targets, &ejected)?;
        Ok(Self {
            pool: pool.name.as_str().into(),
            targets,
            ejected,
            changes: 0,
            on_ejected,
            placing,
            placement,
        })
    }

    /// The pool's name.
    pub(crate) fn pool(&self) -> &str {
        &self.pool
    }

    pub(crate) fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// How often servers were ejected or let back in: while this is the same, so is each key's server.
    pub(crate) const fn changes(&self) -> u32 {
        self.changes
    }

    /// The server of this key.
    ///
    /// # Errors
    /// It is ejected, or all are, and what is configured for that.
    #[inline]
    pub(crate) fn server(&self, key: &[u8]) -> Result<usize, Failure> {
        let Some(server) = self.placement.server(key) else {
            return Err(Failure { cause: Cause::NoServer, server: "".into() });
        };
        if self.ejected[server] { self.instead(server, key) } else { Ok(server) }
    }

    /// The first server that serves, for what any of them answers alike.
    ///
    /// # Errors
    /// All are ejected.
    pub(crate) fn any(&self) -> Result<usize, Failure> {
        let first = self.ejected.iter().position(|ejected| !ejected);
        first.ok_or_else(|| Failure { cause: Cause::NoServer, server: "".into() })
    }

    /// Why nothing is sent to this server; `None` if it serves.
    pub(crate) fn ejected(&self, server: usize) -> Option<Failure> {
        let cause = if self.on_ejected == OnEjected::Miss { Cause::Missed } else { Cause::Ejected };
        self.ejected[server].then(|| Failure { cause, server: Rc::clone(&self.targets[server].name) })
    }

    /// Ejects a server, or lets it back in.
    pub(crate) fn set_ejected(&mut self, server: usize, ejected: bool) {
        self.ejected[server] = ejected;
        self.changes = self.changes.wrapping_add(1);
        if self.on_ejected == OnEjected::Rehash {
            // Fewer servers of the same weights have no more points than all have.
            self.placement = place(self.placing, self.on_ejected, &self.targets, &self.ejected)
                .expect("a part of what was placed can be placed");
        }
    }

    /// The same placement with nobody ejected, which nothing changes any more.
    pub(crate) fn everywhere(mut self) -> Self {
        self.on_ejected = OnEjected::Fail;
        self.ejected.fill(false);
        self.placement = place(self.placing, self.on_ejected, &self.targets, &self.ejected)
            .expect("what was placed can be placed again");
        self
    }

    /// What serves a key whose own server is ejected.
    fn instead(&self, server: usize, key: &[u8]) -> Result<usize, Failure> {
        let next = match self.on_ejected {
            OnEjected::Next => match self.placement.preferred(key) {
                Some(preferred) => preferred.into_iter().find(|&server| !self.ejected[server]),
                None => self.any().ok(),
            },
            _ => None,
        };
        next.ok_or_else(|| {
            self.ejected(server).unwrap_or_else(|| Failure { cause: Cause::NoServer, server: "".into() })
        })
    }
}

/// Places keys on the servers that take part: all, or those that serve.
fn place(
    placing: Placing,
    on_ejected: OnEjected,
    targets: &[Target],
    ejected: &[bool],
) -> Result<Placement, Error> {
    let all = targets.iter().enumerate();
    let part = all.filter(|(server, _)| !(on_ejected == OnEjected::Rehash && ejected[*server]));
    let part: Vec<_> = part.map(|(server, target)| (server, &*target.name, target.weight)).collect();
    Placement::new(placing, &part)
}
