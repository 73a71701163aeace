//! The state of an answer while its parts are out.

use entourage_core::planted;

use crate::{
    coverage::Coverage,
    failure::Failure,
    gathered::Gathered,
    policy::{Judgement, Policy},
};

/// An answer of which parts are still out.
///
/// Parts are numbered from 0 in the order in which they were asked, and may answer in
/// any. It allocates once for the answers, and for reasons only if a part fails.
///
/// ```
/// use entourage_scatter_gather::{Gathering, Judgement, Policy};
///
/// let mut gathering = Gathering::new(3);
/// gathering.answer(2, "c")?;
/// gathering.answer(0, "a")?;
/// assert_eq!(gathering.judge(Policy::All), Judgement::Wait);
/// gathering.fail(1, "connection reset")?;
/// assert_eq!(gathering.judge(Policy::All), Judgement::Impossible);
/// assert!(gathering.is_complete());
///
/// let gathered = gathering.finish(|_| "timed out");
/// assert_eq!(*gathered.value(), [Some("a"), None, Some("c")]);
/// # Ok::<_, entourage_scatter_gather::Refused>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gathering<T, F> {
    parts: Vec<Part<T>>,
    answered: usize,
    failures: Vec<Failure<F>>,
}

#[derive(Clone, Debug)]
enum Part<T> {
    Out,
    Answered(T),
    Failed,
}

/// What was not taken, and changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Nobody asked for it.
    #[error("part {part} was not asked: there are {asked}, counted from 0")]
    UnknownPart {
        /// The part's number.
        part: usize,
        /// How many were asked.
        asked: usize,
    },
    /// A part answers once; the first answer stands.
    #[error("part {part} has answered already, and the first answer stands")]
    AnsweredAlready {
        /// The part's number.
        part: usize,
    },
    /// What failed may have been told to somebody: an answer comes too late.
    #[error("part {part} has failed already, and nothing makes up for it")]
    FailedAlready {
        /// The part's number.
        part: usize,
    },
}

impl<T, F> Gathering<T, F> {
    /// So many parts, all of them out.
    #[must_use]
    pub fn new(parts: usize) -> Self {
        let parts = std::iter::repeat_with(|| Part::Out).take(parts).collect();
        Self { parts, answered: 0, failures: Vec::new() }
    }

    /// Takes a part's answer.
    ///
    /// # Errors
    /// [`Refused`] where the part is unknown, or has answered or failed before.
    pub fn answer(&mut self, part: usize, answer: T) -> Result<(), Refused> {
        *self.out(part)? = Part::Answered(answer);
        self.answered += 1;
        Ok(())
    }

    /// Takes a part's failure.
    ///
    /// # Errors
    /// [`Refused`] where the part is unknown, or has answered or failed before.
    pub fn fail(&mut self, part: usize, reason: F) -> Result<(), Refused> {
        *self.out(part)? = Part::Failed;
        self.failures.push(Failure::new(part, reason));
        Ok(())
    }

    /// How many of the parts have answered.
    #[must_use]
    pub const fn coverage(&self) -> Coverage {
        Coverage::new(self.answered, self.parts.len())
    }

    /// How many parts have neither answered nor failed.
    #[must_use]
    pub const fn outstanding(&self) -> usize {
        self.parts.len() - self.answered - self.failures.len()
    }

    /// Whether every part has answered or failed.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.outstanding() == 0
    }

    /// Whether it is enough as it is, or may still become so.
    #[must_use]
    pub const fn judge(&self, policy: Policy) -> Judgement {
        policy.judge(self.coverage(), self.outstanding())
    }

    /// The answers in the order of the parts, `None` where there is none, and why.
    ///
    /// Each part that is still out gets its reason from `late`.
    pub fn finish(self, mut late: impl FnMut(usize) -> F) -> Gathered<Vec<Option<T>>, F> {
        let is_complete = self.is_complete();
        let Self { parts, answered, mut failures } = self;
        let asked = if planted("gathered-looks-whole") { answered } else { parts.len() };
        if !is_complete && !planted("gathered-hides-the-late") {
            let out = parts.iter().enumerate().filter(|(_, state)| matches!(state, Part::Out));
            failures.extend(out.map(|(part, _)| Failure::new(part, late(part))));
        }
        let answers = parts.into_iter().map(Part::into_answer).collect();
        Gathered::new(answers, Coverage::new(answered, asked), failures)
    }

    /// The place of a part that is out.
    fn out(&mut self, part: usize) -> Result<&mut Part<T>, Refused> {
        let asked = self.parts.len();
        match self.parts.get_mut(part) {
            None => Err(Refused::UnknownPart { part, asked }),
            Some(Part::Answered(_)) if !planted("gathering-takes-a-second-answer") => {
                Err(Refused::AnsweredAlready { part })
            }
            Some(Part::Failed) => Err(Refused::FailedAlready { part }),
            Some(out) => Ok(out),
        }
    }
}

impl<T> Part<T> {
    fn into_answer(self) -> Option<T> {
        match self {
            Self::Answered(answer) => Some(answer),
            Self::Out | Self::Failed => None,
        }
    }
}
