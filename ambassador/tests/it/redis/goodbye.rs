//! How a connection ends that the proxy ends.

use std::io::Read;

use entourage_testkit::{Redis, eventually_async};

use super::{Client, PATIENCE, Reply, is_installed, proxy, request};

/// Values that a client asks for before it is ended, and so many bytes has each: the kernel takes all of
/// them, and cannot send all at once to a client that does not read.
const VALUES: usize = 40;
const LEN: usize = 10_000;

#[tokio::test]
async fn who_is_ended_with_more_to_say_gets_all_that_it_was_owed() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let text =
        format!("pool:\n  listen: 127.0.0.1:1\n  redis: true\n  servers:\n   - {}:1\n", redis.endpoint());
    for (last, words) in [("QUIT\r\n", "+OK\r\n"), ("*x\r\n", "-ERR Protocol error")] {
        let (proxy, address) = proxy(&text).await;
        let mut client = Client::new(address);
        client.send(&request(&["SET", "k", &"v".repeat(LEN)]));
        assert_eq!(client.reply(), Reply::Line("+OK".into()));
        let asked = request(&["GET", "k"]).repeat(VALUES);
        client.send(&[&asked, last.as_bytes(), &request(&["GET", "k"]).repeat(1_000)].concat());
        let is_gone = async || (proxy.stats().await[0].counts.client_connections == 0).then_some(());
        eventually_async(PATIENCE, "the client is ended", is_gone).await;
        // It may still be sending when it is.
        let _ = std::io::Write::write_all(&mut client.stream, &request(&["GET", "k"]));
        let mut told = Vec::new();
        client.stream.read_to_end(&mut told).expect("it is closed in order");
        let values = format!("${LEN}\r\n{}\r\n", "v".repeat(LEN)).repeat(VALUES);
        let rest = told.strip_prefix(values.as_bytes());
        let rest = rest.unwrap_or_else(|| panic!("of {} bytes came {}", values.len(), told.len()));
        assert!(rest.starts_with(words.as_bytes()), "{:?}", String::from_utf8_lossy(rest));
    }
}
