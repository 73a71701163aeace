//! Another address of a server, at the port of memcached.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::NUMBERS;

/// `127.x.y.z:11211`, behind which is a server; closed when it is dropped.
pub(super) struct Door {
    address: SocketAddr,
    is_closed: Arc<AtomicBool>,
}

impl Door {
    pub(super) fn to(server: &str) -> Self {
        let server: SocketAddr = server.parse().expect("it is an address");
        // All of 127 is this machine; another process may have taken one.
        let listener = (0..100).find_map(|_| {
            let number = (u64::from(process::id()) * 31 + NUMBERS.fetch_add(1, Ordering::Relaxed)) % 60_000;
            let [high, low] = u16::try_from(number).expect("it is a remainder").to_be_bytes();
            TcpListener::bind(SocketAddr::from(([127, 77, high, low.max(1)], 11_211))).ok()
        });
        let listener = listener.expect("one of a hundred addresses is free");
        let address = listener.local_addr().expect("it listens");
        let is_closed = Arc::new(AtomicBool::new(false));
        thread::spawn({
            let is_closed = Arc::clone(&is_closed);
            move || {
                for client in listener.incoming().map_while(Result::ok) {
                    if is_closed.load(Ordering::Relaxed) {
                        return;
                    }
                    let Ok(server) = TcpStream::connect(server) else { continue };
                    let copies = client.try_clone().and_then(|to| Ok((to, server.try_clone()?)));
                    let (to_client, to_server) = copies.expect("there are descriptors");
                    thread::spawn(move || carry(client, to_server));
                    thread::spawn(move || carry(server, to_client));
                }
            }
        });
        Self { address, is_closed }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::Relaxed);
        // It is seen by who waits for the next.
        let _ = TcpStream::connect(self.address);
    }
}

/// Carries bytes until one of them ends.
fn carry(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
