//! Many clients, servers that do everything wrong, and one that does nothing wrong.

use std::{cell::Cell, rc::Rc, time::Duration};

use entourage_ambassador::Options;
use entourage_core::{Clock, SystemClock, sleep};
use entourage_testkit::{Rng, mimic::Trial};

use crate::{
    asker::{Tally, keep_asking},
    is_long, proxy,
    server::{self, Habit},
    trial,
};

const CLIENTS: usize = 24;
const SERVERS: usize = 3;

pub(crate) fn trials() -> Vec<Trial> {
    let rng = Rng::from_env();
    let storm = move || a1_every_reply_is_that_of_its_request_whatever_servers_and_clients_do(rng);
    vec![trial("a1_every_reply_is_that_of_its_request_whatever_servers_and_clients_do", storm)]
}

/// What a connection will do, which is never a plausible lie: nobody could tell that from the truth.
fn habit(rng: &mut Rng) -> Habit {
    let after = rng.between(0..400);
    match rng.between(0..9) {
        0 => Habit::Late(after, Duration::from_millis(rng.between(50..400))),
        1 => Habit::Deaf(after),
        2 | 3 => Habit::Reset(after),
        4 | 5 => Habit::Cut(after),
        6 => Habit::Garbage(after),
        7 => Habit::WrongKind(after),
        _ => Habit::Drip,
    }
}

/// Counts how often this thread, and the servers on it, stood still for nearly as long as the proxy waits.
async fn watch(held_up: Rc<Cell<u64>>) {
    let clock = SystemClock::new();
    loop {
        let before = clock.now();
        sleep(&clock, Duration::from_millis(10)).await;
        let stood_still = clock.now().since(before) > Duration::from_millis(100);
        held_up.set(held_up.get() + u64::from(stood_still));
    }
}

async fn a1_every_reply_is_that_of_its_request_whatever_servers_and_clients_do(mut rng: Rng) {
    let (mut servers, mut books) = (Vec::new(), Vec::new());
    for place in 0..SERVERS {
        let mut own = Rng::new(rng.next_u64());
        let (server, book) =
            server::serve(move || if place == 0 { Habit::Honest } else { habit(&mut own) }).await;
        servers.push(server);
        books.push(book);
    }
    let (proxy, address) = proxy::start(&servers, &["timeout: 150"], Options::default()).await;
    let (tally, held_up) = (Rc::new(Tally::default()), Rc::new(Cell::new(0)));
    let watched = tokio::task::spawn_local(watch(Rc::clone(&held_up)));
    let enough = if is_long() { 5_000_000 } else { 30_000 };
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (tally, rng, homes) = (Rc::clone(&tally), Rng::new(rng.next_u64()), proxy::homes(SERVERS));
        clients.spawn_local(keep_asking(address, tally, enough, rng, move |key| homes(key) == 0));
    }
    while let Some(client) = clients.join_next().await {
        client.expect("no client has seen what is wrong");
    }
    drop(proxy);
    watched.abort();
    assert!(tally.late.get() == 0 || held_up.get() > 0, "who does no wrong is answered for: {tally:?}");
    let twice: u64 = books.iter().map(|book| book.twice.get()).sum();
    assert_eq!(twice, 0, "nothing that was begun is sent again");
    // Else this would show nothing.
    assert!(tally.right.get() > tally.failed.get() && tally.failed.get() > 0, "{tally:?}");
    assert!(books[1].connections.get() > 3, "{books:?}");
}
