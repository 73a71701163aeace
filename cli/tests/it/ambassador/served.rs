//! Keys go where the ring says, and the page shows it.

use std::{collections::BTreeMap, fs};

use entourage_testkit::{Redis, eventually};
use serde_json::Value;

use super::{PATIENCE, Site};
use crate::{page::Page, ring};

#[test]
fn keys_are_where_the_ring_says_and_every_page_shows_what_was_done() {
    let Some(site) = Site::new() else { return };
    let pid_file = site.scratch.join("pid");
    let proxy = site.start(&["--pid-file", &pid_file.display().to_string()]);
    let mut client = proxy.client();
    assert_eq!(client.ask(&["PING"]), "+PONG");
    // Names alike are near each other on a ring of fnv1a_64: these are not.
    let keys: Vec<_> =
        (1..=30_u32).map(|number| format!("key:{}", number.wrapping_mul(0x9e37_79b9))).collect();
    for key in &keys {
        assert_eq!(client.ask(&["SET", key, key]), "+OK");
    }
    let many: Vec<_> = std::iter::once("MGET").chain(keys.iter().map(String::as_str)).collect();
    assert_eq!(client.ask(&many), keys.join(" "));
    let explained = ring::explained(&site.file(), &keys.join("\n"));
    for (key, explained) in keys.iter().zip(&explained) {
        assert_eq!(explained["server"], format!("shard-{}", site.place(key)), "{explained}");
        let endpoint = site.shards[site.place(key)].endpoint();
        assert_eq!(explained["address"], endpoint, "{explained}");
    }

    let page = Page::of(&proxy.process);
    page.is_ready(true);
    assert_eq!(page.get("/livez").status, 200);
    let metrics = page.metrics();
    let number = |name: &str, labels: &[(&str, &str)]| {
        let labels: BTreeMap<_, _> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let series = (format!("entourage_ambassador_{name}"), labels);
        *metrics.get(&series).unwrap_or_else(|| panic!("{series:?} is in {metrics:?}"))
    };
    assert_eq!(number("clients", &[("pool", "alpha")]), 1.0);
    assert_eq!(number("fragments_total", &[("pool", "alpha")]), 3.0);
    assert_eq!(number("config_is_refused", &[]), 0.0);
    let servers = ["shard-0", "shard-1", "shard-2"];
    let requests = servers.map(|server| number("requests_total", &[("pool", "alpha"), ("server", server)]));
    assert_eq!(requests.iter().sum::<f64>(), 33.0, "30 values, and three parts of one command");
    assert!(!page.get("/metrics").body.contains("key:"), "keys are never labels");

    let stats = proxy.stats();
    let counted = servers.map(|server| stats["alpha"][server]["requests"].as_u64().expect("it is counted"));
    assert_eq!(counted.map(|count| count as f64), requests, "one number for all who ask");

    let drawn: Value = serde_json::from_str(&page.get("/blueprint").body).expect("it is JSON");
    let nodes = drawn["nodes"].as_array().expect("there are nodes");
    assert_eq!(nodes.len(), 4, "{drawn}");
    let pool = nodes.iter().find(|node| node["name"] == "alpha").expect("the pool is drawn");
    assert_eq!((&pool["pattern"], &pool["backend"]), (&"ambassador".into(), &"redis".into()));
    assert_eq!(pool["counters"]["clients"], 1);
    let links = drawn["links"].as_array().expect("there are links");
    assert!(links.iter().any(|link| link["from"] == "alpha" && link["to"] == "alpha/shard-2"), "{drawn}");

    assert_eq!(fs::read_to_string(&pid_file).ok(), Some(proxy.process.pid().to_string()));
    drop(client);
    proxy.end();
    assert!(!pid_file.exists());
}

#[test]
fn a_client_that_is_owed_nothing_holds_up_no_end() {
    let Some(site) = Site::new() else { return };
    let proxy = site.start(&["--grace", "60s"]);
    let mut client = proxy.client();
    assert_eq!(client.ask(&["PING"]), "+PONG");
    let ended = proxy.end();
    assert!(!ended.stderr.contains("were closed"), "{ended:?}");
    drop(client);
}

#[test]
fn one_that_waits_for_a_silent_server_holds_it_up_for_the_grace_and_no_longer() {
    let Some(mut site) = Site::new() else { return };
    site.write(&site.config("").replace("timeout: 5000", "timeout: 600000"));
    let proxy = site.start(&["--grace", "300ms"]);
    let mut client = proxy.client();
    site.shards.iter_mut().for_each(Redis::pause);
    client.send(&["GET", "key"]);
    eventually(PATIENCE, "the request is on its way", || {
        let stats = proxy.stats();
        let waits =
            |shard: &str| ["in_queue", "out_queue"].iter().any(|queue| stats["alpha"][shard][queue] == 1);
        ["shard-0", "shard-1", "shard-2"].into_iter().any(waits).then_some(())
    });
    let ended = proxy.end();
    assert!(ended.stderr.contains("were closed"), "{ended:?}");
    site.shards.iter_mut().for_each(Redis::resume);
}
