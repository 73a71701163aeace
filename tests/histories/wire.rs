//! How workers and producers reach the sink.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tokio::task::block_in_place;

use crate::sink::Sink;

/// One end of a conversation with the sink.
#[derive(Debug)]
pub(crate) enum Wire {
    /// From another process.
    Socket(BufReader<UnixStream>),
    /// From a task of this one.
    Local { sink: Arc<Sink>, who: String },
}

impl Wire {
    /// To the sink of the process that listens at `path`.
    pub(crate) fn connect(path: &Path, who: &str) -> Self {
        let mut stream = UnixStream::connect(path).expect("the sink listens");
        writeln!(stream, "{who}").expect("the sink reads");
        Self::Socket(BufReader::new(stream))
    }

    /// Says a line, and returns the answer. A process whose sink has gone ends.
    pub(crate) async fn ask(&mut self, mut line: String) -> String {
        match self {
            Self::Socket(stream) => block_in_place(|| {
                line.push('\n');
                let mut answer = String::new();
                let asked = stream.get_mut().write_all(line.as_bytes());
                let read = asked.and_then(|()| stream.read_line(&mut answer)).unwrap_or(0);
                if read == 0 {
                    process::exit(0);
                }
                answer.truncate(answer.trim_end().len());
                answer
            }),
            Self::Local { sink, who } => loop {
                let reply = sink.handle(who, &line);
                if let Some(hold) = reply.hold {
                    // Who lets go says nothing.
                    let _ = hold.await;
                }
                if let Some(text) = reply.text {
                    break text;
                }
            },
        }
    }
}

/// Takes the conversations of other processes, each in a thread of its own.
#[derive(Debug)]
pub(crate) struct Switchboard {
    path: PathBuf,
    is_over: Arc<AtomicBool>,
    /// Who is connected.
    present: Arc<Mutex<Vec<String>>>,
    listening: Option<thread::JoinHandle<()>>,
}

impl Switchboard {
    /// Listens at `path` for the sink.
    pub(crate) fn new(path: PathBuf, sink: &Arc<Sink>) -> Self {
        let listener = UnixListener::bind(&path).expect("a scratch directory takes a socket");
        let (is_over, present) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<String>>>::default());
        let (over, all, sink) = (Arc::clone(&is_over), Arc::clone(&present), Arc::clone(sink));
        let listening = thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Acquire) {
                    return;
                }
                let stream = stream.expect("a socket accepts");
                let (all, sink) = (Arc::clone(&all), Arc::clone(&sink));
                thread::spawn(move || converse(stream, &all, &sink));
            }
        });
        Self { path, is_over, present, listening: Some(listening) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether all that `who` has said is heard, and there will be no more.
    pub(crate) fn is_gone(&self, who: &str) -> bool {
        !self.present.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|one| one == who)
    }
}

impl Drop for Switchboard {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // It is asleep until somebody comes.
        drop(UnixStream::connect(&self.path));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

fn converse(stream: UnixStream, present: &Mutex<Vec<String>>, sink: &Sink) {
    let mut stream = BufReader::new(stream);
    let mut who = String::new();
    if stream.read_line(&mut who).unwrap_or(0) == 0 {
        return;
    }
    let who = who.trim_end().to_owned();
    present.lock().unwrap_or_else(PoisonError::into_inner).push(who.clone());
    let mut line = String::new();
    // A line without an end is of somebody who was killed while it wrote.
    while stream.read_line(&mut line).unwrap_or(0) > 0 && line.ends_with('\n') {
        let text = loop {
            let reply = sink.handle(&who, line.trim_end());
            if let Some(hold) = reply.hold {
                let _ = hold.blocking_recv();
            }
            if let Some(text) = reply.text {
                break text;
            }
        };
        if writeln!(stream.get_mut(), "{text}").is_err() {
            break;
        }
        line.clear();
    }
    present.lock().unwrap_or_else(PoisonError::into_inner).retain(|one| *one != who);
}
