//! One call of a script, until it has nothing left to sweep.

use entourage_core::planted;
use entourage_engine::redis::{Answer, Call, Link};

use crate::{
    counts::Counts,
    error::{Error, Result},
    redis::{fault, scripts},
};

/// What a script answered: a word, and what belongs to it.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) word: String,
    rest: std::vec::IntoIter<Answer>,
}

impl Reply {
    /// What comes next.
    pub(super) fn next(&mut self) -> Answer {
        self.rest.next().unwrap_or_default()
    }

    pub(super) fn number(&mut self) -> Result<u64> {
        self.next().number().map_err(fault::of)
    }

    /// A number, or none where nothing stands.
    pub(super) fn maybe_number(&mut self) -> Result<Option<u64>> {
        match self.next() {
            Answer::Nil => Ok(None),
            Answer::Bytes(bytes) if bytes.is_empty() => Ok(None),
            other => other.number().map(Some).map_err(fault::of),
        }
    }

    pub(super) fn text(&mut self) -> Result<String> {
        self.next().text().map_err(fault::of)
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>> {
        self.next().bytes().map_err(fault::of)
    }

    pub(super) fn items(&mut self) -> Result<Vec<Answer>> {
        self.next().items().map_err(fault::of)
    }

    /// For a word that the caller does not expect.
    pub(super) fn unexpected<T>(&self) -> Result<T> {
        Err(Error::Failed(
            format!("redis answered {:?}, which no script of the queue does", self.word).into(),
        ))
    }
}

/// Runs a script, again and again while there is something to sweep first, or more of it to do.
///
/// Nothing of it has happened before: what is answered is what its last run did.
pub(super) async fn ask(link: &Link, counts: &Counts, call: Call<'static>) -> Result<Reply> {
    loop {
        let reply = ask_once(link, &call).await?;
        match reply.word.as_str() {
            "AGAIN" => {}
            // The call itself has done nothing, whatever becomes of the sweeping.
            "SWEEP" => drop(fault::looked(sweep(link, counts).await)?),
            _ => return Ok(reply),
        }
    }
}

/// Ends one grant that is over; says whether there are more.
pub(super) async fn sweep(link: &Link, counts: &Counts) -> Result<bool> {
    let script = match planted("queue-drops-on-lapse") {
        true => &scripts::SWEEP_AWAY,
        false => &scripts::SWEEP,
    };
    let mut swept = ask_once(link, &script.call()).await?;
    counts.lapsed.add(swept.number()?);
    counts.poisoned.add(swept.number()?);
    Ok(swept.word == "MORE")
}

async fn ask_once(link: &Link, call: &Call<'_>) -> Result<Reply> {
    let answer = link.ask(call).await.map_err(fault::of)?;
    let mut reply = Reply { word: String::new(), rest: answer.items().map_err(fault::of)?.into_iter() };
    reply.word = reply.text()?;
    Ok(reply)
}
