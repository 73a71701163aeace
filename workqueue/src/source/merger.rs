//! Several sources as one.

use std::{error::Error, sync::Arc, time::Duration};

use entourage_blueprint::{Blueprint, Counters, Describe, Node};
use entourage_core::{Clock, SystemClock, planted, timeout};
use tokio::task::JoinSet;

use super::{
    WorkSource,
    counts::Counts,
    data::ItemData,
    describe_behind,
    error::{SourceError, SourceResult},
    finish::Finish,
    listing::Listing,
    name::ItemName,
};

/// Several sources as one, in turns: a name of each, then the next of each.
///
/// A name is `label/name`, so that sources may list the same names. A source that fails, or does not
/// answer in time, hides no other: the listing has the others' names, and says that it is not
/// complete.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use entourage_workqueue::{FromNames, Merger, WorkSource};
///
/// let both = Merger::new("both")
///     .with("left", FromNames::from_iter(["1", "2"]))?
///     .with("right", FromNames::from_iter(["1"]))?;
/// let names = both.items().await?.into_names();
/// let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
/// assert_eq!(names, ["left/1", "right/1", "left/2"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Merger {
    name: String,
    sources: Vec<(String, Arc<dyn WorkSource>)>,
    is_disjoint: bool,
    time_limit: Duration,
    clock: Arc<dyn Clock>,
    counts: Counts,
}

impl Merger {
    /// A merger of no sources yet, under this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            sources: Vec::new(),
            is_disjoint: false,
            time_limit: Duration::from_secs(30),
            clock: Arc::new(SystemClock::new()),
            counts: Counts::new(),
        }
    }

    /// One source more, under a label of its own: letters, digits, dots, underscores and hyphens.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] for another label, or one that is taken.
    pub fn with(mut self, label: impl Into<String>, source: impl WorkSource) -> SourceResult<Self> {
        let label = label.into();
        let is_label = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if label.is_empty() || !label.chars().all(is_label) {
            return Err(SourceError::Invalid(format!(
                "{label:?} is no label of a source; take letters, digits, dots, underscores and hyphens"
            )));
        }
        if self.sources.iter().any(|(taken, _)| *taken == label) {
            return Err(SourceError::Invalid(format!("the label {label:?} is taken; choose another")));
        }
        self.sources.push((label, Arc::new(source)));
        Ok(self)
    }

    /// Names without labels, for sources that never list the same one.
    ///
    /// Of a name that two list nevertheless, the item is that of the source that was added first,
    /// and the other is counted as a duplicate.
    #[must_use]
    pub const fn disjoint(mut self) -> Self {
        self.is_disjoint = true;
        self
    }

    /// How long a source has for a listing; 30 s unless told otherwise.
    #[must_use]
    pub const fn with_time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }

    /// The same merger on another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The merger's numbers.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counts.counters().clone()
    }

    /// The listing of each source, all asked at once, in the order of the sources.
    async fn ask_all(&self) -> Vec<SourceResult<Listing>> {
        let mut asked = JoinSet::new();
        for (at, (_, source)) in self.sources.iter().enumerate() {
            let (source, clock, limit) = (Arc::clone(source), Arc::clone(&self.clock), self.time_limit);
            asked.spawn(async move {
                let listing = timeout(&*clock, limit, source.items()).await;
                let late = |elapsed| Err(SourceError::unavailable(source.name(), elapsed));
                (at, listing.unwrap_or_else(late))
            });
        }
        let mut answers: Vec<_> = self.sources.iter().map(|_| None).collect();
        while let Some(answer) = asked.join_next().await {
            if let Ok((at, listing)) = answer {
                answers[at] = Some(listing);
            }
        }
        let panicked = |source: &dyn WorkSource| {
            Err(SourceError::unavailable(source.name(), "it panicked when it was asked"))
        };
        let asked = self.sources.iter().zip(answers);
        asked.map(|((_, source), answer)| answer.unwrap_or_else(|| panicked(source))).collect()
    }

    fn merged(&self, answers: Vec<SourceResult<Listing>>) -> SourceResult<Listing> {
        if answers.iter().all(Result::is_err) && !answers.is_empty() {
            return answers.into_iter().collect::<SourceResult<Vec<_>>>().map(|_| Listing::default());
        }
        let mut merged = Listing::builder();
        let mut turns = Vec::new();
        for ((label, _), answer) in self.sources.iter().zip(answers) {
            match answer {
                Ok(mut listing) => {
                    merged.take_findings(&mut listing, label);
                    turns.push((label, listing.into_names().into_iter()));
                }
                Err(error) if planted("merger-hides-the-others") => return Err(error),
                Err(error) => merged.miss(format!("{label}: {}", with_sources(&error))),
            }
        }
        while !turns.is_empty() {
            turns.retain_mut(|(label, names)| {
                let Some(name) = names.next() else { return false };
                if self.is_disjoint { merged.add(name) } else { merged.offer(&format!("{label}/{name}")) }
            });
        }
        Ok(merged.build())
    }

    async fn find(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        if !self.is_disjoint {
            let Some((label, rest)) = name.as_str().split_once('/') else { return Ok(None) };
            let source = self.sources.iter().find(|(known, _)| known == label);
            return match (source, ItemName::new(rest)) {
                (Some((_, source)), Ok(rest)) => source.item(&rest).await,
                _ => Ok(None),
            };
        }
        let mut failed = None;
        for (_, source) in &self.sources {
            match source.item(name).await {
                Ok(Some(data)) => return Ok(Some(data)),
                Ok(None) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// Which of these names are whose, as each source itself calls them.
    fn apart(&self, names: &[ItemName]) -> Vec<Vec<(ItemName, ItemName)>> {
        let own = |label: &str, name: &ItemName| match self.is_disjoint {
            true => Some(name.clone()),
            false => ItemName::new(name.as_str().strip_prefix(label)?.strip_prefix('/')?).ok(),
        };
        let of = |(label, source): &(String, Arc<dyn WorkSource>)| {
            let told = names.iter().filter(|_| source.is_used_up());
            told.filter_map(|name| Some((own(label, name)?, name.clone()))).collect()
        };
        self.sources.iter().map(of).collect()
    }

    /// Tells all sources at once. What one does not let go of, or that fails, is kept.
    async fn tell(&self, names: &[ItemName], finish: Finish) -> SourceResult<Vec<ItemName>> {
        let mut told = JoinSet::new();
        let (mut kept, mut failed, mut answered) = (Vec::new(), None, 0);
        for ((_, source), theirs) in self.sources.iter().zip(self.apart(names)) {
            if theirs.is_empty() {
                continue;
            }
            let (source, clock, limit) = (Arc::clone(source), Arc::clone(&self.clock), self.time_limit);
            told.spawn(async move {
                let own: Vec<_> = theirs.iter().map(|(own, _)| own.clone()).collect();
                let answer = timeout(&*clock, limit, source.finished(&own, finish)).await;
                let answer =
                    answer.unwrap_or_else(|elapsed| Err(SourceError::unavailable(source.name(), elapsed)));
                (theirs, answer)
            });
        }
        while let Some(answer) = told.join_next().await {
            let (theirs, answer) = answer.map_err(|panic| SourceError::unavailable(&*self.name, panic))?;
            answered += usize::from(answer.is_ok());
            let held = answer.unwrap_or_else(|error| {
                failed = Some(error);
                theirs.iter().map(|(own, _)| own.clone()).collect()
            });
            let is_held = |own: &ItemName| held.contains(own);
            kept.extend(theirs.into_iter().filter(|(own, _)| is_held(own)).map(|(_, name)| name));
        }
        match failed {
            Some(error) if answered == 0 => Err(error),
            _ => Ok(kept),
        }
    }
}

/// An error and what it comes from, in one line.
fn with_sources(error: &SourceError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[async_trait::async_trait]
impl WorkSource for Merger {
    fn name(&self) -> &str {
        &self.name
    }

    /// The names of all sources, in turns. An error only if every source fails.
    async fn items(&self) -> SourceResult<Listing> {
        let answers = self.ask_all().await;
        self.counts.listed(self.merged(answers))
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        self.counts.fetched(self.find(name).await)
    }

    fn is_used_up(&self) -> bool {
        self.sources.iter().any(|(_, source)| source.is_used_up())
    }

    /// An error only if every source that has one of them fails; what one that fails may hold is kept.
    async fn finished(&self, names: &[ItemName], finish: Finish) -> SourceResult<Vec<ItemName>> {
        self.counts.finished(names.len(), self.tell(names, finish).await)
    }
}

impl Describe for Merger {
    fn describe(&self, blueprint: &mut Blueprint) {
        blueprint.add_node(Node::new("merger", &self.name).with_counters(self.counters()));
        for (_, source) in &self.sources {
            describe_behind(blueprint, source, &self.name);
        }
    }
}
