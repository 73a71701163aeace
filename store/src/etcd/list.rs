//! A listing in etcd's words.

use etcd_client::{GetOptions, GetResponse, SortOrder, SortTarget};

use super::{
    cluster::Cluster,
    keys::{Keyspace, Span, revision},
};
use crate::{
    entry::{Entry, Version},
    error::Result,
    listing::{Listing, Order, What},
};

/// The entries asked for, all as of one revision.
pub(super) async fn list(cluster: &Cluster, keys: &Keyspace, what: &What) -> Result<Listing> {
    let span = match what.is_exact() {
        false => keys.span(what.range(), what.start_after()),
        // The first text behind a key is the key and a zero.
        true => {
            let first = keys.key(what.range());
            let end = [first.as_slice(), &[0]].concat();
            Span { first, end }
        }
    };
    // No revision is below the first one, and etcd would take "at most 0" for no bound at all.
    let newest = match what.ceiling() {
        Some(ceiling) => revision(ceiling).map(|ceiling| ceiling - 1),
        None => None,
    };
    let names_nothing = what.is_exact() && what.start_after().is_some_and(|after| what.range() <= after);
    if span.is_empty() || span.first.is_empty() || names_nothing || newest.is_some_and(|newest| newest < 1) {
        let as_of = Version::new(cluster.revision().await?);
        return Ok(Listing { entries: Vec::new(), as_of, more: false });
    }
    let limit = what.max_entries();
    let options = || {
        let options = GetOptions::new().with_range(span.end.clone());
        match newest {
            Some(newest) => options.with_max_create_revision(newest),
            None => options,
        }
    };
    let look = Look { cluster, keys, span: &span, limit };
    let (found, as_of) = match what.order() {
        Order::Key => look.by_key(options).await?,
        Order::Created => look.by_creation(options, SortOrder::Ascend).await?,
        Order::CreatedDescending => look.by_creation(options, SortOrder::Descend).await?,
    };
    let Found { mut entries, mut more, .. } = found;
    more |= entries.len() > limit;
    entries.truncate(limit);
    Ok(Listing { entries, as_of: Version::new(as_of), more })
}

struct Look<'a> {
    cluster: &'a Cluster,
    keys: &'a Keyspace,
    span: &'a Span,
    limit: usize,
}

struct Found {
    entries: Vec<Entry>,
    more: bool,
    /// The last key that the server showed, whether or not it is a text.
    last: Option<Vec<u8>>,
}

impl Look<'_> {
    async fn at(&self, first: &[u8], options: GetOptions) -> Result<(Found, u64)> {
        let (answer, as_of) = self.cluster.get(first, options).await?;
        Ok((self.found(answer), as_of))
    }

    /// Goes on behind keys that others wrote and that are no texts: a page that lacked them
    /// would look like the last one.
    async fn by_key(&self, options: impl Fn() -> GetOptions) -> Result<(Found, u64)> {
        let limit = self.limit.max(1);
        let (mut found, as_of) = self.at(&self.span.first, options().with_limit(count(limit))).await?;
        while found.more && found.entries.len() < limit {
            let Some(last) = found.last.take() else { break };
            let left = count(limit - found.entries.len());
            let rest = options().with_limit(left).with_revision(i64::try_from(as_of).unwrap_or(i64::MAX));
            let (rest, _) = self.at(&[last.as_slice(), &[0]].concat(), rest).await?;
            found.entries.extend(rest.entries);
            (found.more, found.last) = (rest.more, rest.last);
        }
        Ok((found, as_of))
    }

    /// etcd sorts by creation, but keys of one commit in no order, and cuts before they could
    /// be put in one: those at the cut are asked for once more, all of them.
    async fn by_creation(&self, options: impl Fn() -> GetOptions, order: SortOrder) -> Result<(Found, u64)> {
        let mut limit = self.limit + 1;
        let (mut found, as_of) = loop {
            let sorted = options().with_sort(SortTarget::Create, order).with_limit(count(limit));
            let (found, as_of) = self.at(&self.span.first, sorted).await?;
            // Keys that are no texts may have taken the places of others.
            if !found.more || found.entries.len() > self.limit {
                break (found, as_of);
            }
            limit *= 2;
        };
        if let Some(cut) = found.more.then(|| found.entries.last().map(|entry| entry.created)).flatten() {
            found.entries.retain(|entry| entry.created != cut);
            if found.entries.len() < self.limit {
                let created = revision(cut).unwrap_or(i64::MAX);
                let those = options()
                    .with_revision(i64::try_from(as_of).unwrap_or(i64::MAX))
                    .with_min_create_revision(created)
                    .with_max_create_revision(created);
                let (tied, _) = self.at(&self.span.first, those).await?;
                found.entries.extend(tied.entries);
            }
        }
        found.entries.sort_by(|a, b| (a.created, &a.key).cmp(&(b.created, &b.key)));
        if order == SortOrder::Descend {
            found.entries.reverse();
        }
        Ok((found, as_of))
    }

    fn found(&self, mut answer: GetResponse) -> Found {
        let more = answer.more();
        let last = answer.kvs().last().map(|last| last.key().to_vec());
        let entries = answer.take_kvs().into_iter().filter_map(|found| self.keys.entry(found)).collect();
        Found { entries, more, last }
    }
}

/// What stands under one key.
pub(super) async fn get(cluster: &Cluster, keys: &Keyspace, key: &str) -> Result<Option<Entry>> {
    let (mut answer, _) = cluster.get(&keys.key(key), GetOptions::new()).await?;
    Ok(answer.take_kvs().pop().and_then(|found| keys.entry(found)))
}

fn count(entries: usize) -> i64 {
    i64::try_from(entries).unwrap_or(i64::MAX)
}
