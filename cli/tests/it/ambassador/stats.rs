//! The port of statistics.

use std::{collections::BTreeSet, net::TcpStream};

use entourage_testkit::{Nutcracker, Requirement, eventually};
use serde_json::Value;

use super::{PATIENCE, Site, told};
use crate::page::Page;

/// Every path of fields.
fn fields(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    let Value::Object(object) = value else { return };
    for (name, value) in object {
        let path = format!("{path}/{name}");
        fields(value, &path, into);
        into.insert(path);
    }
}

#[test]
fn the_fields_and_their_nesting_are_nutcrackers() {
    let Some(site) = Site::new() else { return };
    if !Requirement::from(Nutcracker::available()).is_met("nutcracker") {
        return;
    }
    let nutcracker = Nutcracker::start(&site.config_at("{listen}", ""));
    let proxy = site.start(&[]);
    let theirs: Value = serde_json::from_str(&nutcracker.stats()).expect("it is JSON");
    let [mut wanted, mut found] = [BTreeSet::new(), BTreeSet::new()];
    fields(&theirs, "", &mut wanted);
    fields(&proxy.stats(), "", &mut found);
    assert_eq!(found, wanted);
    assert!(wanted.contains("/alpha/shard-0/out_queue_bytes"), "{wanted:?}");
    proxy.end();
}

#[test]
fn who_connects_is_told_whatever_others_do_and_whatever_it_says() {
    let Some(site) = Site::new() else { return };
    let proxy = site.start(&[]);
    let address = proxy.stats_address();
    let silent: Vec<_> = (0..100).map(|_| TcpStream::connect(&address).expect("it is listened at")).collect();
    for asks in [&b""[..], b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", &[b'x'; 10_000]] {
        let told = told(&address, asks);
        assert!(told.starts_with("{\"service\":\"nutcracker\", ") && told.ends_with("}\n"), "{told}");
    }
    let told: Value = proxy.stats();
    assert!(told["timestamp"].as_u64().is_some_and(|now| now > 1_600_000_000), "{told}");
    assert_eq!(told["alpha"]["shard-0"]["server_ejected_at"], 0);
    drop(silent);
    proxy.end();
}

#[test]
fn an_ejection_is_told_with_its_time() {
    let Some(mut site) = Site::new() else { return };
    let proxy = site.start(&[]);
    let mut client = proxy.client();
    site.shards[1].kill9();
    let stats = eventually(PATIENCE, "the server that is dead is ejected", || {
        (0..20_u32)
            .for_each(|number| drop(client.ask(&["GET", &number.wrapping_mul(0x9e37_79b9).to_string()])));
        let stats = proxy.stats();
        (stats["alpha"]["server_ejects"] == 1).then_some(stats)
    });
    let now = stats["timestamp"].as_u64().expect("it is a number") * 1_000_000;
    let ejected_at = stats["alpha"]["shard-1"]["server_ejected_at"].as_u64().expect("it is a number");
    assert!((now - 120_000_000..=now + 1_000_000).contains(&ejected_at), "{stats}");
    assert_eq!(stats["alpha"]["shard-0"]["server_ejected_at"], 0);
    let page = Page::of(&proxy.process);
    let of = |server: &str| {
        let labels =
            [("pool", "alpha"), ("server", server)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        page.metrics()[&("entourage_ambassador_server_is_ejected".to_owned(), labels.into())]
    };
    assert_eq!(["shard-0", "shard-1"].map(of), [0.0, 1.0]);
    page.is_ready(true);
    drop(client);
    proxy.end();
}
