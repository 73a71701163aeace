//! What a judge is worth shows in what it condemns: six broken histories and more.

use crate::{
    counts::Counts,
    event::{Event, Res, Verb, What},
    judge::{Breaches, Judge},
};

pub(crate) fn trials() -> Vec<(&'static str, fn())> {
    vec![
        ("a_sound_history_is_counted", a_sound_history_is_counted),
        ("an_event_is_read_as_it_is_written", an_event_is_read_as_it_is_written),
        ("a_lost_item_is_condemned", a_lost_item_is_condemned),
        ("an_item_that_is_done_and_dead_is_condemned", an_item_that_is_done_and_dead_is_condemned),
        ("a_fenced_effect_that_comes_twice_is_condemned", a_fenced_effect_that_comes_twice_is_condemned),
        ("a_duplicate_without_a_crash_is_condemned", a_duplicate_without_a_crash_is_condemned),
        ("a_phantom_is_condemned", a_phantom_is_condemned),
        (
            "a_zombies_settlement_that_is_accepted_is_condemned",
            a_zombies_settlement_that_is_accepted_is_condemned,
        ),
        (
            "a_settled_item_that_is_given_out_again_is_condemned",
            a_settled_item_that_is_given_out_again_is_condemned,
        ),
        ("a_live_attempt_that_is_ended_is_condemned", a_live_attempt_that_is_ended_is_condemned),
        ("an_attempt_that_is_given_out_twice_is_condemned", an_attempt_that_is_given_out_twice_is_condemned),
        ("an_unknown_publication_may_be_there_or_not", an_unknown_publication_may_be_there_or_not),
        ("a_line_that_is_no_event_is_condemned", a_line_that_is_no_event_is_condemned),
    ]
}

const LEASE: u64 = 1_000;

type Events = Vec<(u64, What<'static>)>;

const fn enq(id: &'static str, res: Res) -> What<'static> {
    What::Enq { id, res }
}

const fn start(id: &'static str, worker: &'static str, epoch: u64, asked: u64) -> What<'static> {
    What::Start { id, worker, attempt: 1, epoch, asked }
}

const fn effect(id: &'static str, worker: &'static str, epoch: u64, ok: bool) -> What<'static> {
    let fenced = !matches!(id.as_bytes()[0], b'p');
    What::Effect { id, worker, attempt: 1, epoch, fenced, ok }
}

const fn ack(id: &'static str, worker: &'static str, epoch: u64, verb: Verb, ok: bool) -> What<'static> {
    What::Ack { id, worker, epoch, verb, ok }
}

/// A worker is killed between its effects and its settlements, another stands still.
fn sound() -> Events {
    vec![
        (0, What::Run { backend: "none", lease: LEASE }),
        (1, enq("p0", Res::Ok)),
        (2, enq("f1", Res::Ok)),
        (3, enq("d2", Res::Ok)),
        (10, start("p0", "a", 5, 9)),
        (11, start("f1", "a", 6, 9)),
        (12, effect("p0", "a", 5, true)),
        (13, effect("f1", "a", 6, true)),
        (14, What::Kill { worker: "a" }),
        (1_100, start("p0", "b", 8, 20)),
        (1_101, start("f1", "b", 9, 20)),
        (1_102, start("d2", "b", 10, 20)),
        (1_110, What::Pause { worker: "b" }),
        (2_300, start("p0", "c", 12, 1_200)),
        (2_301, start("f1", "c", 13, 1_200)),
        (2_302, start("d2", "c", 14, 1_200)),
        (2_303, effect("p0", "c", 12, true)),
        (2_304, ack("p0", "c", 12, Verb::Accept, true)),
        (2_305, ack("f1", "c", 13, Verb::Accept, true)),
        (2_306, ack("d2", "c", 14, Verb::Reject, true)),
        (2_310, What::Resume { worker: "b" }),
        (2_311, effect("p0", "b", 8, true)),
        (2_312, effect("f1", "b", 9, false)),
        (2_313, ack("p0", "b", 8, Verb::Accept, false)),
        (2_314, ack("f1", "b", 9, Verb::Accept, false)),
        (2_315, ack("d2", "b", 10, Verb::Retry, false)),
        (2_400, What::Dead { id: "d2" }),
    ]
}

fn judged(events: &Events) -> Result<Counts, Breaches> {
    Judge::of(events.iter().map(|(t, what)| Event { t: *t, what: *what }.to_string()))
}

/// The sound history without what `is_out`, and with more behind it.
fn changed(is_out: impl Fn(&What<'static>) -> bool, more: &[What<'static>]) -> Events {
    let mut events = sound();
    events.retain(|(_, what)| !is_out(what));
    events.extend((2_500..).zip(more.iter().copied()));
    events
}

#[track_caller]
fn condemned(events: &Events, why: &str) {
    let breaches = judged(events).expect_err("it is not sound");
    assert!(breaches.first.iter().any(|breach| breach.contains(why)), "{breaches:?}");
    assert_eq!(breaches.number, 1, "{breaches:?}");
}

fn a_sound_history_is_counted() {
    let counts = Counts {
        accepted: 3,
        done: 2,
        dead: 1,
        attempts: 8,
        kept_out: 1,
        refused: 3,
        kills: 1,
        zombies: 1,
        // That of `a` comes again as that of `c`, and those of both as that of `b`.
        after_kill: 2,
        after_pause: 1,
        ..Counts::default()
    };
    assert_eq!(judged(&sound()), Ok(counts));
}

fn an_event_is_read_as_it_is_written() {
    let odd = "a \"b\\\u{1f980}\n";
    let more = [
        What::Down,
        What::Up,
        What::Dead { id: odd },
        enq("x", Res::Fail),
        enq("x", Res::Unknown),
        ack("x", "y", 7, Verb::Retry, false),
    ];
    for (t, what) in changed(|_| false, &more) {
        let event = Event { t, what };
        let line = event.to_string();
        assert!(!line.contains('\n'), "{line}");
        let value = serde_json::from_str(&line).expect("it is JSON");
        assert_eq!(Event::of(&value), Some(event), "{line}");
    }
}

fn a_lost_item_is_condemned() {
    condemned(&changed(|_| false, &[enq("f3", Res::Ok)]), "f3 is lost");
    condemned(&changed(|what| matches!(what, What::Dead { .. }), &[]), "d2 is lost");
}

fn an_item_that_is_done_and_dead_is_condemned() {
    condemned(&changed(|_| false, &[What::Dead { id: "f1" }]), "f1 is done and dead");
}

fn a_fenced_effect_that_comes_twice_is_condemned() {
    condemned(&changed(|_| false, &[effect("f1", "b", 9, true)]), "fenced effect of f1 was let in again");
    condemned(&changed(|_| false, &[effect("p0", "b", 8, true)]), "p0 took effect twice");
}

fn a_duplicate_without_a_crash_is_condemned() {
    let again = [
        enq("p4", Res::Ok),
        start("p4", "c", 20, 2_490),
        effect("p4", "c", 20, true),
        start("p4", "d", 21, 2_490),
        effect("p4", "d", 21, true),
    ];
    condemned(&changed(|_| false, &again), "nothing had befallen 20");
    // One who was killed explains it, and one who stood still: see the sound history.
    let mut killed = again.to_vec();
    killed.insert(3, What::Kill { worker: "c" });
    assert!(judged(&changed(|_| false, &killed)).is_ok());
    // Nor does a crash explain it that came when the item was settled.
    killed.insert(3, ack("p4", "c", 20, Verb::Accept, true));
    let breaches = judged(&changed(|_| false, &killed)).expect_err("it was done");
    assert!(breaches.first.iter().any(|breach| breach.contains("nothing had befallen 20")), "{breaches:?}");
}

fn a_phantom_is_condemned() {
    let ghost = [start("f9", "c", 30, 2_490), effect("f9", "c", 30, true)];
    condemned(&changed(|_| false, &ghost), "f9 was never published");
    condemned(&changed(|_| false, &[What::Dead { id: "f9" }]), "f9 was never published");
}

fn a_zombies_settlement_that_is_accepted_is_condemned() {
    let late = |what: &What<'_>| matches!(what, What::Ack { worker: "b", id: "f1", .. });
    let accepted = ack("f1", "b", 9, Verb::Accept, true);
    condemned(&changed(late, &[accepted]), "f1 was settled by 9, which had lapsed before 13");
}

fn a_settled_item_that_is_given_out_again_is_condemned() {
    let again = start("f1", "d", 40, 2_490);
    condemned(&changed(|_| false, &[again]), "f1 was settled by 13, and given out again as 40");
}

fn a_live_attempt_that_is_ended_is_condemned() {
    let hasty = [
        enq("f5", Res::Ok),
        start("f5", "c", 50, 2_490),
        start("f5", "d", 51, 2_490),
        effect("f5", "d", 51, true),
        ack("f5", "c", 50, Verb::Accept, false),
    ];
    condemned(&changed(|_| false, &hasty), "50 at f5 was ended while c was alive");
    // What it has given back itself, it may say later than the next one begins.
    let mut given = hasty.to_vec();
    given[4] = ack("f5", "c", 50, Verb::Retry, true);
    assert!(judged(&changed(|_| false, &given)).is_ok());
    // And whoever had no server for a while may have lost it.
    let mut outage = hasty.to_vec();
    outage.splice(2..2, [What::Down, What::Up]);
    assert!(judged(&changed(|_| false, &outage)).is_ok());
}

fn an_attempt_that_is_given_out_twice_is_condemned() {
    let twice = [enq("f6", Res::Ok), start("f6", "c", 60, 2_490), start("f6", "d", 60, 2_490)];
    let breaches = judged(&changed(|_| false, &twice)).expect_err("it is not sound");
    assert!(breaches.first.iter().any(|breach| breach.contains("60 at f6 was begun twice")), "{breaches:?}");
    let nobodys = [enq("f6", Res::Ok), effect("f6", "c", 61, true)];
    let breaches = judged(&changed(|_| false, &nobodys)).expect_err("it is not sound");
    assert!(breaches.first.iter().any(|breach| breach.contains("without an attempt 61")), "{breaches:?}");
}

fn an_unknown_publication_may_be_there_or_not() {
    let unknown = [enq("f7", Res::Unknown), enq("f8", Res::Unknown), enq("f9", Res::Fail)];
    let there = [start("f8", "c", 70, 2_490), effect("f8", "c", 70, true)];
    let counts = judged(&changed(|_| false, &[&unknown[..], &there].concat())).expect("it is sound");
    assert_eq!((counts.accepted, counts.unknown, counts.done), (3, 2, 3));
    let refused = [start("f9", "c", 71, 2_490), effect("f9", "c", 71, true)];
    condemned(&changed(|_| false, &[&unknown[..], &refused].concat()), "f9 was never published");
}

fn a_line_that_is_no_event_is_condemned() {
    let lines = ["", "{", "{\"t\":1}", "{\"t\":1,\"e\":\"enq\",\"id\":\"a\",\"res\":\"perhaps\"}", "[]"];
    let breaches = Judge::of(lines.map(str::to_owned)).expect_err("it is no history");
    assert_eq!(breaches.number, lines.len() as u64);
}
