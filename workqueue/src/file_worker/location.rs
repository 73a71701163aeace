//! Where an item's file is.

use std::fmt;

use entourage_queue::Item;
use http::{Uri, uri::PathAndQuery};
use serde_json::Value;

use crate::source::ItemName;

/// The longest address, in bytes.
const LONGEST: usize = 8 * 1024;
/// The longest extension that is kept, in letters.
const EXTENSION: usize = 16;

/// Where an item's file is. Shown without what may be secret, its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// On a server: `host:port` in lower case, and what is asked for there.
    Http { host: String, target: PathAndQuery },
    /// Here: the parts of an absolute path, none of which climbs.
    File(Vec<String>),
}

impl Location {
    /// Where the file of `item` is: by the template, or else by its data.
    pub(super) fn of(item: &Item, template: Option<&str>) -> Result<Self, String> {
        if let Some(template) = template {
            let name = ItemName::new(item.id().to_shared()).map_err(|why| why.to_string())?;
            // Percent-encoded it would be one part for us, and a path for a server that decodes first.
            if matches!(name.as_str(), "." | "..") || name.as_str().contains(['/', '\\']) {
                return Err("the item's name has a slash or is . or .., which no template takes; \
                            let the item's data name its url"
                    .to_owned());
            }
            return Self::parse(&template.replace(NAME, &name.to_segment()));
        }
        let text = str::from_utf8(item.payload()).map_err(|_| "the item's data is no text".to_owned())?;
        let text = text.trim();
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(members)) => match (members.get("url"), members.get("path")) {
                (Some(Value::String(url)), _) => Self::parse(url),
                (None, Some(Value::String(path))) => Self::file(path, |part| Ok(part.to_owned())),
                _ => Err("the item's data has no url; make it {\"url\":\"http://…\"}".to_owned()),
            },
            Ok(Value::String(url)) => Self::parse(&url),
            Ok(_) => Err("the item's data is no address; make it {\"url\":\"http://…\"}".to_owned()),
            Err(_) => Self::parse(text),
        }
    }

    /// What is no address is not repeated: it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        if url.len() > LONGEST {
            return Err(format!("the item's url has more than {LONGEST} bytes"));
        }
        let (scheme, rest) =
            url.split_once(':').ok_or("the item's url has no scheme; begin it with http://")?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" => Self::http(rest),
            "file" => {
                let path = match rest.strip_prefix("//") {
                    Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
                    None => rest,
                };
                Self::file(path, |part| {
                    let part = ItemName::from_segment(part).map_err(|why| why.to_string())?;
                    Ok(part.as_str().to_owned())
                })
            }
            // What stands before a colon may as well be the beginning of something else.
            scheme if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) && scheme.len() <= 16 => {
                Err(format!("the item's url is of the scheme {scheme}, and only http and file are fetched"))
            }
            _ => Err("the item's url has no scheme; begin it with http://".to_owned()),
        }
    }

    fn http(rest: &str) -> Result<Self, String> {
        let invalid = || "the item's url is none; make it http://host:port/path".to_owned();
        let uri: Uri = format!("http:{rest}").parse().map_err(|_| invalid())?;
        let authority =
            uri.authority().filter(|authority| !authority.host().is_empty()).ok_or_else(invalid)?;
        if authority.as_str().contains('@') {
            return Err("the item's url names a user, and none is sent".to_owned());
        }
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if authority.as_str().len() == authority.host().len() => 80,
            None => return Err(invalid()),
        };
        let host = format!("{}:{port}", authority.host().to_ascii_lowercase());
        let target = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self::Http { host, target })
    }

    fn file(path: &str, part: impl Fn(&str) -> Result<String, String>) -> Result<Self, String> {
        let path = path.strip_prefix('/').ok_or("the path of the item's file does not begin with /")?;
        let parts = path.split('/').filter(|part| !part.is_empty()).map(|text| {
            let part = part(text)?;
            match part.as_str() {
                "." | ".." => Err("the path of the item's file climbs; write it without . and ..".to_owned()),
                _ if part.contains(['/', '\0']) => Err("a part of the file's path has a slash".to_owned()),
                _ => Ok(part),
            }
        });
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        if parts.is_empty() { Err("the item's url names no file".to_owned()) } else { Ok(Self::File(parts)) }
    }

    /// The end of its name, with which programs tell kinds of files: a dot and letters, or nothing.
    pub(super) fn extension(&self) -> String {
        let last = match self {
            Self::Http { target, .. } => target.path().rsplit('/').next(),
            Self::File(parts) => parts.last().map(String::as_str),
        };
        let extension = last.and_then(|last| last.rsplit_once('.')).map_or("", |(_, extension)| extension);
        let is_plain = !extension.is_empty()
            && extension.len() <= EXTENSION
            && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_plain { format!(".{extension}") } else { String::new() }
    }

    /// The whole of it, for a digest: never shown.
    pub(super) fn whole(&self) -> String {
        match self {
            Self::Http { host, target } => format!("http://{host}{target}"),
            Self::File(parts) => format!("file:/{}", parts.join("/")),
        }
    }
}

/// What a template has in place of an item's name.
pub(super) const NAME: &str = "{name}";

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { host, target } => {
                let query = if target.query().is_some() { "?…" } else { "" };
                write!(f, "http://{host}{}{query}", target.path())
            }
            Self::File(parts) => write!(f, "/{}", parts.join("/")),
        }
    }
}

#[cfg(test)]
mod tests {
    use entourage_queue::Item;

    use super::Location;

    fn of(payload: &str) -> Result<String, String> {
        Location::of(&Item::new("a/b", payload.to_owned()), None).map(|location| location.whole())
    }

    #[test]
    fn an_address_is_read_from_json_and_from_plain_text() {
        let whole = "http://a:80/b?c=d";
        for payload in [
            "http://a/b?c=d",
            " http://A:80/b?c=d#e\n",
            "HTTP://a/b?c=d",
            r#""http://a/b?c=d""#,
            r#"{"url":"http://a/b?c=d","more":1}"#,
        ] {
            assert_eq!(of(payload).as_deref(), Ok(whole), "{payload}");
        }
        for (payload, whole) in [
            ("file:///srv/a%20b.mp4", "file:/srv/a b.mp4"),
            ("file:/srv//x", "file:/srv/x"),
            ("file://localhost/srv/x", "file:/srv/x"),
            (r#"{"path":"/srv/a%20b","bytes":1}"#, "file:/srv/a%20b"),
        ] {
            assert_eq!(of(payload).as_deref(), Ok(whole), "{payload}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_shows_no_secret() {
        for payload in [
            "",
            "{}",
            "[1]",
            "17",
            "just text",
            r#"{"url":5}"#,
            "https://secret@a/",
            "ftp://secret/",
            "gopher:secret",
            "http://secret@a/b",
            "http://user:secret@a/b",
            "http:///secret",
            "http://a b/secret",
            "http://a:99999/secret",
            "http://a:/secret",
            "http:secret",
            "file:secret",
            "file:///",
            "file:///srv/../secret",
            "file:///srv/%2e%2e/secret",
            "file:///srv/a%2Fsecret",
            "file:///srv/%00secret",
            "file://elsewhere/srv/secret",
            "data:secret,x",
        ] {
            let why = of(payload).expect_err(payload);
            assert!(!why.contains("secret"), "{payload}: {why}");
        }
        assert!(of(&format!("http://a/{}", "x".repeat(9000))).is_err());
    }

    #[test]
    fn a_name_is_one_part_of_a_template() {
        let item = |id: &str| Item::new(id.to_owned(), "");
        let of = |id: &str| Location::of(&item(id), Some("http://a/{name}.mp4?n={name}"));
        assert_eq!(of("x").unwrap().whole(), "http://a:80/x.mp4?n=x");
        assert_eq!(of("..x y?").unwrap().whole(), "http://a:80/..x%20y%3F.mp4?n=..x%20y%3F");
        for id in ["a\nb", ".", "..", "../y", "a/../b", "a/b", "/", "..\\y"] {
            assert!(of(id).is_err(), "{id}");
        }
    }

    #[test]
    fn an_extension_is_plain_or_none() {
        let extension = |url: &str| Location::parse(url).unwrap().extension();
        assert_eq!(extension("http://a/b/c.tar.gz?x.y"), ".gz");
        for url in ["http://a/b", "http://a.b", "http://a/b.", "http://a/b.x%2F", "http://a/.b.c/d"] {
            assert_eq!(extension(url), "", "{url}");
        }
    }

    #[test]
    fn a_query_is_not_shown() {
        let shown = Location::parse("http://a/b?token=secret").unwrap().to_string();
        assert_eq!(shown, "http://a:80/b?…");
    }
}
