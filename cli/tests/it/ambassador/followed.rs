//! The configuration, while it changes.

use std::{collections::BTreeMap, fs, thread};

use entourage_testkit::{Program, eventually};
use rustix::process::Signal;

use super::{PATIENCE, Site};
use crate::{page::Page, ring};

/// A key whose place is another one if what is between the braces counts alone.
fn torn(site: &Site) -> String {
    let keys: Vec<_> = (0..50).map(|number| format!("user:{number}:{{tag}}")).collect();
    let tagged = ring::explained(&site.file(), "tag")[0]["server"].clone();
    let explained = ring::explained(&site.file(), &keys.join("\n"));
    let at = explained.iter().position(|key| key["server"] != tagged).expect("not all are beside each other");
    keys[at].clone()
}

fn number(page: &Page, name: &str) -> f64 {
    let series = (format!("entourage_ambassador_{name}"), BTreeMap::new());
    *page.metrics().get(&series).expect("it is counted")
}

#[test]
fn a_hang_up_takes_another_hash_tag_and_clients_stay() {
    let Some(site) = Site::new() else { return };
    let key = torn(&site);
    let proxy = site.start(&["--no-watch"]);
    let mut client = proxy.client();
    assert_eq!(client.ask(&["SET", &key, "before"]), "+OK");
    let before = site.place(&key);
    site.write(&site.config("  hash_tag: \"{}\"\n"));
    let explained = ring::explained(&site.file(), &key);
    assert_eq!(explained[0]["hashed"], "tag");
    assert_ne!(explained[0]["server"], format!("shard-{before}"));
    proxy.signal(Signal::HUP);
    proxy.says("taken anew", 1);
    assert_eq!(client.ask(&["GET", &key]), "$-1", "it is looked for where the tag says");
    assert_eq!(client.ask(&["SET", &key, "after"]), "+OK");
    let shard = explained[0]["shard"].as_u64().expect("it has a number") as usize;
    assert_eq!(site.shards[shard].cli(["GET", &key]).succeeded().stdout.trim(), "after");
    drop(client);
    proxy.end();
}

#[test]
fn a_changed_file_is_taken_and_a_broken_one_leaves_all_as_it_was() {
    let Some(site) = Site::new() else { return };
    let proxy = site.start(&[]);
    let mut client = proxy.client();
    assert_eq!(client.ask(&["SET", "key", "value"]), "+OK");
    site.write(&site.config("  tiemout: 5\n"));
    proxy.says("is refused", 1);
    let page = Page::of(&proxy.process);
    assert_eq!(number(&page, "config_is_refused"), 1.0);
    assert_eq!(client.ask(&["GET", "key"]), "value");
    assert!(proxy.process.stderr().contains("did you mean `timeout`"), "the log says why");
    page.is_ready(true);
    site.write(&site.config("  hash_tag: \"{}\"\n"));
    proxy.says("taken anew", 1);
    assert_eq!(number(&page, "config_is_refused"), 0.0);
    assert_eq!((number(&page, "reloads_total"), number(&page, "reloads_refused_total")), (1.0, 1.0));
    assert_eq!(client.ask(&["GET", "key"]), "value");
    fs::remove_file(site.file()).expect("it can be removed");
    proxy.says("cannot be read", 1);
    assert_eq!(number(&page, "config_is_refused"), 1.0);
    site.write(&site.config("  hash_tag: \"{}\"\n"));
    proxy.says("can be read again", 1);
    assert_eq!((number(&page, "config_is_refused"), number(&page, "reloads_total")), (0.0, 1.0));
    drop(client);
    proxy.end();
}

#[test]
fn a_directory_in_the_place_of_the_file_is_one_that_cannot_be_read() {
    let Some(site) = Site::new() else { return };
    let proxy = site.start(&[]);
    let page = Page::of(&proxy.process);
    fs::remove_file(site.file()).expect("it can be removed");
    fs::create_dir(site.file()).expect("it can be made");
    proxy.says("Is a directory", 1);
    assert_eq!(number(&page, "config_is_refused"), 1.0);
    fs::remove_dir(site.file()).expect("it can be removed");
    site.write(&site.config(""));
    proxy.says("can be read again", 1);
    assert_eq!((number(&page, "config_is_refused"), number(&page, "reloads_total")), (0.0, 0.0));
    proxy.end();
}

#[test]
fn a_pipe_that_nobody_writes_into_any_more_holds_up_no_end() {
    let Some(site) = Site::new() else { return };
    fs::remove_file(site.file()).expect("it can be removed");
    let _ = Program::new("mkfifo").arg(site.file()).start().wait(PATIENCE).succeeded();
    let (file, config) = (site.file(), site.config(""));
    let writer = thread::spawn(move || fs::write(file, config).expect("it is read"));
    let (log, moved) = (site.scratch.join("log"), site.scratch.join("log.1"));
    let proxy = site.start(&["--grace", "60s", "--output", &log.display().to_string()]);
    assert_eq!(proxy.client().ask(&["PING"]), "+PONG");
    writer.join().expect("it has written");
    fs::rename(&log, &moved).expect("it can be moved");
    proxy.signal(Signal::HUP);
    // Right behind that the pipe is read.
    eventually(PATIENCE, "the log is opened anew", || log.exists().then_some(()));
    proxy.end();
}
