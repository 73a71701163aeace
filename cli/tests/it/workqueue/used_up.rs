//! Lists and Streams of Redis as sources.

use std::fs;

use entourage_testkit::{Redis, Requirement, Scratch};

use super::{PATIENCE, run, worker};

#[test]
fn a_list_and_a_stream_are_worked_off_until_they_are_empty() {
    if !Requirement::from(Redis::available()).is_met("redis") {
        return;
    }
    let redis = Redis::start();
    for number in ["1", "2", "2"] {
        redis.cli(["RPUSH", "jobs", &format!("job {number}")]);
        redis.cli(["XADD", "orders", "*", "coffees", number]);
    }
    for (source, wanted) in [
        ("redis-list", "job 1\njob 2\njob 2\n"),
        ("redis-stream", "{\"coffees\":\"1\"}\n{\"coffees\":\"2\"}\n{\"coffees\":\"2\"}\n"),
    ] {
        let scratch = Scratch::new();
        let log = scratch.join("log");
        let script = format!(r#"cat "$WORK_ITEM_FILE" >> "{}"; echo >> "{0}""#, log.display());
        let key = if source == "redis-list" { "jobs" } else { "orders" };
        let url = format!("{source}://{}/{key}", redis.endpoint());
        let once = run(&scratch, &url).args(["--once", "--"]).arg(worker(&scratch, &script));
        let ended = once.start().wait(PATIENCE).succeeded();
        assert_eq!(fs::read_to_string(&log).expect("it was worked on"), wanted, "{url}");
        assert!(ended.stdout.contains(r#""done":3"#), "{ended:?}");
        let _ = once.start().wait(PATIENCE).succeeded();
        assert_eq!(fs::read_to_string(&log).expect("it is there"), wanted, "nothing was left of {url}");
    }
    assert_eq!(redis.cli(["LLEN", "jobs"]).stdout, "0\n");
    assert!(redis.cli(["XPENDING", "orders", "entourage"]).stdout.starts_with("0\n"));
}
