//! How the work on a source ended.

use std::process::ExitCode;

use serde_json::{Value, json};

/// How the work on a source ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// A signal asked for it.
    Asked,
    /// All that was listed is finished.
    Finished(Finished),
}

/// What has become of all that was listed once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Finished {
    pub(super) done: usize,
    pub(super) dead: usize,
    /// Gone from the source before anybody had worked on them.
    pub(super) vanished: usize,
    /// Listed, but under names that no item can have.
    pub(super) skipped: u64,
}

impl Ended {
    /// The status of the program; one that was to finish and has not has failed.
    pub(super) fn code(self, was_to_finish: bool) -> ExitCode {
        match self {
            Self::Asked if was_to_finish => ExitCode::FAILURE,
            Self::Asked => ExitCode::SUCCESS,
            Self::Finished(finished) if finished.dead == 0 && finished.skipped == 0 => ExitCode::SUCCESS,
            Self::Finished(_) => ExitCode::FAILURE,
        }
    }

    /// As a line for programs.
    pub(super) fn to_json(self) -> Value {
        match self {
            Self::Asked => json!({"event": "ended", "finished": false}),
            Self::Finished(Finished { done, dead, vanished, skipped }) => json!({
                "event": "ended", "finished": true,
                "done": done, "dead": dead, "vanished": vanished, "skipped": skipped,
            }),
        }
    }

    /// As a line for people.
    pub(super) fn to_text(self) -> String {
        match self {
            Self::Asked => "ended before everything was finished".to_owned(),
            Self::Finished(Finished { done, dead, vanished, skipped }) => {
                let mut text = format!("{done} done, {dead} dead");
                for (count, what) in [(vanished as u64, "vanished"), (skipped, "without a usable name")] {
                    if count > 0 {
                        text.push_str(&format!(", {count} {what}"));
                    }
                }
                text
            }
        }
    }
}
