//! A folder that is seen whole or not at all.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Moves the folder `made` to `seen`, on the same disk, in place of one that is there already.
///
/// Its files are on the disk before it has its name, and its name before this returns: so what a
/// ledger calls done afterwards outlasts a loss of power. Called again by an attempt that follows
/// a killed one, it goes on where that was: what was there before steps aside under a third name,
/// so that it is never taken for what was made. For a moment nothing is seen.
pub fn publish(made: &Path, seen: &Path) -> io::Result<()> {
    let before = made.with_extension("before");
    if made.exists() {
        for entry in fs::read_dir(made)? {
            File::open(entry?.path())?.sync_all()?;
        }
        File::open(made)?.sync_all()?;
        if seen.exists() {
            remove(&before)?;
            fs::rename(seen, &before)?;
        }
        fs::rename(made, seen)?;
    } else if !seen.exists() {
        let message = format!("neither {} nor {} is there", made.display(), seen.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    remove(&before)?;
    match seen.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use entourage_testkit::Scratch;

    use super::publish;

    #[test]
    fn what_is_published_takes_the_place_of_what_was() {
        let scratch = Scratch::new();
        let (made, seen) = (scratch.join("made"), scratch.join("seen"));
        assert!(publish(&made, &seen).is_err(), "there was nothing to publish");
        for (round, file) in ["one", "two", "three"].into_iter().enumerate() {
            fs::create_dir(&made).unwrap();
            fs::write(made.join(file), format!("{round}")).unwrap();
            if round == 1 {
                // Another attempt was killed when the old one had stepped aside.
                fs::rename(&seen, made.with_extension("before")).unwrap();
            }
            publish(&made, &seen).unwrap();
            publish(&made, &seen).unwrap();
            let files: Vec<_> =
                fs::read_dir(&seen).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!((files, made.exists()), (vec![file.into()], false));
            assert!(!made.with_extension("before").exists());
        }
    }
}
