//! Whether what happened to a lock is what was promised.

use std::{fmt, ops::AddAssign};

use entourage::core::Moment;

use crate::report::{Answer, Report};

/// What happened to one lock.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// The epochs of the log's entries, in the order in which the store created them.
    pub(crate) log: Vec<u64>,
    /// What each contender said, in its order.
    pub(crate) contenders: Vec<Vec<Report>>,
}

/// How much happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) episodes: u64,
    /// Grants that followed another.
    pub(crate) takeovers: u64,
    /// Writes that are in a log.
    pub(crate) accepted: u64,
    /// Writes that the fence refused.
    pub(crate) refused: u64,
}

impl Counts {
    /// Demands that enough happened for the verdict to mean something.
    #[track_caller]
    pub(crate) fn demand(&self, episodes: u64, takeovers: u64, refused: u64) {
        assert!(
            self.episodes >= episodes && self.takeovers >= takeovers && self.refused >= refused,
            "too little happened: {self}; at least {episodes} episodes, {takeovers} takeovers and {refused} \
             refused writes are needed"
        );
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.episodes += other.episodes;
        self.takeovers += other.takeovers;
        self.accepted += other.accepted;
        self.refused += other.refused;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { episodes, takeovers, accepted, refused } = self;
        write!(
            f,
            "{episodes} episodes, {takeovers} takeovers, {accepted} writes accepted and {refused} refused"
        )
    }
}

/// The counts of a history; what is wrong with it, if anything is.
pub(crate) fn judge(history: &History) -> Result<Counts, Vec<String>> {
    let mut faults = Vec::new();
    let mut grants = Vec::new();
    let (mut told, mut refused) = (0, 0);
    for report in history.contenders.iter().flatten() {
        match *report {
            Report::Granted { epoch, at } => grants.push((at, epoch)),
            Report::Wrote { answer, .. } | Report::Late { answer, .. } => match answer {
                Answer::Accepted(_) => told += 1,
                Answer::Refused => refused += 1,
                Answer::Unknown => {}
            },
            Report::Lost { .. } => {}
        }
    }
    grants.sort_unstable();
    for pair in grants.windows(2) {
        if pair[1].1 <= pair[0].1 {
            faults.push(format!("E1: epoch {} was granted after {}", pair[1].1, pair[0].1));
        }
    }
    for pair in history.log.windows(2) {
        if pair[1] < pair[0] {
            faults.push(format!("E2: epoch {} was let in after {}", pair[1], pair[0]));
        }
    }
    let accepted = history.log.len() as u64;
    if accepted < told {
        faults.push(format!("E2: {told} writes were acknowledged, and {accepted} are in the log"));
    }
    for report in history.contenders.iter().flatten() {
        if let Report::Wrote { epoch, belief, .. } = *report {
            faults.extend(overlap(&grants, epoch, belief.at, belief.until));
        }
    }
    let takeovers = grants.len().saturating_sub(1) as u64;
    if faults.is_empty() { Ok(Counts { episodes: 0, takeovers, accepted, refused }) } else { Err(faults) }
}

/// E3: belief under `epoch` after another was granted. All read one machine's boot clock, which
/// nothing shifts here, and belief counts from when a renewal was sent: so its end comes before the
/// next grant however long a process stood still.
fn overlap(grants: &[(Moment, u64)], epoch: u64, at: Moment, until: Moment) -> Option<String> {
    let (next, by) = grants.iter().find(|(_, other)| *other > epoch)?;
    if at > *next {
        return Some(format!("E3: {epoch} was believed in {:?} after {by} was granted", at.since(*next)));
    }
    if until > *next {
        return Some(format!("E3: {epoch} believed in {:?} beyond the grant of {by}", until.since(*next)));
    }
    None
}

/// What a judge is worth shows in what it condemns.
pub(crate) mod tests {
    use entourage::core::Moment;

    use super::{Counts, History, judge};
    use crate::report::{Answer, Belief, Report};

    pub(crate) fn trials() -> Vec<(&'static str, fn())> {
        vec![
            ("a_sound_history_is_counted", a_sound_history_is_counted),
            ("a_log_that_goes_back_is_condemned", a_log_that_goes_back_is_condemned),
            ("an_epoch_that_is_granted_again_is_condemned", an_epoch_that_is_granted_again_is_condemned),
            ("belief_beyond_the_next_grant_is_condemned", belief_beyond_the_next_grant_is_condemned),
            ("a_report_is_read_as_it_is_said", a_report_is_read_as_it_is_said),
        ]
    }

    const fn at(number: u64) -> Moment {
        Moment::from_nanos(number)
    }

    const fn granted(epoch: u64, moment: u64) -> Report {
        Report::Granted { epoch, at: at(moment) }
    }

    const fn wrote(epoch: u64, moment: u64, until: u64) -> Report {
        Report::Wrote {
            epoch,
            belief: Belief { at: at(moment), until: at(until) },
            answer: Answer::Accepted(9),
        }
    }

    fn sound() -> History {
        History {
            log: vec![5, 5, 8],
            contenders: vec![
                vec![
                    granted(5, 10),
                    wrote(5, 11, 30),
                    wrote(5, 12, 30),
                    Report::Lost { epoch: 5, at: at(50) },
                    Report::Late { epoch: 5, answer: Answer::Refused },
                ],
                vec![granted(8, 40), wrote(8, 41, 70)],
            ],
        }
    }

    fn a_sound_history_is_counted() {
        let counts = Counts { episodes: 0, takeovers: 1, accepted: 3, refused: 1 };
        assert_eq!(judge(&sound()), Ok(counts));
    }

    #[track_caller]
    fn condemned(history: &History, promise: &str) {
        let faults = judge(history).expect_err("it is not sound");
        assert!(faults.iter().all(|fault| fault.starts_with(promise)), "{faults:?}");
    }

    fn a_log_that_goes_back_is_condemned() {
        condemned(&History { log: vec![5, 5, 8, 5], ..sound() }, "E2");
        condemned(&History { log: vec![5, 8], ..sound() }, "E2");
    }

    fn an_epoch_that_is_granted_again_is_condemned() {
        for epoch in [7, 8] {
            let mut history = sound();
            history.contenders[0].push(granted(epoch, 80));
            condemned(&history, "E1");
        }
    }

    fn belief_beyond_the_next_grant_is_condemned() {
        for (moment, until) in [(39, 41), (41, 41), (41, 30)] {
            let mut history = sound();
            history.contenders[0][2] = wrote(5, moment, until);
            condemned(&history, "E3");
        }
    }

    fn a_report_is_read_as_it_is_said() {
        let unknown = Report::Late { epoch: 5, answer: Answer::Unknown };
        for report in sound().contenders.concat().into_iter().chain([unknown]) {
            assert_eq!(Report::parse(&report.to_string()), Some(report));
        }
        assert_eq!(Report::parse("thread 'main' panicked"), None);
    }
}
