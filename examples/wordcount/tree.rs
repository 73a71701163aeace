//! What is below a path.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    vec,
};

use crate::page::Identity;

/// What a tree yields.
#[derive(Debug)]
pub enum Found {
    File(PathBuf, Identity),
    Skipped(PathBuf, String),
}

/// A depth-first walk in the order of names, which can begin anywhere.
#[derive(Debug)]
pub struct Tree {
    /// What is left to see of each open directory, and which directory it is.
    open: Vec<(vec::IntoIter<PathBuf>, (u64, u64))>,
    /// Everything up to this path was seen before.
    after: Option<PathBuf>,
}

impl Tree {
    /// The tree of a root, behind the path `after`; an empty one for none.
    pub fn below(root: Option<&PathBuf>, after: Option<&Path>) -> Self {
        let roots: Vec<_> = root.into_iter().cloned().collect();
        Self { open: vec![(roots.into_iter(), (0, 0))], after: after.map(Path::to_owned) }
    }

    /// The next file, or what is left out; directories named in `without` are not entered.
    pub fn next(&mut self, own: &HashSet<PathBuf>, without: &[&str]) -> Option<Found> {
        loop {
            let Some(path) = self.open.last_mut()?.0.next() else {
                self.open.pop();
                continue;
            };
            let seen = self.after.as_ref().is_some_and(|after| *after >= path && !after.starts_with(&path));
            let last = self.after.as_ref() == Some(&path);
            if self.after.as_ref().is_some_and(|after| *after <= path) {
                self.after = None;
            }
            let hidden =
                path.file_name().is_some_and(|name| without.iter().any(|left_out| name == *left_out));
            if seen || last || own.contains(&path) || (hidden && self.open.len() > 1) {
                continue;
            }
            if let Some(found) = self.look(path) {
                return Some(found);
            }
        }
    }

    /// Opens a directory, or says what else is there.
    fn look(&mut self, path: PathBuf) -> Option<Found> {
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Some(Found::Skipped(path, "no such file or directory".into()));
            }
            Err(error) => return Some(Found::Skipped(path, format!("unreadable: {error}"))),
        };
        let (kind, given) = (metadata.file_type(), self.open.len() == 1);
        if kind.is_file() {
            return Some(Found::File(path, Identity::of(&metadata)));
        }
        if kind.is_symlink() {
            return given.then(|| Found::Skipped(path, "a symbolic link, which is not followed".into()));
        }
        if !kind.is_dir() {
            return Some(Found::Skipped(path, "neither a file nor a directory".into()));
        }
        let this = (metadata.dev(), metadata.ino());
        if self.open.iter().any(|(_, directory)| *directory == this) {
            return Some(Found::Skipped(path, "a directory that contains itself".into()));
        }
        let names = fs::read_dir(&path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        let mut names: Vec<PathBuf> = match names {
            Ok(names) => names,
            Err(error) => return Some(Found::Skipped(path, format!("unreadable: {error}"))),
        };
        names.sort_unstable();
        self.open.push((names.into_iter(), this));
        None
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fs, os::unix::fs::MetadataExt, path::Path};

    use entourage_testkit::Scratch;

    use super::{Found, Tree};

    fn names(mut tree: Tree) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(found) = tree.next(&HashSet::new(), &["hidden"]) {
            names.push(match found {
                Found::File(path, _) => path.display().to_string(),
                Found::Skipped(path, why) => format!("{}: {why}", path.display()),
            });
        }
        names
    }

    #[test]
    fn a_walk_goes_on_behind_any_path_where_it_was() {
        let scratch = Scratch::new();
        for file in ["a.txt", "a/b", "a/b.c", "a/c/d", "a-b", "ab", "hidden/x", "z/hidden/x", "z/hid"] {
            let path = scratch.join(file);
            // A name is a file or a directory; the longer paths make the directories.
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let root = scratch.join("");
        let all = names(Tree::below(Some(&root), None));
        assert_eq!(all.len(), 7, "{all:?}");
        for (place, last) in all.iter().enumerate() {
            assert_eq!(names(Tree::below(Some(&root), Some(Path::new(last)))), all[place + 1..]);
        }
        // A file that is gone since leaves no other out.
        fs::remove_file(&all[2]).unwrap();
        assert_eq!(names(Tree::below(Some(&root), Some(Path::new(&all[2])))), all[3..]);
    }

    #[test]
    fn a_directory_that_contains_itself_is_named_and_not_entered() {
        let scratch = Scratch::new();
        let directory = scratch.join("loop");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("file"), "").unwrap();
        let this = fs::metadata(&directory).unwrap();
        // As a bind mount has it: the directory is open, and comes again below itself.
        let again = vec![directory.clone()].into_iter();
        let tree = Tree { open: vec![(again, (this.dev(), this.ino()))], after: None };
        assert_eq!(names(tree), [format!("{}: a directory that contains itself", directory.display())]);
    }
}
