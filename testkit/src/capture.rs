//! What a process has written, while it writes it.

use std::{
    io::Read,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use entourage_core::{Clock, SystemClock};

/// One stream of a process, read by a thread of its own so that the process never blocks on it.
///
/// The newest `bound` bytes are kept.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    shared: Arc<(Mutex<Written>, Condvar)>,
}

#[derive(Debug, Default)]
struct Written {
    kept: Vec<u8>,
    /// How many bytes came before those kept.
    dropped: usize,
    /// Where the next line begins that nobody has asked for; counted from the stream's start.
    unseen: usize,
    ended: bool,
}

/// What came of waiting for a line.
pub(crate) enum Line {
    Found(String),
    /// The stream ended without it.
    Ended,
    TimedOut,
}

impl Capture {
    pub(crate) fn of(stream: impl Read + Send + 'static, bound: usize) -> Self {
        let capture = Self { shared: Arc::default() };
        let reader = capture.clone();
        thread::Builder::new()
            .name("capture".to_owned())
            .spawn(move || reader.read(stream, bound))
            .expect("a thread can be started");
        capture
    }

    fn read(&self, mut stream: impl Read, bound: usize) {
        let mut chunk = [0; 16 * 1024];
        loop {
            // A stream that cannot be read has ended as far as a test can see.
            let read = stream.read(&mut chunk).unwrap_or(0);
            let mut written = self.lock();
            written.kept.extend_from_slice(&chunk[..read]);
            // Cut at twice the bound, so that not every chunk moves what is kept.
            if written.kept.len() > bound * 2 {
                let excess = written.kept.len() - bound;
                written.kept.drain(..excess);
                written.dropped += excess;
            }
            written.ended = read == 0;
            self.shared.1.notify_all();
            if read == 0 {
                return;
            }
        }
    }

    /// All that is kept; what was dropped before it is said in a line of its own.
    pub(crate) fn text(&self) -> String {
        let written = self.lock();
        let kept = String::from_utf8_lossy(&written.kept);
        match written.dropped {
            0 => kept.into_owned(),
            dropped => format!("[{dropped} bytes came before]\n{kept}"),
        }
    }

    /// Waits for a whole line that passes `test`, after those that were looked at before.
    pub(crate) fn wait_line(&self, deadline: Duration, mut test: impl FnMut(&str) -> bool) -> Line {
        let clock = SystemClock::new();
        let until = clock.now() + deadline;
        let mut written = self.lock();
        loop {
            while let Some(line) = written.next_line() {
                if test(&line) {
                    return Line::Found(line);
                }
            }
            if written.ended {
                return Line::Ended;
            }
            let left = until.since(clock.now());
            if left.is_zero() {
                return Line::TimedOut;
            }
            let waited = self.shared.1.wait_timeout(written, left);
            (written, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until the stream has ended. A process outside the group may keep it open.
    pub(crate) fn wait_end(&self, deadline: Duration) {
        let waited = self.shared.1.wait_timeout_while(self.lock(), deadline, |written| !written.ended);
        drop(waited);
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        // A test's predicate may have panicked under the lock; the bytes are whole all the same.
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    fn next_line(&mut self) -> Option<String> {
        self.unseen = self.unseen.max(self.dropped);
        let rest = &self.kept[self.unseen - self.dropped..];
        let length = rest.iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.unseen += length + 1;
        Some(line)
    }
}
