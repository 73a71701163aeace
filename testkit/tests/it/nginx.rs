//! A real nginx: it serves what it is told to.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use entourage_testkit::{Nginx, Requirement, mimic::Trial};

use crate::{DEADLINE, message};

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, body: fn()| Requirement::from(Nginx::available()).trial("nginx", name, body);
    vec![
        trial("nginx_serves_at_every_address_of_its_own", served),
        trial("a_configuration_that_nginx_refuses_fails_the_test", refused),
    ]
}

fn served() {
    let nginx = Nginx::start(
        "server { listen {listen}; return 200 first; }\nserver { listen {listen}; return 200 second; }",
    );
    let said = nginx.endpoints().into_iter().map(|endpoint| {
        let mut client = TcpStream::connect(endpoint).expect("it listens");
        client.set_read_timeout(Some(DEADLINE)).expect("it can be set");
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("it takes requests");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("it answers");
        answer.rsplit("\r\n").next().unwrap_or_default().to_owned()
    });
    assert_eq!(said.collect::<Vec<_>>(), ["first", "second"]);
}

fn refused() {
    let said = message(|| {
        let _ = Nginx::start("server { listen {listen}; no_such_word; }");
    });
    assert!(said.contains("nginx ended before it was ready"), "{said}");
    assert!(said.contains("unknown directive \"no_such_word\""), "{said}");
}
