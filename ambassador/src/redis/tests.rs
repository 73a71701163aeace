//! Keys that no server serves, read and written.

use std::{io::IoSlice, time::Duration};

use entourage_core::Moment;

use super::{Redis, args::Written, command::Split, split::Splitter};
use crate::{
    failure::Cause,
    limits::Limits,
    mux::{ClientKey, Input, Mux, Taken},
    nutcracker::Config,
    options::{OnEjected, Options, Partial},
    pool::{Ejection, Router},
    protocol::Protocol,
};

/// A pool of two servers, of which the second is ejected, and a client of it.
struct Rig {
    mux: Mux<Redis>,
    client: ClientKey,
    /// A key of each server.
    keys: [String; 2],
}

impl Rig {
    fn new(on_ejected: OnEjected, partial: Partial) -> Self {
        let text =
            "p:\n  listen: 127.0.0.1:1\n  redis: true\n  hash: md5\n  servers:\n   - a:1:1\n   - b:1:1\n";
        let pool = Config::parse(text).expect("the file is right").pools.remove(0);
        let router = || Router::new(&pool, on_ejected).expect("they make a ring");
        let keys = [0, 1].map(|server| {
            let is_its = |key: &String| router().server(key.as_bytes()) == Ok(server);
            (0..).map(|number| format!("key{number}")).find(is_its).expect("each has keys")
        });
        let options = Options { partial, ..Options::default() };
        let ejection = Ejection { limit: Some(1), retry: Duration::from_secs(30) };
        let protocol = Redis::of(&pool, &options, Moment::ZERO, 0);
        let mut mux = Mux::new(protocol, router(), 1, ejection, Limits::default());
        (0..2).for_each(|line| mux.connected(line));
        mux.lose(1, Cause::TimedOut);
        let client = mux.join("127.0.0.1:3").expect("it is the first");
        Self { mux, client, keys }
    }

    /// What the client is told of a request, in which `0` and `1` are keys of these servers; the first
    /// server replies so, if it is asked.
    fn told(&mut self, request: &str, reply: &str) -> String {
        let words = request.split(' ').map(|word| match word {
            "0" => self.keys[0].as_str(),
            "1" => self.keys[1].as_str(),
            word => word,
        });
        let line = words.collect::<Vec<_>>().join(" ") + "\r\n";
        assert_eq!(self.mux.take(self.client, &mut Input::Lent(line.as_bytes())), Taken::All);
        let mut slices = [IoSlice::new(&[]); 8];
        let filled = self.mux.for_server(0, &mut slices);
        let asked = slices[..filled].iter().map(|slice| slice.len()).sum();
        self.mux.sent(0, asked);
        if asked > 0 {
            self.mux.reply(0, &mut Input::Lent(reply.as_bytes())).expect("it was asked for");
        }
        let mut slices = [IoSlice::new(&[]); 8];
        let filled = self.mux.for_client(self.client, &mut slices);
        let told: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
        self.mux.wrote_to_client(self.client, told.len());
        String::from_utf8(told).expect("it is text here")
    }
}

#[test]
fn values_of_an_ejected_server_are_missing_where_that_is_the_policy() {
    for partial in [Partial::Error, Partial::PerKey, Partial::Miss] {
        let mut rig = Rig::new(OnEjected::Miss, partial);
        assert_eq!(rig.told("GET 1", ""), "$-1\r\n");
        assert_eq!(rig.told("MGET 1", ""), "*1\r\n$-1\r\n");
        assert_eq!(rig.told("MGET 1 1", ""), "*2\r\n$-1\r\n$-1\r\n");
        assert_eq!(
            rig.told("MGET 1 0 1", "*1\r\n$1\r\nv\r\n"),
            "*3\r\n$-1\r\n$1\r\nv\r\n$-1\r\n",
            "{partial:?}"
        );
        for write in ["SET 1 v", "DEL 1", "MSET 1 v", "MSET 0 v 1 v"] {
            let told = rig.told(write, "+OK\r\n");
            assert!(told.starts_with("-ERR Host is down: b:1 "), "{told} to {write}");
        }
    }
}

#[test]
fn keys_that_no_server_serves_are_refused_where_that_is_the_policy() {
    for partial in [Partial::Error, Partial::PerKey] {
        let mut rig = Rig::new(OnEjected::Fail, partial);
        for request in ["GET 1", "DEL 1", "DEL 1 1", "EXISTS 0 1"] {
            let told = rig.told(request, ":1\r\n");
            assert!(told.starts_with("-ERR Host is down: b:1 "), "{told} to {request}");
        }
        let told = rig.told("MGET 1 1", "");
        let error = "-ERR Host is down: b:1 is ejected and its keys are not served\r\n";
        let is_per_key = partial == Partial::PerKey;
        assert_eq!(told, if is_per_key { format!("*2\r\n{error}{error}") } else { error.to_owned() });
    }
}

#[test]
fn keys_without_a_server_for_one_reason_are_one_part() {
    let written =
        Written::new(std::iter::once("MGET".to_owned()).chain((0..100_000).map(|key| key.to_string())));
    let mut splitter = Splitter::default();
    let server = |key: &[u8]| if key.ends_with(b"7") { Ok(1) } else { Err(key.last().map(|byte| byte % 2)) };
    splitter.sort(Split::Mget, &written.args(), 2, server).expect("every key is one");
    assert_eq!(splitter.parts().len(), 3, "a server, and two reasons");
}
