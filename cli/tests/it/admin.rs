//! The admin page of a program that contends.

use std::time::Duration;

use entourage_testkit::{Process, Program, Scratch};
use serde_json::Value;

use crate::{
    entourage,
    page::{Page, read},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// What a page must escape.
const NAME: &str = r#"the "big\printer""#;

/// `entourage election COMMAND` on a file, with a page at a port that the kernel chooses.
fn election(command: &str, scratch: &Scratch) -> Program {
    let url = format!("sqlite:{}", scratch.join("state.db").display());
    entourage().args(["election", command, "--admin", "0", "--name", NAME, "--store"]).arg(url)
}

/// Runs this shell script while the name is owned.
fn run(scratch: &Scratch, script: &str) -> Process {
    election("run", scratch).args(["--ttl", "30s", "--", "sh", "-c", script]).start()
}

fn end(mut process: Process) {
    process.terminate();
    process.wait(PATIENCE);
}

#[test]
fn an_owners_page_shows_its_grant_its_fence_and_what_it_asked_of_the_store() {
    let scratch = Scratch::new();
    let owner = run(&scratch, "echo \"up $ENTOURAGE_FENCE\"; exec sleep 60");
    let up = owner.wait_line("that it owns", |line| line.starts_with("up"), PATIENCE);
    let epoch: f64 = up.split_whitespace().last().and_then(|epoch| epoch.parse().ok()).expect("an epoch");
    let page = Page::of(&owner);
    for (name, wanted) in [
        ("acquisitions_total", 1.0),
        ("acquisitions_uncontended_total", 1.0),
        ("is_owner", 1.0),
        ("is_in_touch", 1.0),
        ("epoch", epoch),
        ("waiting", 0.0),
        ("contenders", 1.0),
        ("contenders_ahead", 0.0),
        ("released_total", 0.0),
        ("lost_by_deadline_total", 0.0),
    ] {
        assert_eq!(page.number(&format!("entourage_election_{name}"), NAME), wanted, "{name}");
    }
    let metrics = page.metrics();
    let of_store = |name: &str| {
        metrics.iter().find(|((found, _), _)| found == name).map(|(_, value)| *value).expect("it is counted")
    };
    assert!(of_store("entourage_store_transactions_applied_total") >= 1.0);
    assert_eq!(of_store("entourage_store_sessions_opened_total"), 1.0);
    assert_eq!(page.get("/livez").status, 200);
    page.is_ready(true);
    end(owner);
}

#[test]
fn a_blueprint_shows_the_name_beside_its_store() {
    let scratch = Scratch::new();
    let owner = run(&scratch, "echo up; exec sleep 60");
    owner.wait_line("that it owns", |line| line == "up", PATIENCE);
    let page = Page::of(&owner);
    let drawn: Value = serde_json::from_str(&page.get("/blueprint").body).expect("it is JSON");
    let nodes = drawn["nodes"].as_array().expect("there are nodes");
    let node = |pattern: &str| nodes.iter().find(|node| node["pattern"] == pattern).expect("it is drawn");
    let (name, store) = (node("election"), node("store"));
    assert_eq!((&name["name"], &name["backend"]), (&NAME.into(), &"sqlite".into()));
    assert_eq!((&name["gives"][0], &name["counters"]["is_owner"]), (&"fence".into(), &1.into()));
    let link = &drawn["links"][0];
    assert_eq!((&link["from"], &link["to"]), (&name["name"], &store["name"]));
    let picture = page.get("/blueprint?as=mermaid");
    assert!(picture.body.starts_with("flowchart LR\n") && picture.body.contains("-->"), "{picture:?}");
    end(owner);
}

#[test]
fn who_waits_is_ready_and_shows_its_place() {
    let scratch = Scratch::new();
    let owner = run(&scratch, "echo up; exec sleep 60");
    owner.wait_line("that it owns", |line| line == "up", PATIENCE);
    let waiter = run(&scratch, "echo up; exec sleep 60");
    let page = Page::of(&waiter);
    page.shows("entourage_election_contenders_ahead", NAME, 1.0);
    for (name, wanted) in [("is_owner", 0.0), ("waiting", 1.0), ("contenders", 2.0), ("epoch", 0.0)] {
        assert_eq!(page.number(&format!("entourage_election_{name}"), NAME), wanted, "{name}");
    }
    let ready = page.is_ready(true);
    assert_eq!(ready, r#"{"checks":{"store":{"ready":true}},"draining":false,"ready":true}"#);
    end(owner);
    page.shows("entourage_election_is_owner", NAME, 1.0);
    assert_eq!(page.number("entourage_election_acquisitions_uncontended_total", NAME), 0.0);
    page.is_ready(true);
    end(waiter);
}

#[test]
fn who_drains_is_alive_and_not_ready_and_its_page_says_so() {
    let scratch = Scratch::new();
    let stopped = scratch.join("stop");
    let script = format!(
        "trap 'while ! [ -e {} ]; do sleep 0.05; done; exit 0' TERM; echo up; while :; do sleep 0.05; done",
        stopped.display()
    );
    let mut owner = run(&scratch, &script);
    owner.wait_line("that it owns", |line| line == "up", PATIENCE);
    let page = Page::of(&owner);
    page.is_ready(true);
    owner.terminate();
    let drains = page.is_ready(false);
    assert!(drains.contains(r#""draining":true"#), "{drains}");
    assert_eq!(page.get("/livez").status, 200);
    assert_eq!(page.number("entourage_election_is_owner", NAME), 1.0, "until its command has ended");
    std::fs::write(stopped, "").expect("the command may end");
    assert!(owner.wait(PATIENCE).status.success());
}

#[test]
fn leaders_and_observers_have_a_page_too() {
    let scratch = Scratch::new();
    let leader = election("elect", &scratch).arg("here:1").start();
    leader.wait_line("that it leads", |line| line.contains("elected"), PATIENCE);
    let observer = election("observe", &scratch).start();
    observer.wait_line("who leads", |line| line.contains("here:1"), PATIENCE);
    let (of_leader, of_observer) = (Page::of(&leader), Page::of(&observer));
    assert_eq!(of_leader.number("entourage_election_is_owner", NAME), 1.0);
    assert_eq!(of_observer.number("entourage_election_is_owner", NAME), 0.0);
    for page in [of_leader, of_observer] {
        page.is_ready(true);
        assert_eq!(page.get("/livez").status, 200);
        assert_eq!(page.get("/blueprint").status, 200);
    }
    end(leader);
    end(observer);
}

#[test]
fn a_page_that_cannot_be_served_is_told_and_nothing_is_owned() {
    let refused = |admin: &str| {
        let program = entourage().env("ENTOURAGE_ADMIN", admin);
        let run =
            program.args(["election", "run", "--store", "memory:", "--name", "a", "--", "echo", "owned"]);
        run.start().wait(PATIENCE)
    };
    let nonsense = refused("nowhere");
    assert_eq!(nonsense.status.code(), Some(2), "{nonsense:?}");
    assert!(nonsense.stderr.contains("HOST:PORT"), "{nonsense:?}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = refused(&listener.local_addr().expect("it has an address").to_string());
    assert_eq!(taken.status.code(), Some(1), "{taken:?}");
    assert_eq!((nonsense.stdout, &taken.stdout[..]), (String::new(), ""));
    assert!(taken.stderr.contains("choose another --admin"), "{taken:?}");
}

#[test]
#[should_panic(expected = "its type stands before it")]
fn a_page_without_types_would_be_found_out() {
    read("a_total 1\n");
}
