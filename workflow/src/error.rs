//! Why a workflow stopped.

use entourage_core::{Retryable, Verdict};

/// What a workflow's call returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a workflow stopped, or was not built. What was settled before stays settled: run it
/// again and it goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The queue refused for good, or stayed away too long.
    #[error("stage {stage} stopped because its queue failed")]
    Queue {
        /// The stage.
        stage: String,
        /// Why.
        #[source]
        source: entourage_queue::Error,
    },
    /// A stage's own work failed in a way that trying again does not mend.
    #[error("stage {stage} failed")]
    Stage {
        /// The stage.
        stage: String,
        /// Why.
        #[source]
        source: entourage_core::BoxError,
    },
    /// A stage panicked; its items were given back.
    #[error("stage {stage} panicked: {message}")]
    Panicked {
        /// The stage.
        stage: String,
        /// What it said.
        message: String,
    },
    /// The graph cannot work as it was composed.
    #[error("the workflow is wrongly composed: {findings}")]
    Blueprint {
        /// Each finding, with the stages it names.
        findings: String,
    },
    /// The workflow was told to stop before it was complete.
    #[error("stopped before the workflow was complete; run it again to go on")]
    Stopped,
}

impl Retryable for Error {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Queue { source, .. } => source.verdict(),
            Self::Stopped => Verdict::Transient,
            _ => Verdict::Permanent,
        }
    }
}
