//! Standard output, whose reader may be slow, or leave.

use std::{
    io::{self, Write},
    sync::mpsc,
    thread,
};

use tokio::sync::oneshot;

/// One order to the writing thread: bytes, and who waits for them to be written.
type Order = (Vec<u8>, oneshot::Sender<io::Result<()>>);

/// Writes to standard output from a thread of its own: a reader that does not read holds up
/// neither heartbeats nor the program's end.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    orders: mpsc::Sender<Order>,
}

impl Printer {
    pub(crate) fn start() -> io::Result<Self> {
        let (orders, ordered) = mpsc::channel::<Order>();
        thread::Builder::new().name("stdout".to_owned()).spawn(move || {
            for (bytes, written) in ordered {
                let mut out = io::stdout().lock();
                // Who waited may have gone: nobody is left to be told.
                let _ = written.send(out.write_all(&bytes).and_then(|()| out.flush()));
            }
        })?;
        Ok(Self { orders })
    }

    /// Writes all of these bytes, and returns when the system has them.
    ///
    /// # Cancel safety
    /// Dropped, it may be written in part, in whole or not at all.
    pub(crate) async fn write(&self, bytes: Vec<u8>) -> io::Result<()> {
        let (written, answer) = oneshot::channel();
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        self.orders.send((bytes, written)).map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Writes a line.
    ///
    /// # Cancel safety
    /// As [`write`](Self::write).
    pub(crate) async fn line(&self, text: impl Into<String>) -> io::Result<()> {
        let mut bytes = text.into().into_bytes();
        bytes.push(b'\n');
        self.write(bytes).await
    }
}

/// That a reader has left, as `head` does, is no failure; whether it is still there.
pub(crate) fn unless_left(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

/// A text from outside on one line of a terminal.
pub(crate) fn shown(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, character| {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn no_text_makes_a_line_of_its_own() {
        assert_eq!(shown("a b\nnext\t\u{1b}[2J é"), "a b\\nnext\\t\\u{1b}[2J é");
    }
}
