//! Who is held back, and who is not heard any more.

use std::collections::{HashMap, HashSet};

use tokio::sync::oneshot;

/// An answer, which is not to be given before `hold` is over.
#[derive(Debug)]
pub(crate) struct Reply {
    /// If there is none, the line is to be said again then: it was not heard.
    pub(crate) text: Option<String>,
    pub(crate) hold: Option<oneshot::Receiver<()>>,
}

/// Who is held back, and who is not heard any more.
#[derive(Debug, Default)]
pub(crate) struct Traps {
    /// Who is to be held back at which word.
    set: HashMap<String, &'static str>,
    held: HashMap<String, oneshot::Sender<()>>,
    /// Those that are dead, and their lines under way.
    deaf: HashSet<String>,
    buried: HashSet<String>,
    /// What is never answered.
    graves: Vec<oneshot::Sender<()>>,
}

/// Whether somebody who says this line and gets this answer has something that it could lose.
fn has_much(line: &str, text: &str) -> bool {
    const FEW: usize = 8;
    let is_of_items = line.starts_with("start") || line.starts_with("effect");
    text != "wait" && (!is_of_items || line.split(' ').count() > FEW)
}

impl Traps {
    /// Holds `who` back at its next line that begins with `word`.
    pub(crate) fn set(&mut self, who: &str, word: &'static str) {
        self.set.insert(who.to_owned(), word);
    }

    /// What becomes of a line that is not heard, if it is not.
    pub(crate) fn before(&mut self, who: &str, line: &str) -> Option<Reply> {
        if self.buried.contains(who) {
            let (never, hold) = oneshot::channel();
            self.graves.push(never);
            return Some(Reply { text: None, hold: Some(hold) });
        }
        if self.deaf.contains(who) {
            return Some(Reply { text: Some(String::new()), hold: None });
        }
        // What is published, and not known to be, is published again by another.
        let is_trapped = line == "enq" && self.set.get(who) == Some(&"enq");
        is_trapped.then(|| Reply { text: None, hold: Some(self.hold(who)) })
    }

    /// The answer `text` to a line that was heard.
    pub(crate) fn after(&mut self, who: &str, line: &str, text: String) -> Reply {
        let is_named = self.set.get(who).is_some_and(|word| line.starts_with(word));
        let is_trapped = is_named && has_much(line, &text);
        let hold = is_trapped.then(|| self.hold(who));
        Reply { text: Some(text), hold }
    }

    fn hold(&mut self, who: &str) -> oneshot::Receiver<()> {
        self.set.remove(who);
        let (release, hold) = oneshot::channel();
        self.held.insert(who.to_owned(), release);
        hold
    }

    /// Whether `who` is held back.
    pub(crate) fn is_held(&self, who: &str) -> bool {
        self.held.contains_key(who)
    }

    /// Lets `who` go on.
    pub(crate) fn release(&mut self, who: &str) {
        self.set.remove(who);
        drop(self.held.remove(who));
    }

    /// `who` is dead: what is still under way is not heard.
    pub(crate) fn deafen(&mut self, who: &str) {
        self.deaf.insert(who.to_owned());
        self.release(who);
    }

    /// `who` is no more, and nothing it says is ever answered.
    pub(crate) fn bury(&mut self, who: &str) {
        self.set.remove(who);
        let held = self.held.remove(who);
        self.graves.extend(held);
        self.buried.insert(who.to_owned());
    }
}
