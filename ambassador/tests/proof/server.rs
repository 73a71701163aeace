//! Servers that answer, and such that do not.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    rc::Rc,
    time::Duration,
};

use entourage_core::{SystemClock, sleep};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::resp::{answer, words};

/// What a connection does, from its first request on or after so many honest replies; that to the proxy's
/// own, with which a connection begins, is honest and not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    Honest,
    /// Answers no more; after this time it does, to all that it was asked.
    Late(u64, Duration),
    /// Reads nothing more.
    Deaf(u64),
    /// Half a reply, then a reset.
    Reset(u64),
    /// Half a reply, then its end.
    Cut(u64),
    /// What is no reply, then silence.
    Garbage(u64),
    /// A reply of another kind, then honest ones.
    WrongKind(u64),
    /// Byte by byte.
    Drip,
    /// A reply more than was asked for, when nothing is asked.
    Unasked(u64),
    /// Its end at once, with last words.
    Full(&'static [u8]),
    /// A reply once half of a request has come, and the connection is held.
    Early,
    /// These words when it is connected, then honest replies, each after a while.
    Banner(&'static [u8]),
}

/// What all connections to one server share.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// Connections that came.
    pub(crate) connections: Cell<u64>,
    /// Those that the proxy has ended.
    pub(crate) ended: Cell<u64>,
    pub(crate) requests: Cell<u64>,
    /// Keys that came with GET and MGET; one that comes twice was sent twice.
    seen: RefCell<HashSet<Vec<u8>>>,
    pub(crate) twice: Cell<u64>,
}

/// Serves, each connection with the habit that `habit` gives it; where, and what comes.
pub(crate) async fn serve(mut habit: impl FnMut() -> Habit + 'static) -> (String, Rc<Book>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let book = Rc::new(Book::default());
    let shared = Rc::clone(&book);
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (book, habit) = (Rc::clone(&shared), habit());
            book.connections.set(book.connections.get() + 1);
            tokio::task::spawn_local(async move {
                // However it ends, the proxy has to live with it.
                let _ = converse(stream, habit, &book).await;
                book.ended.set(book.ended.get() + 1);
            });
        }
    });
    (address, book)
}

async fn converse(mut stream: TcpStream, habit: Habit, book: &Book) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let clock = SystemClock::new();
    let (mut held, mut out, mut count) = (Vec::new(), Vec::new(), 0_u64);
    if let Habit::Full(words) = habit {
        return stream.write_all(words).await;
    }
    if let Habit::Banner(words) = habit {
        stream.write_all(words).await?;
    }
    loop {
        if stream.read_buf(&mut held).await? == 0 {
            return Ok(());
        }
        if habit == Habit::Early && words(&held).is_none() {
            stream.write_all(b"$3\r\nlie\r\n").await?;
        }
        if let Habit::Banner(_) = habit {
            // Who believes the banner has said more by then.
            sleep(&clock, Duration::from_millis(5)).await;
        }
        let mut at = 0;
        while let Some((request, len)) = words(&held[at..]) {
            at += len;
            if is_greeting(&request) {
                out.extend_from_slice(&answer(&request));
                continue;
            }
            count += 1;
            book.note(&request);
            let reply = answer(&request);
            match habit {
                Habit::Late(after, pause) if count > after => {
                    stream.write_all(&out).await?;
                    out.clear();
                    sleep(&clock, pause).await;
                }
                Habit::Deaf(after) if count > after => {
                    stream.write_all(&out).await?;
                    // Until the test ends; the proxy gives it up long before.
                    return std::future::pending().await;
                }
                Habit::Reset(after) | Habit::Cut(after) if count > after => {
                    out.extend_from_slice(&reply[..reply.len() / 2]);
                    stream.write_all(&out).await?;
                    if matches!(habit, Habit::Reset(_)) {
                        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
                    }
                    return Ok(());
                }
                Habit::Garbage(after) if count > after => {
                    out.extend_from_slice(b"HTTP/1.1 400 Bad Request\r\n\r\n");
                    stream.write_all(&out).await?;
                    return drain(&mut stream).await;
                }
                Habit::WrongKind(after) if count == after + 1 => {
                    out.extend_from_slice(b":1\r\n");
                    continue;
                }
                Habit::Unasked(after) if count == after => {
                    out.extend_from_slice(&reply);
                    stream.write_all(&out).await?;
                    out.clear();
                    stream.write_all(b"$3\r\nlie\r\n").await?;
                    continue;
                }
                _ => {}
            }
            out.extend_from_slice(&reply);
        }
        held.drain(..at);
        if habit == Habit::Drip {
            for byte in &out {
                stream.write_all(std::slice::from_ref(byte)).await?;
                tokio::task::yield_now().await;
            }
        } else {
            stream.write_all(&out).await?;
        }
        out.clear();
    }
}

/// Whether it is the proxy's own, which has to know what the server is: what clients ask has keys.
fn is_greeting(request: &[Vec<u8>]) -> bool {
    request[0] == b"ECHO" || request.len() == 1 && !request[0].eq_ignore_ascii_case(b"ping")
}

/// Reads until the proxy ends the connection.
async fn drain(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut chunk = [0; 4096];
    while stream.read(&mut chunk).await? > 0 {}
    Ok(())
}

impl Book {
    fn note(&self, request: &[Vec<u8>]) {
        self.requests.set(self.requests.get() + 1);
        if request[0].eq_ignore_ascii_case(b"ping") {
            return;
        }
        let mut seen = self.seen.borrow_mut();
        let keys = if request[0].eq_ignore_ascii_case(b"set") { 1 } else { usize::MAX };
        for key in request[1..].iter().take(keys) {
            // A key that begins with `r` may be asked for again and again.
            if !key.starts_with(b"r") && !seen.insert(key.clone()) {
                self.twice.set(self.twice.get() + 1);
            }
        }
    }
}
