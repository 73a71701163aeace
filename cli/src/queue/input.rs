//! Standard input, whole or line by line, bounded.

use std::{
    io::{self, BufRead, BufReader, Read},
    thread,
};

use tokio::sync::mpsc;

/// Lines that are read ahead.
const AHEAD: usize = 100;
/// The longest line, in bytes.
const LONGEST: usize = 1024 * 1024;

/// Lines as they come, without their ends; the last may have none.
///
/// They are read by a thread, which nobody waits for: a terminal may never say more.
pub(super) fn lines() -> io::Result<mpsc::Receiver<io::Result<Vec<u8>>>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut input = BufReader::new(io::stdin());
        loop {
            let line = line(&mut input, LONGEST).transpose();
            let Some(line) = line else { return };
            let is_last = line.is_err();
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// All of it, as long as it is no more than `limit`.
pub(super) async fn all(limit: usize) -> io::Result<Vec<u8>> {
    let (sender, mut receiver) = mpsc::channel(1);
    thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut bytes = Vec::new();
        let read = io::stdin().take(limit as u64 + 1).read_to_end(&mut bytes).map(|_| bytes);
        // Nobody may be left who waits.
        let _ = sender.blocking_send(read);
    })?;
    let bytes = receiver.recv().await.unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
    if bytes.len() > limit {
        let why = format!("it is longer than {limit} bytes, the most that this queue takes");
        return Err(io::Error::other(why));
    }
    Ok(bytes)
}

fn line(input: &mut impl BufRead, longest: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    input.take(longest as u64 + 1).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > longest {
        let why =
            format!("a line is longer than {longest} bytes; publish it whole, with - in place of --lines");
        return Err(io::Error::other(why));
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn lines_end_at_line_feeds_and_are_bounded() {
        let mut input = &b"one\n\nthree\r\nlast"[..];
        for wanted in [Some("one"), Some(""), Some("three\r"), Some("last"), None] {
            let line = line(&mut input, 6).unwrap();
            assert_eq!(line.as_deref(), wanted.map(str::as_bytes));
        }
        assert!(line(&mut &b"longer\n"[..], 5).is_err());
        assert_eq!(line(&mut &b"fits\n"[..], 4).unwrap().as_deref(), Some(&b"fits"[..]));
    }
}
