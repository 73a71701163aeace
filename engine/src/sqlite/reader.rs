//! Reads, each in a snapshot of its own that ends with the call.

use std::{
    fmt, io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::sqlite::{
    Error, Result,
    connection::{run, undo},
    counters::{Counters, count},
    gate::Gate,
    identity::FileId,
    job::caught,
    meta::{self, Tenure},
};

type Read = Box<dyn FnOnce(&Reader) + Send>;

/// A few threads with a read-only connection each.
pub(crate) struct Readers {
    line: Option<Sender<Read>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(crate) fn start(readers: Vec<Reader>) -> io::Result<Self> {
        let (line, reads) = mpsc::channel::<Read>();
        let reads = Arc::new(Mutex::new(reads));
        let start = |reader: Reader| {
            let reads = Arc::clone(&reads);
            let builder = thread::Builder::new().name("entourage-read".to_owned());
            builder.spawn(move || {
                while let Some(read) = next(&reads) {
                    read(&reader);
                }
            })
        };
        let threads = readers.into_iter().map(start).collect::<io::Result<_>>()?;
        Ok(Self { line: Some(line), threads })
    }

    pub(crate) async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let read: Read = Box::new(move |reader| {
            if !reply.is_closed() {
                // Whoever asked may be gone.
                let _ = reply.send(reader.read(job));
            }
        });
        let ended = || Error::unavailable("the file's readers have ended");
        self.line.as_ref().ok_or_else(ended)?.send(read).map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended().into()))
    }

    /// Ends the threads once they have answered what was asked.
    pub(crate) fn end(&mut self) {
        self.line = None;
        for thread in self.threads.drain(..) {
            // The last handle may have been dropped by a job.
            if thread.thread().id() != thread::current().id() {
                // A panic there has been reported by the thread itself.
                let _ = thread.join();
            }
        }
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

fn next(reads: &Mutex<Receiver<Read>>) -> Option<Read> {
    reads.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// One read-only connection.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    pub(crate) id: FileId,
    pub(crate) tenure: Tenure,
    pub(crate) gate: Arc<Gate>,
    pub(crate) counters: Arc<Counters>,
}

impl Reader {
    fn read<T, E: From<Error>>(&self, job: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        count(&self.counters.reads);
        let _pass = self.gate.enter();
        let result = self.begin().map_err(E::from).and_then(|()| caught(|| job(&self.connection)));
        undo(&self.connection);
        result
    }

    fn begin(&self) -> Result<()> {
        check_place(&self.path, self.id)?;
        run(&self.connection, "BEGIN")?;
        let (tenure, _) = meta::read(&self.connection)?;
        check_tenure(&self.path, self.tenure, tenure)
    }
}

/// Whether the file at the path is still the one that was opened.
pub(crate) fn check_place(path: &std::path::Path, opened: FileId) -> Result<()> {
    let is_there = FileId::of(path).is_ok_and(|id| id == opened);
    if is_there || entourage_core::planted("inode-unchecked") {
        return Ok(());
    }
    Err(Error::Replaced { path: path.to_owned() })
}

/// Whether the file was taken over since it was opened.
pub(crate) fn check_tenure(path: &std::path::Path, opened: Tenure, found: Tenure) -> Result<()> {
    if opened == found {
        return Ok(());
    }
    Err(Error::Foreign {
        path: path.to_owned(),
        why: "was taken over by a process of another boot or machine",
    })
}
