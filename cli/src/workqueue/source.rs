//! A source of items, as a URL and flags say it.

use std::{
    path::{Path, PathBuf, absolute},
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use clap::{Args, ValueEnum};
use entourage_workqueue::{DirectorySource, HttpSource, Shape, WorkSource};

use super::used_up::{UsedUp, Using};
use crate::exit::Usage;

/// Which of the book's two forms a source over HTTP has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// The book's text: `/api/v1/items` and `/api/v1/items/NAME`
    Api,
    /// The book's sample in JavaScript: the list at any path, without a version
    Sample,
}

impl From<Form> for Shape {
    fn from(form: Form) -> Self {
        match form {
            Form::Api => Self::Api,
            Form::Sample => Self::Sample,
        }
    }
}

/// How a source is read.
#[derive(Args)]
pub(super) struct Reading {
    /// The form of a source over HTTP
    #[arg(long, env = "ENTOURAGE_SOURCE_SHAPE", value_name = "SHAPE", value_enum, default_value = "api")]
    source_shape: Form,
    /// Files of a directory that are items; may be given more than once [default: *]
    #[arg(long, env = "ENTOURAGE_GLOB", value_name = "PATTERN")]
    glob: Vec<String>,
    /// Files below the directory's folders, too: a pattern without a slash is of any folder
    #[arg(long, env = "ENTOURAGE_RECURSIVE")]
    recursive: bool,
    /// The content of a file is its item's data, up to 1 MiB; else that is where the file is
    #[arg(long, env = "ENTOURAGE_CONTENTS")]
    contents: bool,
    /// How long a file of a directory must be left alone before it is an item; 0s where all are renamed into place
    #[arg(long, env = "ENTOURAGE_SETTLE", value_name = "DURATION", default_value = "2s", value_parser = humantime::parse_duration)]
    settle: Duration,
}

/// Where a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Http(String),
    Directory(PathBuf),
    UsedUp(UsedUp),
}

impl Place {
    /// Where the URL says; no error repeats it, for it may hold a password.
    pub(super) fn of_url(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some(("http", _)) => Ok(Self::Http(text.to_owned())),
            Some(("dir", path)) if !path.is_empty() => Ok(Self::Directory(path.into())),
            Some(("redis-list", rest)) => Ok(Self::UsedUp(UsedUp::parse(false, rest)?)),
            Some(("redis-stream", rest)) => Ok(Self::UsedUp(UsedUp::parse(true, rest)?)),
            Some(("https", _)) => {
                let why = "TLS is not built in; put a proxy in front of the source, and name that as http://";
                Err(Usage(why.to_owned()).into())
            }
            _ => {
                let forms = UsedUp::FORMS;
                let why =
                    format!("this is no source; name it as dir:PATH, http://HOST[:PORT][/PATH], {forms}");
                Err(Usage(why).into())
            }
        }
    }

    /// The same, where what has no scheme is a directory.
    pub(super) fn of_path_or_url(text: &str) -> Result<Self> {
        if text.contains("://") || text.starts_with("dir:") {
            return Self::of_url(text);
        }
        Ok(Self::Directory(text.into()))
    }
}

/// A source, and what tells it from others.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) source: Arc<dyn WorkSource>,
    /// The same for all who read the same items from the same place.
    pub(super) name: String,
    /// Where it is, if it is a directory.
    pub(super) directory: Option<PathBuf>,
}

impl Reading {
    /// The source at `place`; nothing is contacted.
    ///
    /// # Errors
    /// [`Usage`] and [`entourage_workqueue::SourceError`] for what cannot work.
    pub(super) fn source(&self, place: Place, using: Option<&Using>) -> Result<Source> {
        let is_directory = matches!(place, Place::Directory(_));
        if !is_directory && (!self.glob.is_empty() || self.recursive || self.contents) {
            let why = "--glob, --recursive and --contents are for a directory; name one as dir:PATH";
            return Err(Usage(why.to_owned()).into());
        }
        match place {
            Place::UsedUp(place) => {
                let Some(using) = using else {
                    let why = "a list or Stream is used up, of which nobody tells it over HTTP; let `workqueue run` have it";
                    return Err(Usage(why.to_owned()).into());
                };
                let (source, name) = place.source(using)?;
                Ok(Source { source, name, directory: None })
            }
            Place::Http(url) => {
                let source = HttpSource::of_shape(&url, self.source_shape.into())?;
                let name = source.name().to_owned();
                Ok(Source { source: Arc::new(source), name, directory: None })
            }
            Place::Directory(path) => {
                let globs = self.globs();
                let source = DirectorySource::new(&path)?
                    .with_globs(globs.iter().map(String::as_str))?
                    .with_settle(self.settle);
                let source = if self.contents { source.with_contents() } else { source };
                let name = format!("{} {}", source.name(), globs.join(" "));
                Ok(Source { source: Arc::new(source), name, directory: Some(path) })
            }
        }
    }

    /// The directory whose files the items' data name, which nobody else can say.
    ///
    /// # Errors
    /// [`Usage`] for a source whose data come from elsewhere: they could name any file.
    pub(super) fn inputs(&self, source: &Source) -> Result<Arc<Path>> {
        match &source.directory {
            Some(directory) if !self.contents => Ok(absolute(directory)?.into()),
            _ => {
                let why = "--input-file is for dir:PATH without --contents, whose data name files of that \
                           directory; data from elsewhere could name any file of this machine";
                Err(Usage(why.to_owned()).into())
            }
        }
    }

    fn globs(&self) -> Vec<String> {
        let star = ["*".to_owned()];
        let given = if self.glob.is_empty() { &star[..] } else { &self.glob };
        let deep = |glob: &String| {
            if self.recursive && !glob.contains('/') { format!("**/{glob}") } else { glob.clone() }
        };
        given.iter().map(deep).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(glob: &[&str], recursive: bool) -> Reading {
        Reading {
            source_shape: Form::Api,
            glob: glob.iter().map(|glob| (*glob).to_owned()).collect(),
            recursive,
            contents: false,
            settle: Duration::ZERO,
        }
    }

    #[test]
    fn a_place_is_a_url_or_where_it_may_be_a_directory() {
        assert_eq!(Place::of_url("dir:/a b").unwrap(), Place::Directory("/a b".into()));
        assert_eq!(Place::of_url("http://a:1").unwrap(), Place::Http("http://a:1".into()));
        assert_eq!(Place::of_path_or_url("a:b").unwrap(), Place::Directory("a:b".into()));
        for text in ["", "dir:", "/a", "https://a", "ftp://me:hunter2@a"] {
            let refused = Place::of_url(text).unwrap_err().to_string();
            assert!(refused.contains("http://") && !refused.contains("hunter2"), "{text}: {refused}");
        }
        assert!(Place::of_path_or_url("ftp://a").is_err());
    }

    #[test]
    fn a_pattern_without_a_slash_is_of_any_folder_if_all_are_looked_at() {
        assert_eq!(reading(&[], false).globs(), ["*"]);
        assert_eq!(reading(&[], true).globs(), ["**/*"]);
        assert_eq!(reading(&["*.a", "b/*.c"], true).globs(), ["**/*.a", "b/*.c"]);
        assert!(reading(&["*"], false).source(Place::Http("http://a".into()), None).is_err());
        assert!(reading(&["["], false).source(Place::Directory("/".into()), None).is_err());
    }
}
