//! Connections that are carried, cut, stalled and refused.

use super::*;
use crate::eventually::eventually;

const DEADLINE: Duration = Duration::from_secs(20);

/// A server that says everything back, until its listener's owner has gone.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        // As many as the tests below make.
        for client in listener.incoming().take(16).flatten() {
            thread::spawn(move || io::copy(&mut &client, &mut &client));
        }
    });
    address
}

fn connect(relay: &Relay) -> TcpStream {
    let stream = TcpStream::connect(relay.endpoint()).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a time-out can be set");
    stream
}

/// What is said back; nothing once the connection has ended.
fn ask(mut stream: &TcpStream, what: &[u8]) -> Vec<u8> {
    let mut answer = vec![0; what.len()];
    let asked = stream.write_all(what).and_then(|()| stream.read_exact(&mut answer));
    asked.map(|()| answer).unwrap_or_default()
}

#[test]
fn what_is_sent_arrives_until_it_is_cut_and_over_a_new_connection_after_it() {
    let relay = Relay::to(&echo());
    let stream = connect(&relay);
    let long = vec![7; CHUNK * 3];
    assert_eq!(ask(&stream, b"1"), b"1");
    relay.cut();
    assert_eq!(relay.cuts(), 1);
    assert!(ask(&stream, b"2").is_empty());
    assert_eq!(ask(&connect(&relay), &long), long);
}

#[test]
fn connections_are_cut_again_and_again_until_that_is_over() {
    let relay = Relay::to(&echo());
    let cutting = relay.cut_every(Duration::from_millis(1));
    for cuts in 1..=3 {
        let mut stream = connect(&relay);
        assert!(stream.read(&mut [0]).map_or(true, |read| read == 0));
        eventually(DEADLINE, "it is counted", || (relay.cuts() >= cuts).then_some(()));
    }
    drop(cutting);
    let (stream, cuts) = (connect(&relay), relay.cuts());
    assert_eq!(ask(&stream, b"1"), b"1");
    assert_eq!(relay.cuts(), cuts);
}

#[test]
fn what_is_sent_into_a_stall_arrives_after_it() {
    let relay = Relay::to(&echo());
    let mut stream = connect(&relay);
    relay.stall();
    stream.write_all(b"1").expect("it is taken");
    stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out can be set");
    assert!(stream.read(&mut [0]).is_err(), "nothing is carried");
    relay.go_on();
    stream.set_read_timeout(Some(DEADLINE)).expect("a time-out can be set");
    let mut answer = [0];
    stream.read_exact(&mut answer).expect("it is carried on");
    assert_eq!(&answer, b"1");
}

#[test]
fn a_closed_relay_ends_what_comes_and_a_dropped_one_is_gone() {
    let relay = Relay::to(&echo());
    let stream = connect(&relay);
    assert_eq!(ask(&stream, b"1"), b"1");
    relay.close();
    assert!(ask(&stream, b"2").is_empty());
    assert!(ask(&connect(&relay), b"3").is_empty());
    relay.open();
    let stream = connect(&relay);
    assert_eq!(ask(&stream, b"4"), b"4");
    relay.stall();
    let endpoint = relay.endpoint();
    drop(relay);
    assert!(ask(&stream, b"5").is_empty());
    assert!(TcpStream::connect(endpoint).is_err());
}
