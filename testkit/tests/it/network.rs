//! Hosts with a network of their own: who is cut off hears nothing, and is not told.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use entourage_testkit::{Etcd, Host, Network, Program, Requirement, eventually, let_pass, mimic::Trial};

use crate::{DEADLINE, message};

/// Longer than anything takes that would tell of a partition at once: a reset, a refusal.
const SHORT: Duration = Duration::from_millis(300);

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, body: fn()| Requirement::from(Network::available()).trial("network", name, body);
    let with_etcd = |name: &str, body: fn()| {
        let available = Network::available().and_then(|()| Etcd::available());
        Requirement::from(available).trial("network", name, body)
    };
    vec![
        trial("a_connection_is_silent_while_a_host_is_cut_off_and_goes_on_when_it_is_healed", silent),
        trial("nobody_else_is_cut_off", others),
        trial("a_host_is_reached_from_its_network_alone", apart),
        trial("no_namespace_keeps_its_name", nameless),
        trial("a_host_that_is_not_there_is_named", unknown),
        with_etcd("a_leader_that_is_cut_off_is_followed_by_another", led),
    ]
}

/// Two ends of a connection, with time-outs.
fn connected(from: &Host, to: &Host) -> (TcpStream, TcpStream) {
    let listener = to.enter(|| TcpListener::bind((to.address(), 0)).expect("a host has a free port"));
    let address = listener.local_addr().expect("it is bound");
    let near = from.enter(|| TcpStream::connect_timeout(&address, DEADLINE)).expect("a host is reached");
    let (far, _) = listener.accept().expect("it was connected to");
    for end in [&near, &far] {
        end.set_read_timeout(Some(SHORT)).expect("a time-out can be set");
    }
    (near, far)
}

fn silent() {
    let network = Network::new(["a", "b"]);
    let (a, b) = (network.host("a"), network.host("b"));
    let (mut near, mut far) = connected(a, b);
    network.isolate("b");
    near.write_all(b"x").expect("the kernel takes it");
    let mut byte = [0];
    let waits = |read: std::io::Result<usize>| read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    assert!(waits(far.read(&mut byte)), "something came through");
    assert!(waits(near.read(&mut byte)), "it was told");
    let nobody = SocketAddr::new(b.address(), 9);
    let refused = a.enter(|| TcpStream::connect_timeout(&nobody, SHORT)).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::TimedOut);

    network.heal("b");
    far.set_read_timeout(Some(DEADLINE)).expect("a time-out can be set");
    far.read_exact(&mut byte).expect("what was sent comes through");
    assert_eq!(&byte, b"x");
    let refused = a.enter(|| TcpStream::connect_timeout(&nobody, DEADLINE)).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

fn others() {
    let network = Network::new(["a", "b", "c"]);
    let (mut near, mut far) = connected(network.host("a"), network.host("b"));
    network.isolate("c");
    near.write_all(b"x").expect("the kernel takes it");
    far.set_read_timeout(Some(DEADLINE)).expect("a time-out can be set");
    far.read_exact(&mut [0]).expect("it comes through");
}

fn apart() {
    let (one, two) = (Network::new(["a", "b"]), Network::new(["a", "b"]));
    let listener = one.host("a").enter(|| TcpListener::bind("0.0.0.0:0")).expect("a host has a free port");
    let address =
        SocketAddr::new(one.host("a").address(), listener.local_addr().expect("it is bound").port());
    assert!(one.host("b").enter(|| TcpStream::connect_timeout(&address, DEADLINE)).is_ok());
    let refused = two.host("b").enter(|| TcpStream::connect_timeout(&address, DEADLINE));
    assert_eq!(refused.expect_err("it is another host").kind(), ErrorKind::ConnectionRefused);
    // Neither has this machine an interface of it.
    let interfaces = |list: &mut dyn FnMut(&Program) -> entourage_testkit::Process| {
        list(&Program::new("cat").arg("/proc/thread-self/net/dev")).wait(DEADLINE).succeeded().stdout
    };
    assert!(!interfaces(&mut |cat| cat.start()).contains("port0"));
    assert!(interfaces(&mut |cat| one.host("a").start(cat)).contains("eth0"));
}

fn nameless() {
    let network = Network::new(["a"]);
    let mut sleeper = network.host("a").start(&Program::new("sleep").arg("1000"));
    let own = format!("entourage-{}-", std::process::id());
    // Those of other tests have names for a moment.
    eventually(DEADLINE, "no namespace of this process has a name", || {
        let named = Program::new("ls").arg("/run/netns").start().wait(DEADLINE).stdout;
        (!named.contains(&own)).then_some(())
    });
    drop(network);
    let_pass(Duration::from_millis(1));
    assert!(sleeper.is_running(), "what runs in a host outlives its network's value");
}

fn unknown() {
    let network = Network::new(["a"]);
    assert_eq!(message(|| network.isolate("z")), "there is no host named z");
}

fn led() {
    let network = Network::new(["n0", "n1", "n2"]);
    let mut etcd = Etcd::cluster_in(["n0", "n1", "n2"].map(|name| network.host(name)));
    etcd.ctl(["put", "k", "v"]);
    let first = etcd.leader();
    network.isolate(&format!("n{first}"));
    let second = eventually(DEADLINE, "another leads", || Some(etcd.leader()).filter(|now| *now != first));
    assert_ne!(first, second);
    network.heal(&format!("n{first}"));
    etcd.kill9(second);
    etcd.restart(second);
    assert_eq!(etcd.ctl(["get", "--print-value-only", "k"]).stdout, "v\n");
}
