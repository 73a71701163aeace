//! A megabyte of what costs most: it is read in time that grows with it, and no faster.

use std::time::Duration;

use entourage_core::{Clock, SystemClock};

use super::{memcached_reply, memcached_request, nutcracker_yml, resp_reply, resp_request};

/// What is there in one megabyte.
const MIB: usize = 1024 * 1024;
/// Where time grew with the square of the bytes, this would take minutes or hours.
const PATIENCE: Duration = Duration::from_secs(30);

/// Calls `target` with so many bytes of each: what is in front, and again and again what follows.
fn each(len: usize, target: fn(&[u8]), hostile: &[(&[u8], &[u8])]) {
    let clock = SystemClock::new();
    for (front, again) in hostile {
        let bytes = [front, &again.repeat((len - front.len()) / again.len())[..]].concat();
        let begun = clock.now();
        target(&bytes);
        let took = clock.now().since(begun);
        let begins = front[..front.len().min(40)].escape_ascii();
        eprintln!("{took:?}: {begins} and {}", again.escape_ascii());
        assert!(took < PATIENCE, "{begins} and {} took {took:?}", again.escape_ascii());
    }
}

#[test]
fn a_megabyte_of_hostile_requests_to_redis_is_read_in_time() {
    each(
        MIB,
        |bytes| drop(resp_request(bytes)),
        &[
            (b"", b"*1\r\n"),
            (b"*1048576\r\n", b"$0\r\n\r\n"),
            (b"*1048576\r\n", b"$1\r\na\r\n"),
            (b"*2\r\n$3\r\nGET\r\n$67000000\r\n", b"x"),
            (b"*2\r\n$3\r\nGET\r\n$2147483648\r\n", b"x"),
            (b"", b"x"),
            (b"", b"\""),
            (b"", b"\\"),
            (b"*", b"0"),
        ],
    );
}

#[test]
fn a_pipeline_of_the_shortest_requests_is_read_in_time() {
    let some = MIB / 16;
    each(
        some,
        |bytes| drop(resp_request(bytes)),
        &[(b"", b"*0\r\n"), (b"", b"\n"), (b"", b"*2\r\n$4\r\nPING\r\n$0\r\n\r\n")],
    );
    each(some, memcached_request, &[(b"", b"\r\n"), (b"", b"get k\r\n"), (b"", b"set k 0 0 1\r\n\r\n")]);
}

#[test]
fn a_megabyte_of_a_hostile_reply_of_redis_is_measured_in_time() {
    each(
        MIB,
        |bytes| {
            let _ = resp_reply(bytes);
        },
        &[
            (b"", b"*1\r\n"),
            (b"", b"*9223372036854775807\r\n"),
            (b"*9223372036854775807\r\n", b"$-1\r\n"),
            (b"*2147483648\r\n", b":1\r\n"),
            (b"$9223372036854775807\r\n", b"x"),
            (b"+", b"x"),
            (b"$2147483648\r\n", b"\r\n"),
            (b":", b"0"),
            (b"", b"-\r\n"),
        ],
    );
}

#[test]
fn a_megabyte_of_hostile_requests_to_memcached_is_read_in_time() {
    each(
        MIB,
        memcached_request,
        &[
            (b"get ", b"k "),
            (b"get", b" "),
            (b"gat 0 ", b"k "),
            (b"", b" "),
            (b"set k 0 0 2147483645\r\n", b"x"),
            (b"ms k 67000000\r\n", b"\n"),
            (b"mg k", b" q"),
        ],
    );
}

#[test]
fn a_megabyte_of_a_hostile_reply_of_memcached_is_measured_in_time() {
    each(
        MIB,
        memcached_reply,
        &[
            (b"\xc4", b"VALUE k 0 0\r\n\r\n"),
            (b"\xc4VALUE k 0 2147483645\r\n", b"x"),
            (b"\x00VALUE ", b"k"),
            (b"\x06", b"1"),
            (b"\x07VA 2147483645\r\n", b"x"),
            (b"\x07VA 1", b" "),
        ],
    );
}

#[test]
fn half_a_megabyte_of_a_hostile_file_is_read_in_time() {
    each(
        MIB / 2,
        nutcracker_yml,
        &[
            (b"", b"["),
            (b"", b"{"),
            (b"", b"- "),
            (b"", b"? "),
            (b"", b"a: "),
            (b"", b"\""),
            (b"\"", b"\\"),
            (b"a: \"", b"\n "),
            (b"a: |\n", b" x\n"),
            (b"a: >\n", b"\n"),
            (b"a: &x ", b"*x "),
            (b"", b"#"),
            (b"", b"# \n"),
            (b"", b" "),
            (b"", b"\n"),
            (b"", b"a:\n"),
            (b"", b"\xc3\xbc"),
            (b"a: ", b"x "),
            (b"a: ", b"x\n  "),
            (b"p:\n  listen: 127.0.0.1:1\n  servers:\n", b"  - 127.0.0.1:1:1\n"),
            (b"p:\n  listen: 127.0.0.1:1\n", b"  timeout: 1\n"),
            (b"p:\n", b"  x: 'y\n    z'\n"),
            (b"a: ", b"!"),
            (b"", b"%"),
            (b"a", b"\t"),
            (b"a:\t", b"\t"),
            (b"\"", b"\xf0\x9f\x98\x80"),
        ],
    );
}

#[test]
fn a_file_of_as_many_pools_and_servers_as_may_be_is_read_in_time() {
    let mut pools = String::new();
    for pool in 0..1_024 {
        pools += &format!("p{pool}:\n  listen: 127.0.0.1:{}\n  servers:\n", pool + 1);
        (0..8).for_each(|server| pools += &format!("   - 127.0.0.{server}:{}:1 s{server}\n", pool + 1));
    }
    assert!(crate::nutcracker::Config::parse(&pools).is_ok());
    each(MIB, nutcracker_yml, &[(pools.as_bytes(), b"#")]);
    let mut servers = "p:\n  listen: 127.0.0.1:1\n  servers:\n".to_owned();
    (0..4_096).for_each(|server| servers += &format!("   - 127.0.0.1:{}:1\n", server + 1));
    assert!(crate::nutcracker::Config::parse(&servers).is_ok());
    each(MIB, nutcracker_yml, &[(servers.as_bytes(), b"#")]);
}
