//! What the tasks of one pool share, on one thread.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Context, Waker},
};

use entourage_core::{Clock, SystemClock};

use super::{inbox::CHUNK, socket::Socket, terms::Terms};
use crate::{
    mux::{ClientKey, Mux},
    nutcracker::Pool,
    options::Options,
    protocol::Protocol,
};

/// What the tasks of one pool share: the mux, the sockets, and who is to be woken.
#[derive(Debug)]
pub(super) struct Shared<P: Protocol> {
    pub(super) mux: RefCell<Mux<P>>,
    /// What every socket is read into.
    pub(super) chunk: Chunk,
    pub(super) clock: SystemClock,
    pub(super) options: Rc<Options>,
    pool: RefCell<Rc<Pool>>,
    terms: RefCell<Rc<Terms>>,
    clients: RefCell<Vec<Option<Rc<End>>>>,
    lines: RefCell<Vec<Option<Rc<End>>>>,
    /// The task that writes what is listed.
    pub(super) writer: RefCell<Option<Waker>>,
}

/// This side of one connection.
#[derive(Debug, Default)]
pub(super) struct End {
    pub(super) socket: RefCell<Option<Socket>>,
    /// The task that reads from it, and writes what others could not.
    task: RefCell<Option<Waker>>,
    /// That task has to look even if nothing is left to be written.
    pub(super) watched: Cell<bool>,
}

impl End {
    /// Takes note of the task that is running.
    pub(super) fn register(&self, cx: &Context<'_>) {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
    }

    pub(super) fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }
}

/// The buffer that all connections of one thread are read into.
pub(super) type Chunk = Rc<RefCell<Box<[u8]>>>;

/// Makes that buffer.
pub(super) fn chunk() -> Chunk {
    Rc::new(RefCell::new(vec![0; CHUNK].into_boxed_slice()))
}

impl<P: Protocol> Shared<P> {
    pub(super) fn new(
        mux: Mux<P>,
        pool: Rc<Pool>,
        terms: Rc<Terms>,
        options: Rc<Options>,
        chunk: Chunk,
    ) -> Self {
        let (clients, lines, writer) = Default::default();
        let (mux, pool, terms) = (RefCell::new(mux), RefCell::new(pool), RefCell::new(terms));
        Self { mux, chunk, clock: SystemClock::new(), options, pool, terms, clients, lines, writer }
    }

    /// The pool as it is configured now.
    pub(super) fn pool(&self) -> Rc<Pool> {
        Rc::clone(&self.pool.borrow())
    }

    /// How its clients are let in, and its servers are reached.
    pub(super) fn terms(&self) -> Rc<Terms> {
        Rc::clone(&self.terms.borrow())
    }

    /// The pool is configured like this from now on.
    pub(super) fn set_pool(&self, pool: Rc<Pool>, terms: Rc<Terms>) {
        *self.pool.borrow_mut() = pool;
        *self.terms.borrow_mut() = terms;
    }

    /// Has every client look how it stands.
    pub(super) fn wake_clients(&self) {
        self.clients.borrow().iter().flatten().for_each(|end| end.wake());
    }

    /// Tells the mux what time it is.
    pub(super) fn tell_time(&self) {
        self.mux.borrow_mut().tell(self.clock.now());
    }

    /// Has a client's connection written to from now on.
    pub(super) fn enter_client(&self, key: ClientKey, end: &Rc<End>) {
        enter(&mut self.clients.borrow_mut(), key.place(), end);
    }

    pub(super) fn leave_client(&self, key: ClientKey) {
        self.clients.borrow_mut()[key.place()] = None;
    }

    /// Has a server's connection written to from now on.
    pub(super) fn enter_line(&self, line: usize, end: &Rc<End>) {
        enter(&mut self.lines.borrow_mut(), line, end);
    }

    pub(super) fn leave_line(&self, line: usize) {
        self.lines.borrow_mut()[line] = None;
    }

    /// This side of a client's connection, if it is still there.
    pub(super) fn client(&self, key: ClientKey) -> Option<Rc<End>> {
        self.clients.borrow().get(key.place()).cloned().flatten()
    }

    /// This side of a server's connection, if it is still there.
    pub(super) fn line(&self, line: usize) -> Option<Rc<End>> {
        self.lines.borrow().get(line).cloned().flatten()
    }
}

fn enter(ends: &mut Vec<Option<Rc<End>>>, place: usize, end: &Rc<End>) {
    if ends.len() <= place {
        ends.resize(place + 1, None);
    }
    ends[place] = Some(Rc::clone(end));
}
