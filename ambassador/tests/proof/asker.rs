//! Clients that know what they have asked, and judge what they get.

use std::{cell::Cell, collections::VecDeque, net::SocketAddr, rc::Rc};

use entourage_testkit::Rng;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    proxy::connect,
    resp::{bulk, frame, is_failure, key, reply_len, value},
};

/// What many clients have seen.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) right: Cell<u64>,
    pub(crate) failed: Cell<u64>,
    /// Of servers that do no wrong: they were not heard in time.
    pub(crate) late: Cell<u64>,
    next_key: Cell<u64>,
}

/// One request and its reply.
#[derive(Debug)]
struct Asked {
    reply: Vec<u8>,
    /// Its server does no wrong.
    spared: bool,
}

impl Tally {
    pub(crate) fn answers(&self) -> u64 {
        self.right.get() + self.failed.get() + self.late.get()
    }

    fn key(&self, len: usize) -> Vec<u8> {
        self.next_key.set(self.next_key.get() + 1);
        key(self.next_key.get(), len)
    }
}

/// Asks, connection after connection, until all clients together have `enough` answers.
pub(crate) async fn keep_asking(
    proxy: SocketAddr,
    tally: Rc<Tally>,
    enough: u64,
    mut rng: Rng,
    spared: impl Fn(&[u8]) -> bool,
) {
    while tally.answers() < enough {
        let mut stream = connect(proxy).await;
        let turns = rng.between(1..20);
        for turn in 0..turns {
            let (mut batch, mut asked) = (Vec::new(), VecDeque::new());
            for _ in 0..rng.between(1..33) {
                asked.push_back(request(&mut rng, &tally, &mut batch, &spared));
            }
            let ends = turn + 1 == turns;
            match rng.between(0..8) {
                // Goes away in the middle of a request, or of a reply.
                0 if ends => {
                    let part = rng.between(0..batch.len() as u64) as usize;
                    stream.write_all(&batch[..part]).await.expect("the proxy reads");
                    break;
                }
                1 if ends => {
                    stream.write_all(&batch).await.expect("the proxy reads");
                    let _ = stream.read(&mut [0; 100]).await;
                    rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO))
                        .expect("a socket");
                    break;
                }
                // Says that it sends no more, and has all of its replies.
                2 if ends => {
                    stream.write_all(&batch).await.expect("the proxy reads");
                    stream.shutdown().await.expect("it is open");
                    hear(&mut stream, &mut asked, &tally, usize::MAX).await;
                    assert_eq!(stream.read(&mut [0; 1]).await.expect("it is closed in order"), 0);
                    break;
                }
                // Byte by byte.
                3 => {
                    for piece in batch.chunks(rng.between(1..40) as usize) {
                        stream.write_all(piece).await.expect("the proxy reads");
                        tokio::task::yield_now().await;
                    }
                    hear(&mut stream, &mut asked, &tally, 10).await;
                }
                _ => {
                    stream.write_all(&batch).await.expect("the proxy reads");
                    hear(&mut stream, &mut asked, &tally, usize::MAX).await;
                }
            }
        }
    }
}

/// Writes a request behind others.
fn request(rng: &mut Rng, tally: &Tally, batch: &mut Vec<u8>, spared: impl Fn(&[u8]) -> bool) -> Asked {
    let len = if rng.between(0..20) == 0 { rng.between(0..40_000) as usize } else { 0 };
    if rng.between(0..6) == 0 {
        let keys: Vec<_> = (0..rng.between(1..9)).map(|_| tally.key(0)).collect();
        let words: Vec<_> = std::iter::once(&b"MGET"[..]).chain(keys.iter().map(Vec::as_slice)).collect();
        batch.extend(frame(&words));
        let reply = keys
            .iter()
            .fold(format!("*{}\r\n", keys.len()).into_bytes(), |all, key| [all, bulk(&value(key))].concat());
        return Asked { reply, spared: keys.iter().all(|key| spared(key)) };
    }
    let key = tally.key(len);
    batch.extend(frame(&[b"GET", &key]));
    Asked { reply: bulk(&value(&key)), spared: spared(&key) }
}

/// Reads the replies to all that was asked, no more than so many bytes at a time.
async fn hear(stream: &mut TcpStream, asked: &mut VecDeque<Asked>, tally: &Tally, most: usize) {
    let (mut held, mut at, mut chunk) = (Vec::new(), 0, vec![0; most.min(64 * 1024)]);
    while !asked.is_empty() {
        let count = stream.read(&mut chunk).await.expect("the proxy keeps the connection");
        assert!(count > 0, "the proxy ended a connection that owes {} replies", asked.len());
        held.extend_from_slice(&chunk[..count]);
        while let Some(len) = reply_len(&held[at..]) {
            let reply = &held[at..at + len];
            at += len;
            let Some(asked) = asked.pop_front() else {
                panic!("a reply that nobody asked for: {}", shown(reply))
            };
            if reply == asked.reply {
                tally.right.set(tally.right.get() + 1);
            } else if is_failure(reply) && !asked.spared {
                tally.failed.set(tally.failed.get() + 1);
            } else if is_failure(reply) && reply.starts_with(b"-ERR Connection timed out") {
                tally.late.set(tally.late.get() + 1);
            } else {
                panic!("{} is answered with {}", shown(&asked.reply), shown(reply));
            }
        }
    }
    assert_eq!(held.len(), at, "there is more than was asked for: {}", shown(&held[at..]));
}

pub(crate) fn shown(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(120)].escape_ascii().to_string()
}

/// One request on this connection, and its reply.
pub(crate) async fn ask(stream: &mut TcpStream, request: &[u8]) -> Vec<u8> {
    stream.write_all(request).await.expect("the proxy reads");
    let mut held = Vec::new();
    loop {
        if let Some(len) = reply_len(&held) {
            assert_eq!(len, held.len(), "one reply to one request: {}", shown(&held));
            return held;
        }
        let count = stream.read_buf(&mut held).await.expect("the proxy keeps the connection");
        assert!(count > 0, "the proxy ended the connection after {}", shown(&held));
    }
}
