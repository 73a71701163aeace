//! A running nginx, asked where upstreams that are drawn by chance have their keys.
//!
//! `ENTOURAGE_LONG=1` draws more of them; `ENTOURAGE_SEED` says which.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use entourage_testkit::{Nginx, Requirement, Rng};

use super::{Function, address};

/// What nginx calls a method here, and how it is said to it.
const METHODS: [(&str, &str); 3] =
    [("consistent", "hash $http_x_key consistent;"), ("plain", "hash $http_x_key;"), ("ip_hash", "ip_hash;")];

const KEYS: u64 = 500;

/// How long an answer may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// An upstream, none of whose servers is there: so nginx tells in which order it tries them.
struct Drawn {
    method: (&'static str, &'static str),
    servers: Vec<(String, u32)>,
}

impl Drawn {
    /// At ports below 1024 that nobody has.
    fn new(rng: &mut Rng, method: (&'static str, &'static str)) -> Self {
        let count = 2 + rng.between(0..9);
        let mut draw = |place| {
            (format!("127.77.{}.{place}:{}", rng.between(1..255), rng.between(200..380)), rng.between(1..7))
        };
        let servers = (1..=count).map(|place| {
            let (name, weight) = draw(place);
            (name, weight as u32)
        });
        Self { method, servers: servers.collect() }
    }

    /// As it stands in a configuration, and where it is reached.
    fn text(&self, number: usize) -> (String, String) {
        let listed: String = self
            .servers
            .iter()
            .map(|(name, weight)| format!("server {name} weight={weight} max_fails=0;\n"))
            .collect();
        let upstream = format!("upstream u{number} {{\n{}\n{listed}}}\n", self.method.1);
        let location = format!(
            "location = /{number} {{ proxy_pass http://u{number}; add_header X-Tried $upstream_addr always; }}\n"
        );
        (upstream, location)
    }

    /// The places of its servers in the order in which nginx tries them for this key.
    fn tried(&self, client: &mut Client, number: usize, field: &str) -> Vec<usize> {
        let tried = client.ask(number, field);
        let place = |name: &str| self.servers.iter().position(|(known, _)| known == name);
        tried.split(", ").map(|name| place(name).expect("nginx tries what it has")).collect()
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn new(nginx: &Nginx) -> Self {
        let stream = TcpStream::connect(nginx.endpoint()).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        stream.set_nodelay(true).expect("it is a socket");
        Self(BufReader::new(stream))
    }

    /// What was tried for this field of a request.
    fn ask(&mut self, number: usize, field: &str) -> String {
        let request = format!("GET /{number} HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).expect("it takes requests");
        let (mut tried, mut len) = (None, 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("it answers");
            match line.trim_end().split_once(": ") {
                Some(("X-Tried", names)) => tried = Some(names.to_owned()),
                Some(("Content-Length", bytes)) => len = bytes.parse().expect("it is a number"),
                _ if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        self.0.read_exact(&mut vec![0; len]).expect("it answers");
        tried.expect("it says what it tried")
    }
}

#[test]
fn every_key_is_where_the_running_nginx_has_it_and_then_where_that_tries() {
    if !Requirement::from(Nginx::available()).is_met("nginx") {
        return;
    }
    let mut rng = Rng::from_env();
    let rounds = if env::var_os("ENTOURAGE_LONG").is_some() { 40 } else { 4 };
    let drawn: Vec<_> =
        (0..rounds).flat_map(|_| METHODS).map(|method| Drawn::new(&mut rng, method)).collect();
    let (upstreams, locations): (String, String) =
        drawn.iter().enumerate().map(|(number, drawn)| drawn.text(number)).unzip();
    let nginx = Nginx::start(&format!(
        "keepalive_requests 1000000;\nset_real_ip_from 127.0.0.0/8;\nreal_ip_header X-Real-IP;\n\
         {upstreams}server {{\nlisten {{listen}};\n{locations}}}"
    ));
    let mut client = Client::new(&nginx);
    for (number, drawn) in drawn.iter().enumerate() {
        let function = Function::new(drawn.method.0, drawn.servers.clone());
        for key_number in 0..KEYS {
            let key = function.key(key_number);
            let field = match &function {
                Function::Ip(_) => format!("X-Real-IP: {}", address(key_number)),
                _ => format!("X-Key: {}", String::from_utf8_lossy(&key)),
            };
            let tried = drawn.tried(&mut client, number, &field);
            let ours: Vec<_> = function.tries(&key).into_iter().map(|shard| shard.index()).collect();
            assert_eq!(function.shard(&key).index(), ours[0]);
            // Behind what the key decides, nginx goes round robin.
            assert!(
                tried.starts_with(&ours),
                "{} over {:?}: {field} tried {tried:?}, and not {ours:?}",
                drawn.method.0,
                drawn.servers
            );
        }
    }
}
