//! What is compared with what.

use std::path::Path;

use anyhow::Result;

use super::placing::{self, Placing};
use crate::exit::Usage;

/// Two placings of one pool, or why there are not two.
#[derive(Debug)]
pub(super) enum Pair {
    Both(Placing, Placing),
    /// A pool that one of the files has.
    Only {
        pool: String,
        is_new: bool,
    },
    /// A pool that sends keys anywhere, before or after.
    Anywhere {
        pool: String,
    },
}

/// The pools of two files, by their names; or the one of this name.
///
/// # Errors
/// A file is refused, or has no such pool.
pub(super) fn of_files(old: &Path, new: &Path, name: Option<&str>) -> Result<Vec<Pair>> {
    let (before, after) = (placing::file(old)?, placing::file(new)?);
    if let Some(name) = name {
        let (old, new) = (placing::pool(&before, old, Some(name))?, placing::pool(&after, new, Some(name))?);
        return Ok(vec![Pair::Both(placing::of_pool(&before, old)?, placing::of_pool(&after, new)?)]);
    }
    let mut pairs = Vec::new();
    for old in &before.pools {
        let pool = old.name.clone();
        pairs.push(match after.pool(&pool) {
            None => Pair::Only { pool, is_new: false },
            Some(new) => match (Placing::of(&before, old)?, Placing::of(&after, new)?) {
                (Some(old), Some(new)) => Pair::Both(old, new),
                _ => Pair::Anywhere { pool },
            },
        });
    }
    let added = after.pools.iter().filter(|pool| before.pool(&pool.name).is_none());
    pairs.extend(added.map(|pool| Pair::Only { pool: pool.name.clone(), is_new: true }));
    Ok(pairs)
}

/// Two that are named by flags.
///
/// # Errors
/// One knows addresses and the other does not: no key means the same to both.
pub(super) fn of_two(old: Placing, new: Placing) -> Result<Vec<Pair>> {
    if old.is_of_addresses != new.is_of_addresses {
        let why =
            "nginx-ip places addresses by their bytes; compare it with itself, or give bytes with --hex";
        return Err(Usage(why.to_owned()).into());
    }
    Ok(vec![Pair::Both(old, new)])
}
