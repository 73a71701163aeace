//! A proxy that has no descriptors left.

use entourage_testkit::{eventually_async, mimic::Trial};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    DEADLINE,
    asker::ask,
    child::Child,
    proxy::connect,
    server::{self, Habit},
    trial,
};

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\nr\r\n";

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_proxy_without_descriptors_serves_whom_it_has_and_then_the_rest",
        a_proxy_without_descriptors_serves_whom_it_has_and_then_the_rest,
    )]
}

async fn a_proxy_without_descriptors_serves_whom_it_has_and_then_the_rest() {
    let (server, book) = server::serve(|| Habit::Honest).await;
    let child = Child::start(&[server], "timeout: 5000", 40);
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
