//! Where effects happen: it decides their order, checks fences, and writes the history.
//!
//! Workers and producers speak to it in lines, over a socket or in the same process, and each
//! line is answered. On its way a line may meet a trap, whose answer is held back until the
//! harness has done to the sender what it wants, just then.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    allotment::{Allotment, Told},
    event::{Event, Res, Verb, What},
    kind::Kind,
    traps::{Reply, Traps},
};
use entourage::core::{Clock, SystemClock};

/// How a sink may be wrong on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flaw {
    #[default]
    None,
    /// It lets every effect in, whatever the fence.
    ChecksNoFence,
    /// It does not say what the workers asked for first.
    ForgetsEffects,
}

/// What the sink remembers of an item.
#[derive(Clone, Debug, Default)]
struct Mark {
    /// The highest epoch that it has seen: lower ones are shut out.
    epoch: u64,
    has_effect: bool,
    holder: String,
}

#[derive(Debug)]
struct State {
    history: BufWriter<File>,
    flaw: Flaw,
    killers: u64,
    allotment: Allotment,
    marks: HashMap<u64, Mark>,
    /// Items that took effect or were given up.
    ended: u64,
    traps: Traps,
    /// Those that stand still, and whether a later attempt has begun at what they hold.
    paused: HashMap<String, bool>,
    /// Those that have begun an item that kills them.
    doomed: HashSet<String>,
    /// How many attempts they have begun, and not said what became of them.
    open: HashMap<String, u64>,
}

/// Where effects happen.
#[derive(Debug)]
pub(crate) struct Sink {
    state: Mutex<State>,
}

impl State {
    fn log(&mut self, what: What<'_>) {
        let event = Event { t: SystemClock::new().now().as_nanos(), what };
        writeln!(self.history, "{event}").expect("the history can be written");
    }

    fn answer(&mut self, who: &str, line: &str) -> Option<String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "next" => Some(match self.allotment.take(who) {
                Told::Publish((first, last)) => format!("{first} {last}"),
                Told::Wait => "wait".to_owned(),
                Told::Over => "over".to_owned(),
            }),
            "enq" => {
                let (first, last) = self.allotment.done(who)?;
                self.enq(first, last, Res::Ok);
                Some(String::new())
            }
            "start" => {
                let (asked, names) = rest.split_once(' ')?;
                let asked = asked.parse().ok()?;
                names.split(' ').map(|name| self.start(who, asked, name)).collect()
            }
            "effect" => rest.split(' ').map(|name| self.effect(who, name)).collect(),
            "idle" => Some(String::new()),
            "ack" => rest.split(' ').map(|name| self.ack(who, name)).collect(),
            _ => None,
        }
    }

    fn enq(&mut self, first: u64, last: u64, res: Res) {
        for number in first..last {
            let id = Kind::of(number, self.killers).id(number);
            self.log(What::Enq { id: &id, res });
        }
    }

    /// Seals the item to earlier attempts; answers whether its effect is there.
    fn start(&mut self, who: &str, asked: u64, name: &str) -> Option<char> {
        let (id, attempt, epoch) = attempt_of(name)?;
        self.log(What::Start { id, worker: who, attempt, epoch, asked });
        *self.open.entry(who.to_owned()).or_default() += 1;
        let (kind, number) = Kind::parse(id)?;
        if kind == Kind::Killer {
            self.doomed.insert(who.to_owned());
        }
        let mark = self.marks.entry(number).or_default();
        if epoch > mark.epoch {
            if let Some(is_superseded) = self.paused.get_mut(&mark.holder) {
                *is_superseded = true;
            }
            (mark.epoch, mark.holder) = (epoch, who.to_owned());
        }
        Some(if kind.is_fenced() && mark.has_effect { 'd' } else { 'n' })
    }

    /// `y`: it is let in; `d`: it was there before; `s`: a later attempt has begun.
    fn effect(&mut self, who: &str, name: &str) -> Option<char> {
        let (id, attempt, epoch) = attempt_of(name)?;
        let (kind, number) = Kind::parse(id)?;
        let mark = self.marks.entry(number).or_default();
        let verdict = match kind.is_fenced() && self.flaw != Flaw::ChecksNoFence {
            true if mark.has_effect => 'd',
            true if epoch < mark.epoch => 's',
            _ => 'y',
        };
        let ok = verdict == 'y';
        self.ended += u64::from(ok && !mark.has_effect);
        mark.has_effect |= ok;
        if !(ok && self.flaw == Flaw::ForgetsEffects && number % 100 == 0) {
            self.log(What::Effect { id, worker: who, attempt, epoch, fenced: kind.is_fenced(), ok });
        }
        Some(verdict)
    }

    fn ack(&mut self, who: &str, name: &str) -> Option<char> {
        let mut parts = name.split(':');
        let mut next = || parts.next();
        let (verb, ok, id) = (Verb::parse(next()?)?, next()? == "ok", next()?);
        let epoch = next()?.parse().ok()?;
        self.log(What::Ack { id, worker: who, epoch, verb, ok });
        self.ended += u64::from(ok && verb == Verb::Reject);
        *self.open.get_mut(who)? -= 1;
        // Who has settled an item does not hold it, and nobody supersedes it there.
        let (_, number) = Kind::parse(id)?;
        if let Some(mark) = self.marks.get_mut(&number).filter(|mark| mark.epoch == epoch) {
            mark.holder.clear();
        }
        Some('.')
    }
}

/// `ID:ATTEMPT:EPOCH`
fn attempt_of(name: &str) -> Option<(&str, u64, u64)> {
    let mut parts = name.split(':');
    Some((parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

impl Sink {
    /// For so many items, of which so many kill, with a history at `path`.
    pub(crate) fn new(path: &Path, (items, killers): (u64, u64), flaw: Flaw) -> Self {
        let history = File::create(path).expect("a scratch directory can be written to");
        Self {
            state: Mutex::new(State {
                history: BufWriter::with_capacity(1 << 20, history),
                flaw,
                killers,
                allotment: Allotment::new(items),
                marks: HashMap::new(),
                ended: 0,
                traps: Traps::default(),
                paused: HashMap::new(),
                doomed: HashSet::new(),
                open: HashMap::new(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a line.
    ///
    /// # Panics
    /// If nobody says such a thing.
    pub(crate) fn handle(&self, who: &str, line: &str) -> Reply {
        let mut state = self.lock();
        if let Some(reply) = state.traps.before(who, line) {
            return reply;
        }
        let answer = state.answer(who, line);
        let text = answer.unwrap_or_else(|| panic!("{who} said {line:?}"));
        state.traps.after(who, line, text)
    }

    /// Writes what the harness has done or seen.
    pub(crate) fn log(&self, what: What<'_>) {
        self.lock().log(what);
    }

    /// Holds `who` back at its next line that begins with `word`.
    pub(crate) fn trap(&self, who: &str, word: &'static str) {
        self.lock().traps.set(who, word);
    }

    /// Whether `who` is held back.
    pub(crate) fn is_held(&self, who: &str) -> bool {
        self.lock().traps.is_held(who)
    }

    /// Lets `who` go on.
    pub(crate) fn release(&self, who: &str) {
        self.lock().traps.release(who);
    }

    /// `who` is dead: what is still under way is not heard.
    pub(crate) fn deafen(&self, who: &str) {
        self.lock().traps.deafen(who);
    }

    /// `who` is no more: what it still says counts for nothing, and is never answered.
    pub(crate) fn bury(&self, who: &str) {
        let mut state = self.lock();
        state.traps.bury(who);
        if let Some((first, last)) = state.allotment.bury(who) {
            state.enq(first, last, Res::Unknown);
        }
        state.log(What::Kill { worker: who });
    }

    /// `who` stands still.
    pub(crate) fn paused(&self, who: &str) {
        let mut state = self.lock();
        state.paused.insert(who.to_owned(), false);
        state.log(What::Pause { worker: who });
    }

    /// `who` is about to go on.
    pub(crate) fn resumed(&self, who: &str) {
        let mut state = self.lock();
        state.paused.remove(who);
        state.log(What::Resume { worker: who });
    }

    /// Whether a later attempt has begun at what `who` held when it was paused.
    pub(crate) fn is_superseded(&self, who: &str) -> bool {
        self.lock().paused.get(who).copied().unwrap_or(false)
    }

    /// Whether `who` has begun an item that kills it.
    pub(crate) fn is_doomed(&self, who: &str) -> bool {
        self.lock().doomed.contains(who)
    }

    /// Whether `who` has said what became of all that it has begun.
    pub(crate) fn is_idle(&self, who: &str) -> bool {
        self.lock().open.get(who).is_none_or(|open| *open == 0)
    }

    /// Lets producers go on up to this number, at least.
    pub(crate) fn set_credit(&self, credit: u64) {
        self.lock().allotment.set_credit(credit);
    }

    /// Lets producers go on a little further.
    pub(crate) fn add_credit(&self, more: u64) {
        let mut state = self.lock();
        let credit = state.allotment.credit() + more;
        state.allotment.set_credit(credit);
    }

    /// Whether all is published.
    pub(crate) fn all_is_published(&self) -> bool {
        self.lock().allotment.is_over()
    }

    /// How many items have taken effect, or were given up.
    pub(crate) fn ended(&self) -> u64 {
        self.lock().ended
    }

    /// Writes the rest of the history.
    pub(crate) fn finish(&self) {
        self.lock().history.flush().expect("the history can be written");
    }
}
