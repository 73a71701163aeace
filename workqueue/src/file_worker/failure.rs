//! Why a step is not done, and what that means for the item.

use std::{io, time::Duration};

use entourage_http::Error;
use http::{HeaderMap, StatusCode, header};

use crate::{attempt::Attempt, outcome::Outcome};

/// Why a step of a [`FileWorker`](crate::FileWorker) is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It never will be.
    Dead(String),
    /// It may be, after this long at the least.
    Retry { after: Duration, why: String },
    /// The attempt was given back.
    Interrupted,
}

impl Failure {
    /// The longest that a server's `Retry-After` is taken for.
    const LONGEST: Duration = Duration::from_secs(60 * 60);

    pub(super) fn retry(why: impl Into<String>) -> Self {
        Self::Retry { after: Duration::ZERO, why: why.into() }
    }

    pub(super) fn dead(why: impl Into<String>) -> Self {
        Self::Dead(why.into())
    }

    /// What stands in the way is the machine's.
    pub(super) fn io(what: &str, error: &io::Error) -> Self {
        Self::retry(format!("{what}: {error}"))
    }

    /// No answer came.
    pub(super) fn unanswered(what: &str, error: &Error) -> Self {
        let mut why = format!("{what}: {error}");
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            why = format!("{why}: {error}");
            source = error.source();
        }
        match error {
            Error::Invalid(_) => Self::Dead(why),
            _ => Self::retry(why),
        }
    }

    /// An answer of a status that is no success: 408, 425, 429 and those of servers may pass.
    pub(super) fn status(what: &str, status: StatusCode, headers: &HeaderMap) -> Self {
        let passes = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
        if passes {
            let after = Self::retry_after(headers);
            return Self::Retry { after, why: format!("{what} answered with status {}", status.as_u16()) };
        }
        let hint = if status.is_redirection() { ", and no redirect is followed" } else { "" };
        Self::Dead(format!("{what} answered with status {}{hint}", status.as_u16()))
    }

    /// In seconds, the one form that needs no clock of the wall; bounded.
    fn retry_after(headers: &HeaderMap) -> Duration {
        let told = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let seconds = told.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        Duration::from_secs(seconds).min(Self::LONGEST)
    }

    /// The reason alone.
    pub(super) fn why(self) -> String {
        match self {
            Self::Dead(why) | Self::Retry { why, .. } => why,
            Self::Interrupted => "the attempt was given back".to_owned(),
        }
    }

    /// The outcome, with its reason said; `delay` is the least before another attempt.
    pub(super) fn outcome(self, attempt: &Attempt, delay: Duration) -> Outcome {
        match self {
            Self::Dead(why) => Outcome::Dead(why),
            Self::Retry { after, why } => attempt.retry(after.max(delay), why),
            Self::Interrupted => Outcome::Interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, StatusCode, header};

    use super::Failure;

    #[test]
    fn what_may_pass_is_tried_again_and_nothing_else_is() {
        let none = HeaderMap::new();
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            let failure = Failure::status("it", StatusCode::from_u16(status).unwrap(), &none);
            assert!(matches!(failure, Failure::Retry { after: Duration::ZERO, .. }), "{status}");
        }
        for status in [100, 201, 301, 302, 307, 400, 401, 403, 404, 405, 410, 411, 413, 416, 421] {
            let failure = Failure::status("it", StatusCode::from_u16(status).unwrap(), &none);
            assert!(matches!(failure, Failure::Dead(_)), "{status}");
        }
    }

    #[test]
    fn a_servers_wish_is_kept_within_an_hour() {
        let wait = |text: &'static str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(text))]);
            match Failure::status("it", StatusCode::SERVICE_UNAVAILABLE, &headers) {
                Failure::Retry { after, .. } => after.as_secs(),
                failure => panic!("{failure:?}"),
            }
        };
        assert_eq!(
            ["7", " 7 ", "0", "99999999", "-1", "Fri, 31 Dec 1999 23:59:59 GMT", "1e9"].map(wait),
            [7, 7, 0, 3600, 0, 0, 0]
        );
    }
}
