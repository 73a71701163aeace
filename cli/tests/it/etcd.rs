//! `entourage election` beside `etcdctl`, on one etcd.

use std::time::Duration;

use entourage_testkit::{Etcd, Process, Program, Requirement, eventually};

use crate::{entourage, page::Page};

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `body` with a server; says so where there is none.
fn with_etcd(body: impl FnOnce(&Etcd)) {
    if Requirement::from(Etcd::available()).is_met("etcd") {
        body(&Etcd::start());
    }
}

/// Ours: says `up` and its key when it owns the name, and holds it.
fn ours(etcd: &Etcd, ttl: &str) -> Process {
    let store = format!("etcd://{}", etcd.endpoints().join(","));
    let script = "echo \"up $ETCD_LOCK_KEY $ETCD_LOCK_REV\"; exec sleep 60";
    let run =
        entourage().args(["election", "run", "--name", "printer", "--store", &store, "--ttl", ttl, "--"]);
    run.args(["sh", "-c", script]).start()
}

fn etcdctl(etcd: &Etcd) -> Program {
    let endpoints = format!("--endpoints={}", etcd.endpoints().join(","));
    Program::new("etcdctl").env("ETCDCTL_API", "3").arg(endpoints)
}

/// Theirs: prints its key when it owns the name, and holds it.
fn theirs(etcd: &Etcd, ttl: &str) -> Process {
    etcdctl(etcd).args(["lock", "printer", "--ttl", ttl]).start()
}

/// Waits until it owns the name; its key.
fn owns(process: &Process) -> String {
    let line = process.wait_line("that it owns the name", |line| line.contains("printer/"), PATIENCE);
    line.split_whitespace().find(|word| word.starts_with("printer/")).expect("it was there").to_owned()
}

/// The contenders' keys.
fn keys(etcd: &Etcd) -> Vec<String> {
    let listed = etcd.ctl(["get", "--prefix", "--keys-only", "printer/"]).succeeded();
    listed.stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Waits until so many contend.
fn contend(etcd: &Etcd, number: usize) {
    let what = format!("{number} contend");
    eventually(PATIENCE, &what, || (keys(etcd).len() == number).then_some(()));
}

fn end(mut process: Process) {
    process.terminate();
    process.wait(PATIENCE);
}

#[test]
fn e8_etcdctl_waits_while_we_hold_and_we_wait_while_it_holds() {
    with_etcd(|etcd| {
        let first = ours(etcd, "30s");
        let key = owns(&first);
        assert_eq!(keys(etcd), [key], "the command is told the key that others see");
        let second = theirs(etcd, "30");
        contend(etcd, 2);
        let third = ours(etcd, "30s");
        contend(etcd, 3);
        assert_eq!((second.stdout(), third.stdout()), (String::new(), String::new()));

        // In the order in which they came, and at once: long before any time to live is over.
        end(first);
        owns(&second);
        assert_eq!(third.stdout(), "");
        end(second);
        owns(&third);
        end(third);
        contend(etcd, 0);
    });
}

#[test]
fn e8_a_killed_holder_is_followed_by_the_other_kind() {
    with_etcd(|etcd| {
        let mut first = theirs(etcd, "2");
        owns(&first);
        let mut second = ours(etcd, "2s");
        contend(etcd, 2);
        let third = theirs(etcd, "2");
        contend(etcd, 3);
        first.kill9();
        owns(&second);
        assert_eq!(third.stdout(), "");
        second.kill9();
        owns(&third);
        end(third);
    });
}

#[test]
fn e8_etcdctl_sees_whom_we_elect_and_we_see_whom_it_elects() {
    with_etcd(|etcd| {
        let store = format!("etcd://{}", etcd.endpoints().join(","));
        let election =
            |command: &str| entourage().args(["election", command, "--name", "printer", "--store", &store]);
        let mut observer = election("observe").start();
        let line = |process: &Process, has: &str| {
            process.wait_line(has, |line| line.contains(has), PATIENCE);
        };
        let first = election("elect").arg("ours:1").start();
        line(&first, "elected");
        let listener = etcdctl(etcd).args(["elect", "-l", "printer"]).start();
        line(&listener, "ours:1");
        let second = etcdctl(etcd).args(["elect", "printer", "theirs:2"]).start();
        contend(etcd, 2);
        end(first);
        line(&second, "theirs:2");
        line(&observer, "ours:1");
        line(&observer, "theirs:2");
        line(&listener, "theirs:2");
        end(second);
        end(listener);
        observer.terminate();
        assert!(observer.wait(PATIENCE).status.success());
    });
}

#[test]
fn e6_who_contends_without_a_store_is_not_ready_and_alive_until_it_is_back() {
    if !Requirement::from(Etcd::available()).is_met("etcd") {
        return;
    }
    let mut etcd = Etcd::start();
    let store = format!("etcd://{}", etcd.endpoints().join(","));
    let program = entourage().args(["election", "run", "--admin", "0", "--name", "printer"]);
    let run = program.args(["--store", &store, "--ttl", "2s", "--", "sleep", "600"]);
    let (owner, waiter) = (run.start(), run.start());
    let pages = [Page::of(&owner), Page::of(&waiter)];
    let owns = |page: &Page| page.number("entourage_election_is_owner", "printer") == 1.0;
    eventually(PATIENCE, "one owns and one waits", || {
        let ahead = |page: &Page| page.number("entourage_election_contenders_ahead", "printer");
        (pages.iter().any(owns) && pages.iter().any(|page| ahead(page) == 1.0)).then_some(())
    });
    pages.iter().for_each(|page| drop(page.is_ready(true)));

    // Frozen: connections stand, and nobody answers.
    etcd.pause(0);
    for page in &pages {
        let why = page.is_ready(false);
        assert!(why.contains("the store has not confirmed a session in time"), "{why}");
        assert_eq!(page.get("/livez").status, 200, "to be started anew would help nobody");
        assert!(!owns(page));
    }
    let all = |name: &str| -> f64 {
        pages.iter().map(|page| page.number(&format!("entourage_election_{name}"), "printer")).sum()
    };
    assert!(all("acquisitions_total") >= 1.0 && all("renewals_late_total") >= 1.0);
    // Nobody owns now: each grant has ended once, in one of these ways.
    let lost = ["lost_by_deadline_total", "lost_with_session_total", "lost_with_key_total"];
    assert_eq!(lost.map(all).iter().sum::<f64>(), all("acquisitions_total"));

    etcd.resume(0);
    pages.iter().for_each(|page| drop(page.is_ready(true)));
    eventually(PATIENCE, "one owns again", || pages.iter().any(owns).then_some(()));
    end(owner);
    end(waiter);
}
