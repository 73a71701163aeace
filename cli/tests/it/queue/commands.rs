//! A command for each item, and what becomes of those that it gives up.

use super::{PATIENCE, Site};

#[test]
fn a_command_settles_by_its_exit_status_and_what_it_gives_up_is_a_dead_letter() {
    for site in Site::each() {
        for item in ["good", "bad", "worse"] {
            let _ = site.ran("publish", &["--id", item, item]).succeeded();
        }
        let script = r#"echo "$ENTOURAGE_ITEM" >> log
            case $(cat "$WORK_ITEM_FILE") in
            good) exit 0 ;;
            bad) echo 'no such customer' >&2; exit 3 ;;
            *) echo 'try again' >&2; exit 1 ;;
            esac"#;
        let log = site.scratch.join("log");
        let script = script.replace("log", &log.display().to_string());
        let policy = [
            "--exit-dead",
            "3",
            "--retries",
            "2",
            "--backoff",
            "1ms",
            "--backoff-cap",
            "2ms",
            "--wait",
            "500ms",
        ];
        let mut arguments = policy.to_vec();
        arguments.extend(["--", "sh", "-c", &script]);
        let ended = site.ran("receive", &arguments);
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert_eq!(site.counts(), [0, 0, 0, 2]);
        let mut attempts: Vec<_> =
            std::fs::read_to_string(&log).expect("it is there").lines().map(str::to_owned).collect();
        attempts.sort();
        assert_eq!(attempts, ["bad", "good", "worse", "worse", "worse"]);

        let dead = site.ran("dead", &[]).succeeded().stdout;
        assert_eq!(dead.lines().next(), Some("bad\t1\texit status 3: no such customer"));
        assert_eq!(
            dead.lines().nth(1),
            Some("worse\t3\tit failed 3 times; the last time: exit status 1: try again")
        );
        let json = site.ran("dead", &["--json", "--limit", "1"]).succeeded().stdout;
        assert!(json.contains(r#""reason":"exit status 3: no such customer""#), "{json}");
        assert_eq!(json.lines().count(), 1);

        let some = site.ran("redrive", &["bad", "nobody"]);
        assert_eq!((some.status.code(), &some.stdout[..]), (Some(1), "redriven 1\n"), "{some:?}");
        assert!(some.stderr.contains("1 of the IDs"), "{some:?}");
        assert_eq!(site.ran("redrive", &["--all"]).succeeded().stdout, "redriven 1\n");
        assert_eq!(site.counts(), [2, 0, 0, 0]);
    }
}

#[test]
fn counts_are_printed_as_lines_and_as_json() {
    let site = Site::sqlite();
    let _ = site.ran("publish", &["--delay", "1h", "later"]).succeeded();
    let _ = site.ran("publish", &["now"]).succeeded();
    let lines = site.ran("stats", &[]).succeeded().stdout;
    assert!(lines.starts_with("ready 1\nwaiting 1\nin_flight 0\ndead 0\noldest_seconds "), "{lines}");
    let json = site.ran("stats", &["--json", "--group", "other"]).succeeded().stdout;
    assert!(json.contains(r#""waiting":1"#), "{json}");
    let page = site.queue("receive", &["--admin", "0", "--log", "info", "--accept", "--raw"]).start();
    page.wait_line("its item", |line| line == "now", PATIENCE);
    let admin = crate::page::Page::of(&page);
    admin.is_ready(true);
    admin.shows("entourage_queue_items_accepted_total", "queue", 1.0);
}
