//! A proxy whose clients would have all its descriptors.

use std::{io::Read, net::TcpStream as Plain};

use entourage_core::{SystemClock, timeout};
use entourage_testkit::{eventually_async, mimic::Trial};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    DEADLINE,
    asker::{ask, shown},
    child::Child,
    proxy::{self, connect},
    resp::frame,
    server::{self, Habit},
    trial,
};

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\nr\r\n";
const CROWDED: &[u8] = b"-ERR max number of clients reached\r\n";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a5_idle_clients_leave_the_servers_their_descriptors",
            a5_idle_clients_leave_the_servers_their_descriptors,
        ),
        trial(
            "a_proxy_without_descriptors_serves_whom_it_has_and_then_the_rest",
            a_proxy_without_descriptors_serves_whom_it_has_and_then_the_rest,
        ),
    ]
}

/// How a client that says nothing stands.
#[derive(Debug, PartialEq, Eq)]
enum Stands {
    In,
    TurnedAway,
}

fn stands(client: &mut Plain) -> Stands {
    client.set_nonblocking(true).expect("it is a socket");
    let mut told = [0; CROWDED.len()];
    match client.read(&mut told) {
        Ok(count) if told[..count] == *CROWDED => Stands::TurnedAway,
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Stands::In,
        other => panic!("{other:?}: {}", shown(&told)),
    }
}

async fn a5_idle_clients_leave_the_servers_their_descriptors() {
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(server::serve(|| Habit::Honest).await.0);
    }
    let child = Child::start(&servers, "timeout: 5000", 64);
    let mut first = connect(child.address).await;
    assert!(ask(&mut first, PING).await.starts_with(b"+PONG"));
    let connect_plainly = |_| Plain::connect(child.address).expect("the kernel takes it");
    let mut crowd: Vec<_> = (0..80).map(connect_plainly).collect();
    // They have been looked at in the order in which they came once the last is told.
    let mut last = connect(child.address).await;
    let mut told = vec![0; CROWDED.len()];
    let hears = timeout(&SystemClock::new(), DEADLINE / 4, last.read_exact(&mut told)).await;
    hears.expect("it is told in time").expect("it is told before it is closed");
    assert_eq!(told, CROWDED);
    assert_eq!(last.read(&mut told).await.expect("it is closed in order"), 0);
    let stand: Vec<_> = crowd.iter_mut().map(stands).collect();
    let are_in = stand.iter().take_while(|stands| **stands == Stands::In).count();
    assert!((5..40).contains(&are_in), "{are_in} are in");
    assert!(!stand[are_in..].contains(&Stands::In), "nobody overtakes");
    // Not one server has been connected to yet.
    let homes = proxy::homes(3);
    for home in 0..3 {
        let key = (0..).map(|n| format!("r{n}").into_bytes()).find(|key| homes(key) == home);
        let reply = ask(&mut first, &frame(&[b"GET", &key.expect("each server has keys")])).await;
        assert!(reply.starts_with(b"$"), "{}", shown(&reply));
    }
    // Whoever goes makes room.
    crowd.clear();
    eventually_async(DEADLINE, "new clients are served", async || {
        let mut client = connect(child.address).await;
        client.write_all(GET).await.ok()?;
        let mut reply = [0; 1];
        (client.read(&mut reply).await.ok()? > 0 && reply == *b"$").then_some(())
    })
    .await;
}

/// Where others in the process have taken what was kept, clients wait to be accepted.
async fn a_proxy_without_descriptors_serves_whom_it_has_and_then_the_rest() {
    let (server, book) = server::serve(|| Habit::Honest).await;
    let child = Child::start(&[server], "timeout: 5000", 1_000);
    child.lower(40);
    let mut first = connect(child.address).await;
    assert!(ask(&mut first, GET).await.starts_with(b"$"));
    let mut crowd = Vec::new();
    for _ in 0..60 {
        let mut client = connect(child.address).await;
        client.write_all(PING).await.expect("the kernel takes it");
        crowd.push(client);
    }
    // Some are served, in the order in which they came, and all the while who is there already.
    let mut served = 0;
    for client in crowd.iter_mut().take(10) {
        let mut reply = [0; 7];
        client.read_exact(&mut reply).await.expect("it is served");
        served += 1;
    }
    for _ in 0..50 {
        assert!(ask(&mut first, GET).await.starts_with(b"$"));
    }
    assert_eq!((served, book.connections.get()), (10, 1));
    // Whoever goes makes room for who waits.
    let mut last = crowd.pop().expect("there are some");
    crowd.clear();
    let mut reply = [0; 7];
    last.read_exact(&mut reply).await.expect("it is served in the end");
    eventually_async(DEADLINE, "new clients are served", async || {
        let mut client = connect(child.address).await;
        client.write_all(GET).await.ok()?;
        (client.read(&mut [0; 100]).await.ok()? > 0).then_some(())
    })
    .await;
}
