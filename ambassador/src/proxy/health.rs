//! What is looked at from time to time: who waits for too long, and which ejected servers are back.

use std::{rc::Rc, time::Duration};

use entourage_core::{sleep, timeout};
use tokio::task::JoinSet;

use super::{
    connect::{Target, patience, probe},
    shared::Shared,
};
use crate::protocol::Protocol;

/// How often, at the least.
const SELDOM: Duration = Duration::from_millis(250);

/// Gives up what waits for too long, and asks ejected servers whether they are back. Never ends.
pub(super) async fn watch<P: Protocol>(shared: Rc<Shared<P>>) {
    let mut probes = JoinSet::new();
    loop {
        let limit = shared.pool().timeout;
        // So often that nobody waits for much longer than the limit.
        let pause = limit.map_or(SELDOM, |limit| (limit / 4).clamp(Duration::from_millis(1), SELDOM));
        sleep(&shared.clock, pause).await;
        shared.tell_time();
        if let Some(limit) = limit {
            shared.mux.borrow_mut().sweep(limit);
        }
        shared.mux.borrow_mut().let_go();
        shared.write_soon();
        shared.mux.borrow_mut().cool_down();
        while probes.try_join_next().is_some() {}
        let due = shared.mux.borrow_mut().due();
        for server in due {
            if shared.options.probe {
                probes.spawn_local(ask(Rc::clone(&shared), server));
            } else {
                shared.mux.borrow_mut().readmit(server);
            }
        }
    }
}

/// Lets an ejected server back in if it answers.
async fn ask<P: Protocol>(shared: Rc<Shared<P>>, server: usize) {
    let pool = shared.pool();
    let target = Target::of(&pool, server);
    let answered = timeout(&shared.clock, patience(&pool), probe(&*shared, &target)).await;
    // In between the pool may have become another, where this place is another server's.
    let is_it = Rc::ptr_eq(&pool, &shared.pool());
    if is_it && matches!(answered, Ok(Ok(()))) {
        shared.mux.borrow_mut().readmit(server);
    }
}
