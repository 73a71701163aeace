//! Q7: a worker whose file is locked by a process that stands still.

use std::{collections::BTreeSet, time::Duration};

use entourage::{
    core::{Clock, SystemClock},
    queue::Item,
};
use entourage_testkit::{Process, Rng};

use crate::{
    role::Role,
    site::{Site, said},
};

const ITEMS: u64 = 200;
const LEASE: Duration = Duration::from_millis(300);

fn publish(site: &Site) {
    site.publish((1..=ITEMS).map(|number| Item::new(format!("item-{number}"), "")));
}

/// It has items in hand, or is on its way to some.
pub(crate) fn q7_a_worker_goes_on_after_a_stopped_peer_locked_its_file(_: Rng) {
    let site = Site::new();
    publish(&site);
    let mut worker = start(&site);
    for _ in 0..10 {
        said(&worker, "settled");
    }
    lock_until_an_error(&site, &mut worker);
    assert_all_is_done(&site, &mut worker);
}

/// It waits for items.
pub(crate) fn q7_a_waiting_worker_goes_on_after_a_stopped_peer_locked_its_file(_: Rng) {
    let site = Site::new();
    let mut worker = start(&site);
    said(&worker, "idle");
    lock_until_an_error(&site, &mut worker);
    publish(&site);
    assert_all_is_done(&site, &mut worker);
}

fn start(site: &Site) -> Process {
    site.start("worker", Role::Worker { items: 1, lease: LEASE, work: Duration::from_millis(3) })
}

/// Longer than the queue has patience, which is many leases.
fn lock_until_an_error(site: &Site, worker: &mut Process) {
    let mut locker = site.start("locker", Role::Locker);
    said(&locker, "locked");
    locker.pause();
    let clock = SystemClock::new();
    let begun = clock.now();
    let error = said(worker, "error ");
    println!("q7: told after {:?}", clock.now().since(begun));
    assert!(error.contains("Unavailable") || error.contains("Unknown"), "{error}");
    assert!(worker.is_running(), "the worker has given up: {}", worker.stderr());
    site.tell("unlock");
    locker.resume();
    said(&locker, "unlocked");
}

fn assert_all_is_done(site: &Site, worker: &mut Process) {
    said(worker, "settled");
    site.wait_for_the_end();
    assert!(worker.is_running(), "the worker has ended: {}", worker.stderr());
    let done: Vec<_> = site.effects().into_iter().map(|(id, _)| id).collect();
    let distinct = BTreeSet::from_iter(&done);
    assert_eq!((done.len() as u64, distinct.len() as u64), (ITEMS, ITEMS), "lost or done twice");
    assert_eq!(site.dead(), []);
}
