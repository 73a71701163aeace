//! What the server's side answers by itself.

use std::fmt::Write;

use entourage_core::Retryable;
use http::{HeaderValue, Response, StatusCode, header};

use crate::fence::{check::Refused, header::Malformed};

/// Why a request did not reach the service, or that it was a seal.
///
/// | status | code | what happened |
/// | --- | --- | --- |
/// | 204 | `sealed` | the resource is closed to every former owner |
/// | 400 | `malformed` | the stamp is not one |
/// | 409 | `foreign-realm`, `other-scope` | the fence cannot be compared with those taken here |
/// | 412 | `stale`, `not-granted`, `not-owner` | the presenter does not own the resource: stop |
/// | 428 | `missing` | there is no stamp, and one is required |
/// | 503 | `unavailable`, `full` | the check could not be made: nothing was let in |
#[derive(Debug)]
#[non_exhaustive]
pub enum Rejection {
    /// The resource was closed, as the request asked; there was nothing else to do.
    Sealed,
    /// The headers of the stamp are not as they should be.
    Malformed(Malformed),
    /// There is no stamp, and one is required.
    Missing,
    /// The checker refused.
    Refused(Refused),
}

impl Rejection {
    /// The status to answer with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Sealed => StatusCode::NO_CONTENT,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Missing => StatusCode::PRECONDITION_REQUIRED,
            Self::Refused(refused) => match refused {
                Refused::ForeignRealm { .. } | Refused::OtherScope { .. } => StatusCode::CONFLICT,
                Refused::Full { .. } | Refused::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
                Refused::Stale { .. } | Refused::NotGranted { .. } | Refused::NotOwner { .. } => {
                    StatusCode::PRECONDITION_FAILED
                }
            },
        }
    }

    /// A word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Malformed(_) => "malformed",
            Self::Missing => "missing",
            Self::Refused(refused) => match refused {
                Refused::Stale { .. } => "stale",
                Refused::NotGranted { .. } => "not-granted",
                Refused::NotOwner { .. } => "not-owner",
                Refused::ForeignRealm { .. } => "foreign-realm",
                Refused::OtherScope { .. } => "other-scope",
                Refused::Full { .. } => "full",
                Refused::Unavailable(_) => "unavailable",
            },
        }
    }

    /// A sentence for people, without what lies behind it.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Sealed => "the resource is closed to every former owner".to_owned(),
            Self::Malformed(malformed) => malformed.to_string(),
            Self::Missing => "a fence is required: send entourage-fence and entourage-owner".to_owned(),
            Self::Refused(refused) => refused.to_string(),
        }
    }

    /// Code and detail as a JSON object, with the epoch that is known of a stale fence.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = format!("{{\"error\":\"{}\",\"detail\":\"", self.code());
        for character in self.detail().chars() {
            match character {
                '"' | '\\' => json.extend(['\\', character]),
                control if control.is_control() => {
                    write!(json, "\\u{:04x}", u32::from(control)).expect("a string takes what is written");
                }
                plain => json.push(plain),
            }
        }
        json.push('"');
        if let Self::Refused(Refused::Stale { current, .. }) = self {
            write!(json, ",\"current\":{current}").expect("a string takes what is written");
        }
        json.push('}');
        json
    }

    fn is_retryable(&self) -> bool {
        matches!(self, Self::Refused(refused) if refused.is_retryable())
    }
}

/// Turns what the layer answers by itself into the service's kind of response.
pub trait Respond<B> {
    /// The response.
    fn respond(&self, rejection: &Rejection) -> Response<B>;
}

impl<B, F: Fn(&Rejection) -> Response<B>> Respond<B> for F {
    fn respond(&self, rejection: &Rejection) -> Response<B> {
        self(rejection)
    }
}

/// Answers with [`Rejection::to_json`], for every body that can be made of a `String`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text;

impl<B: From<String>> Respond<B> for Text {
    fn respond(&self, rejection: &Rejection) -> Response<B> {
        let is_empty = rejection.status() == StatusCode::NO_CONTENT;
        let body = if is_empty { String::new() } else { rejection.to_json() };
        let mut response = Response::new(B::from(body));
        *response.status_mut() = rejection.status();
        if !is_empty {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if rejection.is_retryable() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
