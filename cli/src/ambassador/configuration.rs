//! The file, as it was read last.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use anyhow::Result;
use entourage_ambassador::nutcracker::{Config, Unusable};

use crate::exit::Usage;

/// One byte more than a configuration may have.
const ENOUGH: u64 = 1024 * 1024 + 1;

/// What a file says that may be read once only, a pipe, too.
///
/// # Errors
/// [`Usage`] if it cannot be read, [`Unusable`] if what it says is refused.
pub(crate) fn read(path: &Path) -> Result<(Vec<u8>, Config)> {
    let bytes = bytes(path).map_err(|error| {
        Usage(format!("cannot read {}: {error}; name the configuration with -c", path.display()))
    })?;
    let config = parse(path, &bytes)?;
    Ok((bytes, config))
}

pub(super) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(ENOUGH).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Config, Unusable> {
    let invalid = |source| Unusable::Invalid { path: path.to_owned(), source };
    let config = Config::parse_bytes(bytes).map_err(invalid)?;
    for warning in config.warnings() {
        tracing::warn!(path = %path.display(), "{warning}");
    }
    Ok(config)
}

/// Whether reading it again gives what it says now, and at once; or an error, at once.
pub(super) fn may_be_read_again(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |about| about.is_file() || about.is_dir())
}
