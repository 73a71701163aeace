//! What the scripts answer, as the store's own words.

use entourage_engine::redis::{Answer, Result};

use crate::{
    entry::{Entry, Version},
    watch::Change,
};

pub(super) fn version(answer: Answer) -> Result<Version> {
    Ok(Version::new(answer.number()?))
}

/// From its version, its creation and its value.
pub(super) fn entry(key: &str, answer: Answer) -> Result<Entry> {
    let [at, created, value] = answer.tuple()?;
    let (at, created) = (version(at)?, version(created)?);
    Ok(Entry { key: key.to_owned(), value: value.bytes()?.into(), version: at, created })
}

/// From its version and its key, and if it was written its creation and its value.
pub(super) fn change(answer: Answer) -> Result<Change> {
    let mut items = answer.items()?.into_iter();
    let mut next = || items.next().unwrap_or_default();
    let (at, key) = (version(next())?, next().text()?);
    Ok(match next() {
        Answer::Nil => Change::Delete { key, version: at },
        created => {
            let created = version(created)?;
            Change::Put(Entry { key, value: next().bytes()?.into(), version: at, created })
        }
    })
}

pub(super) fn changes(answer: Answer) -> Result<Vec<Change>> {
    answer.items()?.into_iter().map(change).collect()
}

/// Of these changes all were puts, as in the page of a listing.
pub(super) fn entries(answer: Answer) -> Result<Vec<Entry>> {
    let put = |change| match change {
        Change::Put(entry) => Some(entry),
        _ => None,
    };
    Ok(changes(answer)?.into_iter().filter_map(put).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Answer {
        Answer::Bytes(text.into())
    }

    #[test]
    fn a_change_with_a_value_is_a_put_and_without_one_a_delete() {
        let put = vec![text("1800000000000000"), text("k"), text("7"), text("")];
        let Change::Put(entry) = change(Answer::Items(put)).unwrap() else { panic!("it was written") };
        assert_eq!((entry.version.number(), entry.created.number()), (1_800_000_000_000_000, 7));
        let delete = change(Answer::Items(vec![text("8"), text("k")])).unwrap();
        assert_eq!(delete, Change::Delete { key: "k".to_owned(), version: Version::new(8) });
        assert!(change(Answer::Items(vec![text("8")])).is_err());
    }
}
