//! The scene as lines of text.

use std::{fmt::Write as _, time::Duration};

use entourage::core::Moment;

use crate::{handover::seconds, member::State, scene::Scene};

/// Columns of a time line while it runs; with what stands before it, a line has less than 80.
const LIVE: u32 = 36;
/// Columns of the whole run's.
const WHOLE: u32 = 40;

/// What each replica is and did lately.
///
/// ```text
/// replica  state   epoch  writes  refused   the last 15.00 s
/// a        down               16        0   ██████████
/// b        leads      23      12        0   ················████████
/// c        waits               0        0   ························
/// nobody leads                                        ░░░░░░
/// ```
pub fn live(scene: &Scene, now: Moment, span: Duration) -> Vec<String> {
    let early = now.since(scene.began).saturating_sub(span);
    let times = Times { from: scene.began + early, columns: LIVE, column: span / LIVE, until: now };
    let (replica, state, epoch, writes, refused) = ("replica", "state", "epoch", "writes", "refused");
    let span = seconds(span);
    let mut lines =
        vec![format!("{replica:<9}{state:<7}{epoch:>6}{writes:>8}{refused:>9}   the last {span}")];
    for replica in &scene.replicas {
        let (name, state, epoch) = (&replica.name, word(replica.state()), replica.epoch);
        let epoch = epoch.map_or_else(String::new, |epoch| epoch.to_string());
        let (writes, refused) = (replica.writes, replica.refused);
        let row = times.row(|at| sign(replica.state_at(at)));
        lines.push(format!("{name:<9}{state:<7}{epoch:>6}{writes:>8}{refused:>9}   {row}"));
    }
    lines.push(format!("{:<42}{}", "nobody leads", times.vacant(scene)));
    if let Some(last) = &scene.counter {
        let mut line = String::new();
        let _ = write!(line, "the counter: {}, by {} under epoch {}", last.count, last.writer, last.epoch);
        lines.push(line);
    }
    trimmed(lines)
}

/// The whole run: a line for each replica, and one for nobody.
pub fn whole(scene: &Scene, until: Moment) -> Vec<String> {
    let span = until.since(scene.began);
    let times = Times { from: scene.began, columns: WHOLE, column: span / WHOLE, until };
    let mut lines: Vec<String> = Vec::new();
    for replica in &scene.replicas {
        lines.push(format!("{:<14}{}", replica.name, times.row(|at| sign(replica.state_at(at)))));
    }
    lines.push(format!("{:<14}{}", "nobody leads", times.vacant(scene)));
    lines.push(format!("{:<14}0 s{:>37}", "", seconds(span)));
    lines.push("█ leads   · waits   ▒ stands still   ░ nobody leads".to_owned());
    trimmed(lines)
}

fn trimmed(mut lines: Vec<String>) -> Vec<String> {
    lines.iter_mut().for_each(|line| line.truncate(line.trim_end().len()));
    lines
}

/// A stretch of time in columns.
struct Times {
    from: Moment,
    columns: u32,
    column: Duration,
    /// Nothing is known of later moments.
    until: Moment,
}

impl Times {
    /// A character for each column, of its middle.
    fn row(&self, of: impl Fn(Moment) -> char) -> String {
        let middles = (0..self.columns).map(|place| self.from + self.column * place + self.column / 2);
        middles.map(|at| if at <= self.until { of(at) } else { ' ' }).collect()
    }

    /// Where nobody led, however shortly.
    fn vacant(&self, scene: &Scene) -> String {
        let is_vacant = |middle: Moment| {
            let end = middle + self.column / 2;
            let meets = |(since, to): &(Moment, Option<Moment>)| {
                *since < end && to.is_none_or(|to| to + self.column > end)
            };
            scene.gaps.iter().any(meets)
        };
        self.row(|middle| if is_vacant(middle) { '░' } else { ' ' })
    }
}

const fn sign(state: State) -> char {
    match state {
        State::Down => ' ',
        State::Waits => '·',
        State::Leads => '█',
        State::Paused => '▒',
    }
}

const fn word(state: State) -> &'static str {
    match state {
        State::Down => "down",
        State::Waits => "waits",
        State::Leads => "leads",
        State::Paused => "paused",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entourage::core::Moment;

    use super::{live, whole};
    use crate::{
        event::{Event, What},
        handover::Cause,
        scene::Scene,
    };

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    /// `a` leads from 1 s on and is killed at 2 s; `b` leads from 3 s on.
    fn scene() -> Scene {
        let mut scene = Scene::new(at(0), ["a", "b"].map(str::to_owned));
        scene.hears(0, Event { at: at(1_000), what: What::Leads { epoch: 5 } });
        scene.waits(at(1_000), 1);
        scene.leaves(at(2_000), 0, Cause::Killed);
        scene.hears(1, Event { at: at(3_000), what: What::Leads { epoch: 9 } });
        scene
    }

    #[test]
    fn the_whole_run_shows_who_led_and_when_nobody_did() {
        let lines = whole(&scene(), at(4_000));
        let drawn: Vec<&str> = lines[..3].iter().map(|line| &line[14..]).collect();
        let ten = |sign: &str| sign.repeat(10);
        let expected = [
            format!("{}{}", ten(" "), ten("█")),
            format!("{}{}{}", ten(" "), ten("·").repeat(2), ten("█")),
            format!("{}{}{}", ten("░"), ten(" "), ten("░")),
        ];
        assert_eq!(drawn, expected);
    }

    #[test]
    fn a_live_line_has_less_than_eighty_columns_and_no_future() {
        for span in [500, 4_000, 100_000].map(Duration::from_millis) {
            let lines = live(&scene(), at(4_000), span);
            assert!(lines.iter().all(|line| line.chars().count() < 80), "{lines:#?}");
            assert!(lines[2].starts_with("b        leads       9       0        0   "), "{lines:#?}");
        }
        let lines = live(&scene(), at(4_000), Duration::from_secs(36));
        assert!(lines[2].ends_with(" ··█"), "{lines:#?}");
    }

    #[test]
    fn a_gap_that_is_shorter_than_a_column_is_seen() {
        let mut scene = scene();
        scene.leaves(at(5_000), 1, Cause::Released);
        scene.hears(0, Event { at: at(5_006), what: What::Leads { epoch: 12 } });
        let lines = whole(&scene, at(8_000));
        assert_eq!(lines[2].matches('░').count(), 5 + 5 + 1, "{lines:#?}");
    }
}
