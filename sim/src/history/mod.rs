//! What happened, in a form that a checker can judge without trusting who did it.

mod event;
mod json;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entourage_core::Clock;

pub use self::{
    event::{Event, Op, Taken, What},
    json::Malformed,
};

/// A record of events in the order in which they happened. A clone shares it.
///
/// Printed, it is one JSON object a line, in the schema that the crate page shows.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use entourage_core::PausedClock;
/// use entourage_sim::{History, Taken, What};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let history = History::new(Arc::new(PausedClock::new()));
/// history.record(What::Enqueue { id: "17".into(), key: None, res: Taken::Ok });
/// assert!(history.to_string().ends_with("\n"));
/// let read = History::parse(&history.to_string())?;
/// assert_eq!(read, history.events());
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct History {
    clock: Arc<dyn Clock>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl History {
    /// An empty one, whose events are dated by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, events: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        // Every update leaves a whole record behind.
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something happened now.
    pub fn record(&self, what: What) {
        let t = self.clock.now().as_nanos();
        self.lock().push(Event { t, what });
    }

    /// Notes that a fence was granted.
    pub fn granted(&self, resource: &str, holder: &str, token: u64) {
        self.record(What::Acquire { res: resource.to_owned(), holder: holder.to_owned(), token });
    }

    /// Notes that whoever checks fences has accepted one.
    pub fn accepted(&self, resource: &str, holder: &str, token: u64) {
        self.record(What::Sink { res: resource.to_owned(), holder: holder.to_owned(), token, ok: true });
    }

    /// All events so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.lock().clone()
    }

    /// Reads what [`Display`](fmt::Display) printed, or another program wrote; blank lines are
    /// left out.
    ///
    /// # Errors
    /// [`Malformed`] with the number of the first line that is not of the schema.
    pub fn parse(text: &str) -> Result<Vec<Event>, Malformed> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        lines.map(|(number, line)| json::read(number + 1, line)).collect()
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.events().iter().try_for_each(|event| writeln!(f, "{event}"))
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("events", &self.lock().len()).finish_non_exhaustive()
    }
}
