//! Whether a manager can do what it is for, as the admin page says it.

use entourage_workqueue::{Health, Status};

/// A manager takes work and finds what there is, or why it does not.
pub(super) fn working(status: &Status) -> Result<(), String> {
    if status.is_ready() {
        return Ok(());
    }
    let away = |what: &str, health: &Health| match health {
        Health::Down { tries, why, .. } => {
            Some(format!("the {what} does not answer (tried {tries} times): {why}"))
        }
        Health::Up => None,
        _ => Some(format!("the {what} has not answered yet")),
    };
    let why = if status.paused {
        Some("it is paused; SIGUSR2 resumes".to_owned())
    } else {
        away("ledger", &status.queue).or_else(|| away("source", &status.source))
    };
    Err(why.unwrap_or_else(|| "it takes no more work".to_owned()))
}
