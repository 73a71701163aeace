//! A cluster of etcd: ready when it is handed out, faulty when asked, gone when dropped.

use entourage_testkit::{Etcd, Requirement, mimic::Trial};

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, body: fn()| Requirement::from(Etcd::available()).trial("etcd", name, body);
    vec![
        trial("what_a_server_acknowledged_is_there_when_it_was_killed_and_started_again", killed),
        trial("a_frozen_server_answers_when_it_goes_on", frozen),
        trial("a_cluster_has_one_leader_and_another_when_that_is_killed", led),
        trial("a_cluster_that_is_dropped_leaves_neither_servers_nor_data", dropped),
        trial("a_lease_that_is_revoked_takes_its_keys_with_it", revoked),
        trial("servers_have_the_flags_that_they_are_given_also_when_they_are_started_again", flagged),
    ]
}

fn killed() {
    let mut etcd = Etcd::start();
    etcd.ctl(["put", "k", "v"]);
    etcd.kill9(0);
    etcd.restart(0);
    assert_eq!(etcd.ctl(["get", "--print-value-only", "k"]).stdout, "v\n");
}

fn frozen() {
    let mut etcd = Etcd::start();
    etcd.pause(0);
    etcd.resume(0);
    assert_eq!(etcd.ctl(["put", "k", "v"]).stdout, "OK\n");
}

fn led() {
    let mut etcd = Etcd::cluster(3);
    let first = etcd.leader();
    etcd.kill9(first);
    let second = etcd.leader();
    assert_ne!(first, second);
    assert_eq!(etcd.endpoints().len(), 3);
    etcd.restart(first);
    assert_eq!(etcd.ctl(["put", "k", "v"]).stdout, "OK\n");
}

fn dropped() {
    let mut etcd = Etcd::start();
    let (data, address) = (etcd.data(0), etcd.endpoints()[0].clone());
    assert!(data.is_dir() && std::net::TcpStream::connect(&address).is_ok());
    etcd.pause(0);
    drop(etcd);
    assert!(!data.exists() && std::net::TcpStream::connect(&address).is_err());
}

fn revoked() {
    let etcd = Etcd::start();
    let granted = etcd.ctl(["lease", "grant", "600"]).stdout;
    let lease = granted.split(' ').nth(1).expect("it is named");
    etcd.ctl(["put", "k", "v", "--lease", lease]);
    assert_eq!(etcd.leases(), [lease]);
    etcd.revoke(lease);
    assert_eq!((etcd.leases(), etcd.ctl(["get", "k"]).stdout), (Vec::<String>::new(), String::new()));
}

fn flagged() {
    let mut etcd = Etcd::cluster_with(1, &["--heartbeat-interval=30", "--election-timeout=300"]);
    // A server grants no time to live that is shorter than one and a half of its election time-outs.
    let shortest = |etcd: &Etcd| etcd.ctl(["lease", "grant", "1"]).stdout;
    assert!(shortest(&etcd).contains("TTL(1s)"));
    etcd.restart(0);
    assert!(shortest(&etcd).contains("TTL(1s)"));
    assert!(shortest(&Etcd::start()).contains("TTL(2s)"));
}
