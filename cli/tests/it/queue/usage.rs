//! What cannot work.

use super::{PATIENCE, Site};
use crate::entourage;

#[test]
fn what_cannot_work_is_refused_with_status_2_before_anything_is_contacted() {
    let site = Site::sqlite();
    let (here, secret) = (site.url.as_str(), "redis://me:hunter2@a/7");
    for (arguments, says) in [
        (&["publish", "--queue", here, "t"][..], "--json-lines"),
        (&["publish", "--queue", here, "t", "x", "--lines"], "--lines"),
        (&["publish", "--queue", here, "", "x"], "topic"),
        (&["publish", "--queue", here, "t", "x", "--priority", "256"], "256"),
        (&["publish", "--queue", here, "t", "x", "--header", "no"], "NAME=VALUE"),
        (&["publish", "--queue", here, "t", "x", "--id", ""], "id"),
        (&["publish", "--queue", "memory:", "t", "x"], "ends with this program"),
        (&["publish", "--queue", secret, "t", "x"], "no number"),
        (&["publish", "--queue", "etcd://me:hunter2@a:1", "t", "x"], "sqlite:PATH"),
        (&["publish", "t", "x"], "--queue"),
        (&["receive", "--queue", here, "t", "--max", "0"], "--max"),
        (&["receive", "--queue", here, "t", "--accept", "--", "true"], "--accept"),
        (&["receive", "--queue", here, "t", "--", "no-such-program"], "PATH"),
        (&["receive", "--queue", here, "t", "--lease", "1ms"], "10 ms"),
        (&["stats", "--queue", here, "t", "--group", ""], "group"),
        (&["redrive", "--queue", here, "t"], "--all"),
        (&["redrive", "--queue", here, "t", "--all", "id"], "--all"),
        (&["dead", "--queue", here, "t", "--limit", "few"], "limit"),
    ] {
        let finished = entourage().arg("queue").args(arguments).start().wait(PATIENCE);
        assert_eq!(finished.status.code(), Some(2), "{arguments:?}: {finished:?}");
        let all = format!("{}{}", finished.stdout, finished.stderr);
        assert!(all.contains(says) && !all.contains("hunter2"), "{arguments:?}: {finished:?}");
    }
    assert!(!site.scratch.join("queue.db").exists());
}

#[test]
fn a_queue_that_is_not_there_has_failed_and_tells_no_secret() {
    let site = Site::sqlite();
    for verb in ["stats", "dead"] {
        let missing = site.ran(verb, &[]);
        assert_eq!(missing.status.code(), Some(1), "{missing:?}");
        assert!(missing.stderr.contains("there is no queue at sqlite:"), "{missing:?}");
    }
    assert!(!site.scratch.join("queue.db").exists(), "looking makes no file");
    // Nobody listens at a port that the kernel has just given away and taken back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let url = format!("redis://me:hunter2@{}/jobs", free.expect("a port is free"));
    for arguments in [&["stats", "t"][..], &["publish", "t", "x"], &["publish", "t", "x", "--wait", "300ms"]]
    {
        let program = entourage().env("ENTOURAGE_QUEUE", &url).env("ENTOURAGE_LOG", "trace");
        let failed = program.arg("queue").args(arguments).start().wait(PATIENCE);
        assert_eq!(failed.status.code(), Some(1), "{failed:?}");
        let all = format!("{}{}", failed.stdout, failed.stderr);
        assert!(all.contains("redis://me:***@") && !all.contains("hunter2"), "{failed:?}");
    }
}
