//! What a script finds, where it comes from, and what its end means.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use entourage_queue::Item;
use entourage_workqueue::{ExitPolicy, FileWorker, InvalidFileWorker, Outcome, Script};

use super::{
    item, once, out,
    server::{Reply, Server},
    with_script, work, worker,
};
use crate::bench::{Bench, is_retry};

#[tokio::test]
async fn q9_a_file_is_fetched_the_script_run_on_it_and_what_it_makes_is_sent() {
    let bench = Bench::new();
    let server = Server::start(|seen| match seen.method.as_str() {
        "GET" => Reply::new(200, &[], "some data"),
        _ => Reply::status(201),
    })
    .await;
    let script = r#"#!/bin/sh
set -e
cat "$INPUT_FILE" > "$OUTPUT_DIR/b c"
echo second > "$OUTPUT_DIR/a"
: > "$OUTPUT_DIR/empty"
cp "$WORK_ITEM_FILE" "$OUT/datum"
case "$INPUT_FILE" in *.txt) ;; *) exit 65 ;; esac
stat -c %a "$INPUT_FILE" "$OUTPUT_DIR" "$0" > "$OUT/modes"
printf '%s' "$1" > "$OUT/argument"
"#;
    let worker = worker(&bench, &server, script).with_command(|command| command.arg("in=$(INPUT_FILE)"));
    let item = item(&server, "/in.txt");
    let (outcome, why) = once(&worker, &item, 1).await;
    assert_eq!(outcome, Outcome::Done, "{why}");
    let puts = server.seen("PUT");
    let sent: Vec<_> = puts.iter().map(|put| (put.path.as_str(), &put.body[..])).collect();
    let wanted: [(_, &[u8]); 3] = [("/a", b"second\n"), ("/b%20c", b"some data"), ("/empty", b"")];
    let wanted = wanted.map(|(name, body)| (format!("{}{name}", out("an item")), body));
    assert!(sent.iter().copied().eq(wanted.iter().map(|(path, body)| (path.as_str(), *body))), "{sent:?}");
    assert!(puts.iter().all(|put| put.header("content-length").is_some()));
    // Of "some data".
    assert_eq!(puts[1].header("repr-digest"), Some("sha-256=:EweZDmulyhRes16ZGCqb7EZTG8VN32VqYCx4D6AkDe4=:"));
    assert_eq!(puts[0].header("entourage-fence"), Some("0000000000000000000000000000beef;an%20item;71"));
    assert_eq!(puts[0].header("entourage-owner"), Some("an%20item"));
    assert_eq!(bench.read("datum"), String::from_utf8_lossy(item.payload()));
    assert_eq!(bench.read("modes"), "400\n700\n700\n");
    let argument = bench.read("argument");
    assert!(argument.starts_with("in=/") && argument.ends_with("/input.txt"), "{argument}");
    assert_eq!(std::fs::read_dir(work(&bench)).unwrap().count(), 0, "done is done");
}

#[tokio::test]
async fn a_template_names_the_file_of_an_item_that_is_only_a_name() {
    let bench = Bench::new();
    let server = Server::start(|_| Reply::new(200, &[], "data")).await;
    let template = format!("http://{}/videos/{{name}}?raw", server.address);
    let worker = worker(&bench, &server, super::COPIES).with_url(template).unwrap();
    let item = Item::new("a b", r#"{"name":"a b"}"#);
    assert_eq!(once(&worker, &item, 1).await.0, Outcome::Done);
    assert_eq!(server.seen("GET")[0].path, "/videos/a%20b?raw");
    assert_eq!(server.puts(), [format!("{}/copy", out("a b"))]);
}

#[tokio::test]
async fn no_name_of_an_item_is_a_path_for_a_server_that_decodes_first() {
    let bench = Bench::new();
    let server = Server::start(|_| Reply::new(200, &[], "data")).await;
    let template = format!("http://{}/videos/{{name}}", server.address);
    for name in [".", "..", "../y", "a/../b", "a/b", "/", "..\\y"] {
        let by_name = worker(&bench, &server, super::COPIES).with_url(template.clone()).unwrap();
        let (outcome, why) = once(&by_name, &Item::new(name, ""), 1).await;
        assert!(matches!(outcome, Outcome::Dead(_)), "{name}: {outcome:?}");
        assert!(why.contains("the item's name has a slash"), "{why}");
        let by_url = worker(&bench, &server, super::COPIES);
        let item = Item::new(name, format!("http://{}/a", server.address));
        assert_eq!(once(&by_url, &item, 1).await.0, Outcome::Done, "{name}");
    }
    assert!(server.seen("GET").iter().all(|seen| seen.path == "/a"));
    let puts = server.puts();
    let is_plain =
        |path: &String| !path.contains("%") && !path.contains("/.") && path.matches('/').count() == 3;
    assert!(puts.len() == 7 && puts.iter().all(is_plain), "{puts:?}");
}

#[tokio::test]
async fn a_settings_error_is_said_when_the_worker_is_made() {
    let made = || FileWorker::new(Script::at("true"));
    for host in ["", "a/b", "http://a", "a b", "a:b", "a?b"] {
        assert!(matches!(made().with_hosts([host]), Err(InvalidFileWorker::Host(_))), "{host}");
    }
    for host in ["u@a", "me:hunter2@a", "http://me:hunter2@a", "me:hunter2@a b"] {
        let refused = made().with_hosts([host]).expect_err(host);
        assert_eq!(refused, InvalidFileWorker::HostWithUser);
        assert!(!refused.to_string().contains("hunter2"));
    }
    for template in
        ["http://a/b", "{name}", "http://{name}/", "http://a.{name}.b/{name}", "https://a/{name}", ""]
    {
        assert!(made().with_url(template).is_err(), "{template}");
    }
    assert!(made().with_hosts(["a", "a:80", "[::1]:80"]).is_ok());
    assert!(made().with_output_url("http://a/b?c").is_err());
    assert!(Script::text("echo").is_err() && Script::url("file:///a").is_err());
}

#[tokio::test]
async fn the_end_of_a_script_means_what_its_policy_says_and_a_retry_says_why() {
    let bench = Bench::new();
    let server = Server::start(|_| Reply::new(200, &[], "data")).await;
    let item = item(&server, "/a");
    let script = "#!/bin/sh\necho one >&2; echo two >&2; exit 7\n";
    let (outcome, why) = once(&worker(&bench, &server, script), &item, 1).await;
    assert!(is_retry(&outcome));
    assert_eq!(why, "step run: exit status 7: one | two");
    let dead = worker(&bench, &server, script)
        .with_command(|command| command.exit_policy(ExitPolicy::new().dead([7])));
    let (outcome, _) = once(&dead, &item, 1).await;
    assert_eq!(outcome, Outcome::Dead("step run: exit status 7: two".into()));
    let slow = worker(&bench, &server, "#!/bin/sh\nsleep 100\n")
        .with_command(|command| command.time_limit(Duration::from_millis(200)));
    let (outcome, why) = once(&slow, &item, 1).await;
    assert!(is_retry(&outcome) && why.contains("its time was over"), "{outcome:?} {why}");
    assert!(server.puts().is_empty());
}

#[tokio::test]
async fn a_script_is_a_program_that_is_there_or_a_text_that_a_server_has() {
    let bench = Bench::new();
    let server = Server::start(|seen| match seen.path.as_str() {
        "/script" => Reply::new(200, &[], super::COPIES),
        _ => Reply::new(200, &[], "data"),
    })
    .await;
    let path = bench.path("script.sh");
    std::fs::write(&path, super::COPIES).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    let there = with_script(&bench, &server, Script::at("sh")).with_command(|command| command.arg(&path));
    assert_eq!(once(&there, &item(&server, "/a"), 1).await, (Outcome::Done, String::new()));
    let served =
        with_script(&bench, &server, Script::url(format!("http://{}/script", server.address)).unwrap());
    for _ in 0..2 {
        assert_eq!(once(&served, &item(&server, "/a"), 1).await, (Outcome::Done, String::new()));
    }
    assert_eq!(bench.read("runs"), "run\n".repeat(3));
    let asked = server.seen("GET").iter().filter(|seen| seen.path == "/script").count();
    assert_eq!(asked, 1, "once for all items");
}

#[tokio::test]
async fn a_script_that_cannot_be_had_is_no_items_end() {
    let bench = Bench::new();
    let server = Server::start(|seen| match seen.path.as_str() {
        "/absent" => Reply::status(404),
        "/moved" => Reply::new(302, &[("location", "/script")], ""),
        "/large" => Reply::new(200, &[], vec![b'x'; 2 << 20]),
        "/binary" => Reply::new(200, &[], vec![0xff; 100]),
        _ => Reply::new(200, &[], "no interpreter"),
    })
    .await;
    for path in ["/absent", "/moved", "/large", "/binary", "/script"] {
        let script = Script::url(format!("http://{}{path}", server.address)).unwrap();
        let (outcome, why) = once(&with_script(&bench, &server, script), &item(&server, "/a"), 1).await;
        assert!(is_retry(&outcome) && why.starts_with("the script cannot be had: "), "{outcome:?} {why}");
    }
    let elsewhere = Script::url("http://127.0.0.1:1/script").unwrap();
    let (outcome, why) = once(&with_script(&bench, &server, elsewhere), &item(&server, "/a"), 1).await;
    assert!(is_retry(&outcome) && why.contains("allow it with with_hosts"), "{why}");
}
