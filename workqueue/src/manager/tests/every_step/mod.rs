//! A manager that is killed before and after each of its calls, and another that goes on.
//!
//! What a manager does that others can see, it does by a call: to the queue, to the source, or to
//! its worker. So whoever kills it on both sides of each call has killed it everywhere; file
//! systems are tested so by a crash after each of their writes (Mohan and others, "Finding
//! Crash-Consistency Bugs with Bounded Black-Box Crash Testing", OSDI 2018).

mod deeds;
mod judge;
mod life;
mod queue;
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use entourage_core::Moment;
use tokio::runtime::{Builder, Runtime};

use crate::manager::tests::every_step::{
    judge::{Case, Story},
    life::{Kill, Life, Side},
    world::{Kind, PARALLELISM, World},
};

/// The calls of every manager.
const CALLS: &str = "configure subscribe records items step room receive stats item work close";

/// How long nobody works after a manager was killed: not as long as its leases.
const RESTART: Duration = Duration::from_secs(1);

/// How many second kills are tried with each first one.
const AGAIN: usize = 4;

#[test]
fn a_manager_killed_at_every_step_loses_nothing_and_does_nothing_twice() {
    kill_at_every_step(Kind::Stays, "");
}

#[test]
fn a_manager_killed_at_every_step_forgets_what_is_listed_no_more_and_nothing_else() {
    kill_at_every_step(Kind::Goes, "state");
}

#[test]
fn a_manager_killed_at_every_step_tells_its_source_of_all_that_is_finished() {
    kill_at_every_step(Kind::UsedUp, "state dead finished");
}

/// Kills a manager before and after each call that one makes which is not killed, and the one
/// that goes on here and there.
fn kill_at_every_step(kind: Kind, more: &str) {
    let never = Kill { call: usize::MAX, side: Side::Before };
    let whole = play(kind, &[never]);
    let calls = &whole.calls;
    Case { kind, kills: Vec::new() }.judge(&whole);
    assert_eq!(whole.looks[0].seen.effects, whole.after.seen.effects, "what was finished was done again");
    let kinds: BTreeSet<&str> = calls.iter().copied().collect();
    assert_eq!(kinds, CALLS.split(' ').chain(more.split_whitespace()).collect(), "these calls are made");
    assert!(calls.len() > 20, "a manager makes {} calls only", calls.len());

    let mut by_effects = BTreeMap::new();
    let mut second = 0;
    for (at, call) in calls.iter().copied().enumerate() {
        for side in [Side::Before, Side::After] {
            let first = Kill { call: at + 1, side };
            let story = play(kind, &[first]);
            let case = Case { kind, kills: vec![(first, call)] };
            assert!(story.was_killed[0], "{case}: it was not");
            assert_eq!(story.calls.get(..=at), calls.get(..=at), "{case}: this is not that run");
            case.judge(&story);
            let repeated = story.after.seen.effects.len() - whole.after.seen.effects.len();
            assert!(repeated <= PARALLELISM, "{case}: {repeated} effects were repeated");
            *by_effects.entry(repeated).or_insert(0) += 1;
            for _ in 0..AGAIN {
                // Each call of it has its turn, at another first kill.
                second = (second + 1) % (calls.len() * 2);
                let side = if second % 2 == 0 { Side::Before } else { Side::After };
                let again = Kill { call: second / 2 + 1, side };
                Case { kind, kills: vec![(first, call), (again, "any")] }.judge(&play(kind, &[first, again]));
            }
        }
    }
    eprintln!("{kind:?}: {} calls, 2 kills at each; kills by repeated effects: {by_effects:?}", calls.len());
    assert!(by_effects.len() > 1, "no kill came between an effect and its settlement");
}

/// Lets managers follow each other, each as a process of its own, until the last has finished all.
fn play(kind: Kind, kills: &[Kill]) -> Story {
    let mut world = None;
    let mut at = Moment::ZERO;
    let (mut lives, mut looks) = (Vec::new(), Vec::new());
    let mut is_finished = false;
    for kill in kills.iter().copied().map(Some).chain([None]) {
        let life = Arc::new(Life::until(kill));
        let look = runtime().block_on(async {
            let world = world.get_or_insert_with(|| World::new(kind));
            // Time goes on where it was in the runtime before.
            tokio::time::advance(at.since(world.site.clock.now())).await;
            is_finished = world.run(&life).await;
            at = world.site.clock.now() + RESTART;
            let look = world.look().await;
            world.deeds.ended();
            look
        });
        looks.push(look);
        // What it held is kept with it: to drop it would give it back.
        lives.push(life);
    }
    let after = looks.pop().expect("somebody lives last");
    let was_killed = lives.iter().map(|life| life.is_over()).collect();
    Story { calls: lives[0].calls(), looks, was_killed, after, is_finished }
}

/// A process's own, with which its tasks end; its time stands still while anything is to be done.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}
