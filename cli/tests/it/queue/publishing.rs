//! Items from a shell into a topic.

use entourage_queue::{Queue, SqliteQueue, TopicOptions};

use super::{PATIENCE, Site, TOPIC, words};

#[test]
fn an_item_is_published_once_and_received_as_it_was() {
    for site in Site::each() {
        let publish = [
            "--id",
            "order-17",
            "--key",
            "table-4",
            "--header",
            "from=bar",
            "--priority",
            "9",
            "two coffees",
        ];
        assert_eq!(site.ran("publish", &publish).succeeded().stdout, "published order-17\n");
        assert_eq!(site.ran("publish", &publish).succeeded().stdout, "duplicate order-17\n");
        assert_eq!(site.counts(), [1, 0, 0, 0]);
        let received = site.ran("receive", &["--accept", "--max", "1"]).succeeded().stdout;
        let line: serde_json::Value = serde_json::from_str(&received).expect("one line of JSON");
        for (name, value) in [
            ("id", "\"order-17\""),
            ("key", "\"table-4\""),
            ("headers", "[[\"from\",\"bar\"]]"),
            ("payload", "\"two coffees\""),
            ("attempt", "1"),
        ] {
            assert_eq!(line[name].to_string(), value, "{line}");
        }
        assert_eq!(line["fence"]["scope"], "table-4");
        assert_eq!(site.counts(), [0, 0, 0, 0]);
    }
}

#[test]
fn lines_are_published_in_batches_and_again_without_effect() {
    for site in Site::each() {
        let script = "seq 1 250 | q publish --lines --id day";
        let first = site.sh(script).start().wait(PATIENCE).succeeded().stdout;
        assert_eq!((words(&first, "published day-"), first.lines().count()), (250, 250));
        let again = site.sh(script).start().wait(PATIENCE).succeeded().stdout;
        assert_eq!(words(&again, "duplicate day-"), 250, "{again}");
        let received = site.ran("receive", &["--accept", "--raw", "--max", "250"]).succeeded().stdout;
        assert_eq!(
            received.lines().collect::<Vec<_>>(),
            (1..=250).map(|n| n.to_string()).collect::<Vec<_>>()
        );
    }
}

#[test]
fn what_is_received_can_be_published_elsewhere_byte_for_byte() {
    let site = Site::sqlite();
    let script = r#"
        printf 'a\0\377b' | q publish - --id binary --header x=y
        printf 'no line feed' | q publish --lines --id last
        q receive --accept --wait 0s > received
        "$ENTOURAGE" queue publish other --json-lines < received
        "$ENTOURAGE" queue receive other --accept --wait 0s > again
        "$ENTOURAGE" queue publish third --json-lines < again > published
        "$ENTOURAGE" queue receive third --raw --accept --max 1 > raw
        printf 'a\0\377b\n' | cmp - raw
        grep -q payload_base64 again && cat published"#;
    let said = site.sh(script).start().wait(PATIENCE).succeeded().stdout;
    assert!(said.ends_with("published binary\npublished last-1\n"), "{said}");
}

#[test]
fn what_stands_before_a_broken_line_is_published_and_the_line_is_named() {
    let site = Site::sqlite();
    let script = r#"printf '{"id":"a","payload":1}\n\n{"id":"b","payload":2}\n{"id":"c"}\n{"id":"d","payload":4}\n' | q publish --json-lines"#;
    let ended = site.sh(script).start().wait(PATIENCE);
    assert_eq!((ended.status.code(), &ended.stdout[..]), (Some(1), "published a\npublished b\n"));
    assert!(ended.stderr.contains("line 4") && ended.stderr.contains("no payload"), "{ended:?}");
    let long = "head -c 1048577 /dev/zero | q publish --lines";
    let ended = site.sh(long).start().wait(PATIENCE);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("longer than 1048576 bytes"), "{ended:?}");
    let whole = site.sh("head -c 1048577 /dev/zero | q publish - --id whole").start().wait(PATIENCE);
    assert_eq!(whole.succeeded().stdout, "published whole\n");
}

/// Gives the topic room for so many items.
fn with_room_for(site: &Site, items: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let queue = SqliteQueue::open(site.scratch.join("queue.db")).expect("it is opened");
        let options = TopicOptions::new().with_capacity(items);
        queue.configure(&TOPIC.into(), options).await.expect("it is configured");
    });
}

#[test]
fn a_full_topic_takes_what_it_has_room_for_and_refuses_the_rest_or_waits() {
    let site = Site::sqlite();
    with_room_for(&site, 3);
    let five = site.sh("seq 1 5 | q publish --lines --id n").start().wait(PATIENCE);
    assert_eq!(five.status.code(), Some(1), "{five:?}");
    assert_eq!(five.stdout, "published n-1\npublished n-2\npublished n-3\n");
    assert!(five.stderr.contains("full") && five.stderr.contains("--wait"), "{five:?}");
    let mut waits = site.sh("seq 1 5 | q publish --lines --id n --wait 1m").start();
    waits.wait_line("that three are known", |line| line == "duplicate n-3", PATIENCE);
    assert!(waits.is_running());
    let received = site.ran("receive", &["--accept", "--raw", "--max", "5"]).succeeded().stdout;
    assert_eq!(received, "1\n2\n3\n4\n5\n");
    let waited = waits.wait(PATIENCE).succeeded();
    assert!(waited.stdout.ends_with("published n-4\npublished n-5\n"), "{waited:?}");
    let short = site.sh("seq 1 5 | q publish --lines --wait 300ms").start().wait(PATIENCE);
    assert_eq!((short.status.code(), short.stdout.lines().count()), (Some(1), 3), "{short:?}");
}
