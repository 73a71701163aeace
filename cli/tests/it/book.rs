//! A source that somebody else has written: the book's interface over plain sockets, byte for byte.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// A foreign source, until it is dropped.
pub(crate) struct Book {
    address: String,
    items: Arc<Mutex<Vec<(String, String)>>>,
    talks_nonsense: Arc<AtomicBool>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Book {
    /// Serves items of these names and data.
    pub(crate) fn serve(items: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address").to_string();
        let items: Vec<_> =
            items.iter().map(|(name, data)| ((*name).to_owned(), (*data).to_owned())).collect();
        let items = Arc::new(Mutex::new(items));
        let (talks_nonsense, is_over) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (served, nonsense, over) =
            (Arc::clone(&items), Arc::clone(&talks_nonsense), Arc::clone(&is_over));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let items = served.lock().expect("nobody panics here").clone();
                // A client that leaves is no business of the others.
                let _ = stream.and_then(|stream| answer(stream, &items, nonsense.load(Ordering::SeqCst)));
            }
        });
        Self { address, items, talks_nonsense, is_over, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it answers something else than a list, or not.
    pub(crate) fn talk_nonsense(&self, nonsense: bool) {
        self.talks_nonsense.store(nonsense, Ordering::SeqCst);
    }

    /// Lists this, too.
    pub(crate) fn add(&self, name: &str, data: &str) {
        self.items.lock().expect("nobody panics here").push((name.to_owned(), data.to_owned()));
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes it.
        let _ = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, items: &[(String, String)], nonsense: bool) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 16 * 1024 {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match path.strip_prefix("/api/v1/items") {
        _ if nonsense => ("200 OK", "<html>it works</html>".to_owned()),
        Some("") => {
            let names: Vec<_> = items.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            let names = names.join(",");
            ("200 OK", format!(r#"{{"kind":"ItemList","apiVersion":"v1","items":[{names}]}}"#))
        }
        Some(rest) => match items.iter().find(|(name, _)| rest.strip_prefix('/') == Some(name)) {
            Some((_, data)) => ("200 OK", format!(r#"{{"kind":"Item","apiVersion":"v1","data":{data}}}"#)),
            None => ("404 Not Found", String::new()),
        },
        None => ("404 Not Found", String::new()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
