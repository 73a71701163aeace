//! Where the videos are, and where everything else is.

use std::{
    fs,
    path::{Path, PathBuf, absolute},
};

use anyhow::{Context, Result};
use entourage::workqueue::ItemName;

/// Where the videos are, and where everything else is.
#[derive(Clone, Debug)]
pub struct Place {
    pub media: PathBuf,
    pub output: PathBuf,
}

impl Place {
    /// The pictures go below the videos unless said otherwise.
    pub fn new(media: PathBuf, output: Option<PathBuf>) -> Result<Self> {
        let media = absolute(media)?;
        let output = absolute(output.unwrap_or_else(|| media.join("thumbnails")))?;
        fs::create_dir_all(&output)
            .with_context(|| format!("cannot make {}; name another --output", output.display()))?;
        Ok(Self { media, output })
    }

    /// What has become of each video. It goes with the pictures when somebody deletes them.
    pub fn ledger(&self) -> PathBuf {
        self.output.join(".ledger.db")
    }

    /// Where pictures are until a video has all of them: on the same disk, for the rename.
    pub fn work(&self) -> PathBuf {
        self.output.join(".work")
    }

    /// The pictures of a video: a name that a stranger chose is no path.
    pub fn pictures(&self, name: &ItemName) -> PathBuf {
        self.output.join(name.file_name())
    }

    /// How many pictures a video has.
    pub fn count(&self, name: &ItemName) -> usize {
        pictures_in(&self.pictures(name), 0)
    }
}

/// How many pictures a folder has, if the first `known` are there: they are numbered from 1.
pub fn pictures_in(folder: &Path, known: usize) -> usize {
    (known..).find(|&count| !folder.join(format!("thumb{}.png", count + 1)).exists()).unwrap_or(known)
}

#[cfg(test)]
mod tests {
    use entourage_testkit::Scratch;

    use super::{Place, pictures_in};

    #[test]
    fn pictures_are_counted_from_what_is_known_on() {
        let scratch = Scratch::new();
        (1..=3).for_each(|number| std::fs::write(scratch.join(format!("thumb{number}.png")), "").unwrap());
        assert_eq!([0, 2, 3].map(|known| pictures_in(scratch.path(), known)), [3, 3, 3]);
    }

    #[test]
    fn no_name_of_a_video_leaves_the_output() {
        let scratch = Scratch::new();
        let place = Place::new(scratch.join("media"), Some(scratch.join("out"))).unwrap();
        for name in ["a.mp4", "../a.mp4", "a/b.mp4", "/a.mp4", ".work", ".ledger.db", ".."] {
            let folder = place.pictures(&name.try_into().unwrap());
            assert_eq!(folder.parent(), Some(place.output.as_path()), "{name}");
            assert!(folder != place.work() && folder != place.ledger(), "{name}");
            assert!(folder.file_name().is_some(), "{name}");
        }
    }
}
