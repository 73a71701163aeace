//! Ports of this machine, and short talks over them.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

/// How long one talk may be silent.
const SILENCE: Duration = Duration::from_secs(5);
/// More than this nobody answers here.
const LONGEST: u64 = 16 * 1024 * 1024;

/// An address of loopback that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    free.local_addr().expect("it is bound")
}

/// Different addresses of loopback that were free a moment ago.
pub(crate) fn free_addresses(count: usize) -> Vec<SocketAddr> {
    // All are held until the last is drawn.
    let bind = |_| TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let held: Vec<_> = (0..count).map(bind).collect();
    held.iter().map(|free| free.local_addr().expect("it is bound")).collect()
}

/// A configuration in which each `{listen}` has become an address of its own; those addresses.
pub(crate) fn placed(config: &str) -> (String, Vec<SocketAddr>) {
    const LISTEN: &str = "{listen}";
    let addresses = free_addresses(config.matches(LISTEN).count());
    let placed = addresses
        .iter()
        .fold(config.to_owned(), |config, address| config.replacen(LISTEN, &address.to_string(), 1));
    (placed, addresses)
}

/// What is answered until the answer ends with `end`, or the connection with it.
pub(crate) fn ask(address: SocketAddr, request: &[u8], end: Option<&[u8]>) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, SILENCE)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let mut reader = stream.take(LONGEST);
    let Some(end) = end else {
        reader.read_to_end(&mut answer)?;
        return Ok(answer);
    };
    let mut chunk = [0; 4096];
    while !answer.ends_with(end) {
        match reader.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => answer.extend_from_slice(&chunk[..read]),
        }
    }
    Ok(answer)
}
