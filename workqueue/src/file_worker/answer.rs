//! What a server's answer to the question for a file means. Pure.

use entourage_core::planted;
use http::{HeaderMap, HeaderName, StatusCode, header, response::Parts};

use super::failure::Failure;

/// What was asked for: the rest of what there is, unless it is another file by now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// How many bytes there are.
    pub(super) from: u64,
    /// What tells this file from another one at the same place.
    pub(super) validator: Option<String>,
    pub(super) total: Option<u64>,
}

/// What the answer means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The whole file follows.
    Whole(Told),
    /// What was missing follows.
    Rest(Told),
    /// What there is is no beginning of what the server has.
    Restart,
    /// Nothing that is wanted follows.
    Refused(Failure),
}

/// What the server says of the whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) total: Option<u64>,
    pub(super) validator: Option<String>,
    /// In base 64.
    pub(super) sha256: Option<String>,
}

impl Answer {
    pub(super) fn of(what: &str, parts: &Parts, asked: &Asked, most: u64) -> Self {
        let headers = &parts.headers;
        let coding = text(headers, &header::CONTENT_ENCODING).unwrap_or("identity");
        let told = |total| Told { total, validator: validator(headers), sha256: sha256(headers) };
        let answer = match parts.status {
            StatusCode::OK => {
                let length = text(headers, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
                Self::Whole(told(length))
            }
            StatusCode::PARTIAL_CONTENT if asked.from > 0 => match range(headers, asked) {
                Some(total) => Self::Rest(told(total.or(asked.total))),
                None => Self::Restart,
            },
            StatusCode::RANGE_NOT_SATISFIABLE if asked.from > 0 => Self::Restart,
            status => return Self::Refused(Failure::status(what, status, headers)),
        };
        if !coding.eq_ignore_ascii_case("identity") {
            return Self::Refused(Failure::dead(format!(
                "{what} answered in a coding that was not asked for"
            )));
        }
        match answer {
            Self::Whole(Told { total: Some(total), .. }) | Self::Rest(Told { total: Some(total), .. })
                if total > most =>
            {
                let why = format!("{what} has {total} bytes, and {most} are the most; raise the limit");
                Self::Refused(Failure::Dead(why))
            }
            answer => answer,
        }
    }
}

/// Whether what follows is exactly what was missing, and how long the whole is, if that is said.
fn range(headers: &HeaderMap, asked: &Asked) -> Option<Option<u64>> {
    let range = text(headers, &header::CONTENT_RANGE)?.strip_prefix("bytes ")?;
    let (range, total) = range.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end): (u64, u64) = (start.trim().parse().ok()?, end.trim().parse().ok()?);
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse::<u64>().ok()?),
    };
    if planted("file-worker-trusts-ranges") {
        return Some(total);
    }
    // Where nobody has told how long the whole is, nothing tells a short rest from all of it.
    let is_end = total.or(asked.total).is_some_and(|total| end.checked_add(1) == Some(total));
    let is_known = asked.total.is_none() || total.is_none() || total == asked.total;
    // A server that ignores If-Range gives itself away, if it names its file at all.
    let is_same = validator(headers).is_none_or(|found| {
        let other = |asked: &&String| **asked != found && asked.starts_with('"') == found.starts_with('"');
        !asked.validator.as_ref().is_some_and(|asked| other(&asked))
    });
    let is_same = is_same || planted("file-worker-resumes-anything");
    (start == asked.from && start <= end && is_end && is_known && is_same).then_some(total)
}

/// What tells this file from another at the same place: a strong `ETag`, or a time that is not the
/// answer's own (RFC 9110, 8.8.2.2).
fn validator(headers: &HeaderMap) -> Option<String> {
    let tag = text(headers, &header::ETAG).filter(|tag| tag.starts_with('"') && tag.len() >= 2);
    let time = || {
        let time = text(headers, &header::LAST_MODIFIED)?;
        let date = text(headers, &header::DATE)?;
        (time != date && !time.starts_with('"')).then_some(time)
    };
    tag.or_else(time).map(str::to_owned)
}

/// The SHA-256 of the whole file, if it is said (RFC 9530; before that, RFC 3230).
fn sha256(headers: &HeaderMap) -> Option<String> {
    let named = |header: HeaderName| {
        headers.get_all(header).into_iter().filter_map(|value| value.to_str().ok()).find_map(|list| {
            list.split(',').find_map(|member| {
                let (algorithm, digest) = member.trim().split_once('=')?;
                algorithm.eq_ignore_ascii_case("sha-256").then(|| digest.trim_matches(':').to_owned())
            })
        })
    };
    named(HeaderName::from_static("repr-digest")).or_else(|| named(HeaderName::from_static("digest")))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::response::Parts;

    use super::{Answer, Asked, Failure, Told};

    fn parts(status: u16, headers: &[(&str, &str)]) -> Parts {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap().into_parts().0
    }

    fn answer(status: u16, headers: &[(&str, &str)], asked: &Asked) -> Answer {
        Answer::of("it", &parts(status, headers), asked, 1000)
    }

    fn asked() -> Asked {
        Asked { from: 10, validator: Some("\"a\"".to_owned()), total: Some(100) }
    }

    #[test]
    fn a_rest_is_taken_only_where_it_goes_on() {
        let rest = |range: &str, tag: &str| answer(206, &[("content-range", range), ("etag", tag)], &asked());
        assert!(matches!(rest("bytes 10-99/100", "\"a\""), Answer::Rest(_)));
        assert!(matches!(rest("bytes 10-99/*", "\"a\""), Answer::Rest(_)));
        for (range, tag) in [
            ("bytes 0-99/100", "\"a\""),
            ("bytes 11-99/100", "\"a\""),
            ("bytes 10-98/100", "\"a\""),
            ("bytes 10-99/101", "\"a\""),
            ("bytes 10-100/101", "\"a\""),
            ("bytes 10-9/10", "\"a\""),
            ("bytes */100", "\"a\""),
            ("bytes 10-18446744073709551615/5", "\"a\""),
            ("10-99/100", "\"a\""),
            ("bytes 10-99/100", "\"b\""),
            ("", ""),
        ] {
            assert_eq!(rest(range, tag), Answer::Restart, "{range} of {tag}");
        }
        assert_eq!(rest("bytes 10-50/*", "\"a\""), Answer::Restart);
        let unknown = Asked { total: None, ..asked() };
        for range in ["bytes 10-50/*", "bytes 10-99/*"] {
            assert_eq!(answer(206, &[("content-range", range)], &unknown), Answer::Restart, "{range}");
        }
        assert!(matches!(answer(206, &[("content-range", "bytes 10-99/100")], &unknown), Answer::Rest(_)));
        assert_eq!(answer(206, &[], &asked()), Answer::Restart);
        assert_eq!(answer(416, &[], &asked()), Answer::Restart);
        assert!(matches!(answer(200, &[], &asked()), Answer::Whole(_)));
    }

    #[test]
    fn a_part_that_nobody_asked_for_is_refused() {
        for status in [204, 206, 416] {
            let answer = answer(status, &[("content-range", "bytes 0-9/10")], &Asked::default());
            assert!(matches!(answer, Answer::Refused(Failure::Dead(_))), "{answer:?}");
        }
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_comes() {
        for length in ["1001", "18446744073709551615"] {
            let answer = answer(200, &[("content-length", length)], &Asked::default());
            assert!(matches!(answer, Answer::Refused(Failure::Dead(_))), "{answer:?}");
        }
        let coded = answer(200, &[("content-encoding", "gzip")], &Asked::default());
        assert!(matches!(coded, Answer::Refused(Failure::Dead(_))), "{coded:?}");
    }

    #[test]
    fn a_file_is_known_again_by_what_is_strong_alone() {
        let validator = |headers: &[(&str, &str)]| match answer(200, headers, &Asked::default()) {
            Answer::Whole(Told { validator, .. }) => validator,
            answer => panic!("{answer:?}"),
        };
        let (then, now) = ("Sat, 21 Nov 2026 00:00:00 GMT", "Sat, 21 Nov 2026 00:00:01 GMT");
        assert_eq!(validator(&[("etag", "\"a\"")]).as_deref(), Some("\"a\""));
        assert_eq!(validator(&[("etag", "W/\"a\"")]), None);
        assert_eq!(
            validator(&[("etag", "W/\"a\""), ("last-modified", then), ("date", now)]).as_deref(),
            Some(then)
        );
        assert_eq!(
            validator(&[("last-modified", then), ("date", then)]),
            None,
            "it may change within the second"
        );
        assert_eq!(validator(&[("last-modified", then)]), None);
    }

    #[test]
    fn a_digest_is_read_in_both_forms() {
        let digest = |headers: &[(&str, &str)]| match answer(200, headers, &Asked::default()) {
            Answer::Whole(told) => told.sha256,
            answer => panic!("{answer:?}"),
        };
        assert_eq!(digest(&[("repr-digest", "md5=:x:, sha-256=:ab+/=:")]).as_deref(), Some("ab+/="));
        assert_eq!(digest(&[("digest", "SHA-256=ab=,MD5=x")]).as_deref(), Some("ab="));
        assert_eq!(digest(&[("content-digest", "sha-256=:ab=:")]), None, "it may be of a part");
    }
}
