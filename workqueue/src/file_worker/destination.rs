//! Where outputs go.

use std::path::PathBuf;

use entourage_core::Fence;
use entourage_queue::Item;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::{InvalidFileWorker, location::Location};
use crate::source::ItemName;

/// Where outputs go.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    /// Below a path of a server: `host:port`, and the path without a slash at its end.
    Url { host: String, path: String },
    /// Into a folder of this machine.
    Folder(PathBuf),
}

/// Where one output goes.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// A path of the server, to be PUT to.
    Path(Uri),
    /// A file in the item's folder in the folder of all.
    File { folder: String, file: ItemName },
}

impl Destination {
    pub(super) fn url(url: &str) -> Result<Self, InvalidFileWorker> {
        let refuse = |why: &str| InvalidFileWorker::OutputUrl(why.to_owned());
        match Location::parse(url) {
            Ok(Location::Http { host, target }) if target.query().is_none() => {
                Ok(Self::Url { host, path: target.path().trim_end_matches('/').to_owned() })
            }
            _ => Err(refuse("it is not of the form http://host:port/path, without user and query")),
        }
    }

    /// Where this output of an item goes: no two have one place, whatever they are called.
    ///
    /// An item, whose name is a stranger's, is called as in a folder: a server that decodes before it
    /// resolves would climb at a `..` that is merely percent-encoded.
    pub(super) fn target(&self, item: &ItemName, output: &ItemName) -> Result<Target, String> {
        match self {
            Self::Url { path, .. } => {
                let target = format!("{path}/{}/{}", item.file_name(), output.to_segment());
                target.parse().map(Target::Path).map_err(|_| "an output's address is too long".to_owned())
            }
            Self::Folder(_) => Ok(Target::File { folder: item.file_name(), file: output.clone() }),
        }
    }

    /// What is the same only for the same target of the same destination.
    pub(super) fn whole(&self, target: &Target) -> String {
        match (self, target) {
            (Self::Url { host, .. }, Target::Path(path)) => format!("http://{host}{path}"),
            (Self::Folder(root), Target::File { folder, file }) => {
                format!("{}/{folder}/{file}", root.display())
            }
            // Each destination makes its own targets.
            (_, target) => format!("{target:?}"),
        }
    }
}

/// The attempt's fence, in the form in which `entourage-election` reads and checks it; nothing where
/// it does not fit into that.
pub(super) fn stamp(headers: &mut HeaderMap, item: &Item, fence: &Fence) {
    const MOST: usize = 256;
    let part = |text: &str| {
        let fits = (1..=MOST).contains(&text.len()) && !matches!(text, "." | "..");
        fits.then(|| ItemName::new(text).ok()).flatten().map(|name| name.to_segment())
    };
    let (Some(scope), Some(owner)) = (part(fence.scope().as_str()), part(item.id().as_str())) else { return };
    let fence = format!("{};{scope};{}", fence.realm(), fence.epoch());
    for (name, value) in [("entourage-fence", fence), ("entourage-owner", owner)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;
    use crate::source::ItemName;

    #[test]
    fn no_two_outputs_have_one_target_and_none_climbs() {
        let destination = Destination::url("http://A/out/").unwrap();
        let whole = |item: &str, output: &str| {
            let (item, output) = (ItemName::new(item).unwrap(), ItemName::new(output).unwrap());
            destination.whole(&destination.target(&item, &output).unwrap())
        };
        assert_eq!(whole("a", "b.png"), "http://a:80/out/a/b.png");
        assert_eq!(whole("a", "x?y#z"), "http://a:80/out/a/x%3Fy%23z");
        for item in [".", "..", "../y", "a/../b", "..\\y"] {
            let whole = whole(item, "c");
            assert!(whole.starts_with("http://a:80/out/"), "{whole}");
            let rest = &whole["http://a:80/out/".len()..];
            assert!(!rest.starts_with('.') && !rest.contains('%') && rest.split('/').count() == 2, "{whole}");
        }
        assert_ne!(whole("a/b", "c"), whole("a", "b/c"));
    }

    #[test]
    fn what_is_no_place_for_outputs_is_refused() {
        for url in ["", "https://a/", "file:///srv", "http://a/?b", "http://u:p@a/", "a/b"] {
            assert!(Destination::url(url).is_err(), "{url}");
        }
    }
}
