//! What is to be done, checked before anything is contacted.

use std::{
    fmt, io,
    path::{Component, Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::Result;
use entourage_queue::{Group, Item, QueueUrl, Topic};
use entourage_workqueue::{
    Attempt, CommandWorker, Outcome, ScalerOptions, WorkQueueOptions, WorkSource, Worker,
};

use crate::exit::Usage;

/// What is to be done.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: Arc<str>,
    pub(super) source: Arc<dyn WorkSource>,
    pub(super) directory: Option<PathBuf>,
    pub(super) ledger: QueueUrl,
    pub(super) worker: ItemWorker,
    pub(super) options: WorkQueueOptions,
}

impl Plan {
    /// Where its items are; the manager's own choice.
    pub(super) fn topic(&self) -> (Topic, Group) {
        (Topic::new(Arc::clone(&self.name)), Group::new(Arc::clone(&self.name)))
    }
}

/// How many items are worked on at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parallelism {
    Fixed(usize),
    Auto,
}

impl Parallelism {
    /// As `--parallelism` says it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        match text.parse() {
            Ok(items) if items > 0 => Ok(Self::Fixed(items)),
            _ => Err("it is a number above 0, or auto".to_owned()),
        }
    }

    /// Its bounds, of which a number of its own has none.
    pub(super) fn scaler(self, minimum: Option<usize>, maximum: Option<usize>) -> Result<ScalerOptions> {
        match (self, minimum, maximum) {
            (Self::Fixed(items), None, None) => Ok(ScalerOptions::new().with_bounds(items, items)),
            (Self::Fixed(_), ..) => {
                let why = "--min-parallelism and --max-parallelism are for --parallelism auto; leave them out, or say auto";
                Err(Usage(why.to_owned()).into())
            }
            (Self::Auto, minimum, maximum) => {
                let minimum = minimum.unwrap_or(1);
                let maximum = maximum.unwrap_or_else(|| processors().max(minimum));
                if minimum == 0 || maximum < minimum {
                    let why = format!(
                        "from {minimum} to {maximum} items at a time is none; let --min-parallelism be above 0 and --max-parallelism no less"
                    );
                    return Err(Usage(why).into());
                }
                Ok(ScalerOptions::new().with_bounds(minimum, maximum))
            }
        }
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or_else(|_: io::Error| 1, usize::from)
}

/// A command for each item, which may be told the item's own file.
#[derive(Clone)]
pub(super) struct ItemWorker {
    pub(super) command: CommandWorker,
    /// Where `INPUT_FILE` is the file that the data names, and not that of the data: the directory
    /// below which it is, absolute.
    pub(super) inputs: Option<Arc<Path>>,
}

#[async_trait::async_trait]
impl Worker for ItemWorker {
    async fn work(&self, item: &Item, attempt: &Attempt) -> Outcome {
        let Some(root) = &self.inputs else {
            return self.command.work(item, attempt).await;
        };
        let Some(path) = path_of(item) else {
            return Outcome::Dead(
                "its data has no member \"path\" with the path of a file, which --input-file needs"
                    .to_owned(),
            );
        };
        let (root, named) = (Arc::clone(root), path.clone());
        let looked = tokio::task::spawn_blocking(move || is_below(&root, &named));
        match looked.await.map_err(io::Error::other).flatten() {
            Ok(true) => self.command.clone().env("INPUT_FILE", path).work(item, attempt).await,
            Ok(false) => Outcome::Dead(
                "its data names a file that is not below the source's directory, or over a link; \
                 --input-file gives no other"
                    .to_owned(),
            ),
            // It may have gone this moment, which the source knows at the next attempt.
            Err(error) => attempt.retry(AGAIN, format!("the file that its data names: {error}")),
        }
    }
}

/// How long after a look at a file that failed there is another.
const AGAIN: Duration = Duration::from_secs(1);

/// Whether `path` is below the directory `root`, and no link leads there but `root` itself. Who can
/// write there can still change that before the command opens it.
fn is_below(root: &Path, path: &Path) -> io::Result<bool> {
    let Ok(rest) = path.strip_prefix(root) else { return Ok(false) };
    let is_plain = rest.components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain || rest.as_os_str().is_empty() {
        return Ok(false);
    }
    Ok(path.canonicalize()? == root.canonicalize()?.join(rest))
}

/// The file that the item's data name.
fn path_of(item: &Item) -> Option<PathBuf> {
    let data: serde_json::Value = serde_json::from_slice(item.payload()).ok()?;
    let path = data.get("path")?.as_str()?;
    (!path.is_empty() && !path.contains('\0')).then(|| path.into())
}

impl fmt::Debug for ItemWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.command.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use entourage_testkit::Scratch;

    use super::*;

    #[test]
    fn a_number_of_its_own_has_no_bounds_and_auto_has_sound_ones() {
        assert_eq!(Parallelism::parse("auto"), Ok(Parallelism::Auto));
        assert_eq!(Parallelism::parse("7"), Ok(Parallelism::Fixed(7)));
        for text in ["0", "-1", "many", ""] {
            assert!(Parallelism::parse(text).is_err(), "{text}");
        }
        let bounds = |scaler: ScalerOptions| (scaler.minimum, scaler.maximum);
        assert_eq!(bounds(Parallelism::Fixed(3).scaler(None, None).unwrap()), (3, 3));
        assert_eq!(bounds(Parallelism::Auto.scaler(Some(2), Some(9)).unwrap()), (2, 9));
        assert_eq!(bounds(Parallelism::Auto.scaler(Some(500), None).unwrap()), (500, 500));
        assert!(Parallelism::Fixed(3).scaler(Some(1), None).is_err());
        assert!(Parallelism::Auto.scaler(Some(0), None).is_err());
        assert!(Parallelism::Auto.scaler(Some(4), Some(3)).is_err());
    }

    #[test]
    fn a_file_is_named_by_the_data_alone() {
        let path = |data: &'static str| path_of(&Item::new("a", data));
        assert_eq!(path(r#"{"path":"/a b","bytes":1}"#), Some("/a b".into()));
        for data in ["", "[]", r#"{"path":""}"#, r#"{"path":1}"#, r#"{"path":"a\u0000b"}"#, "garbage"] {
            assert_eq!(path(data), None, "{data}");
        }
    }

    #[test]
    fn a_file_that_is_not_below_the_directory_is_none_whatever_leads_there() {
        let scratch = Scratch::new();
        let (real, root) = (scratch.join("real"), scratch.join("root"));
        fs::create_dir_all(real.join("sub")).unwrap();
        symlink(&real, &root).unwrap();
        for file in ["root/a", "root/sub/b", "secret"] {
            fs::write(scratch.join(file), "").unwrap();
        }
        symlink(scratch.join("secret"), root.join("link")).unwrap();
        symlink(real.join("sub"), root.join("folder")).unwrap();
        let below = |path: &Path| is_below(&root, path);
        for path in ["a", "sub/b"] {
            assert!(below(&root.join(path)).unwrap(), "{path}");
        }
        for path in ["", "link", "folder/b", "sub/../a", "../secret", "/etc/passwd"] {
            assert!(!below(&root.join(path)).unwrap(), "{path}");
        }
        for path in ["real/a", "secret", "rootless"] {
            assert!(!below(&scratch.join(path)).unwrap(), "{path}");
        }
        assert!(below(&root.join("gone")).is_err());
    }
}
