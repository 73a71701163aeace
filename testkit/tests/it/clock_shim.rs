//! Clocks of a process that are not the machine's.

use std::{io::Write as _, time::Duration};

use entourage_core::{Clock, Moment, SystemClock};
use entourage_testkit::{ClockShim, Process, Requirement, ShiftedClocks, let_pass, mimic::Trial};
use rustix::time::{ClockId, clock_gettime};

use crate::{DEADLINE, process::helper};

/// More than passes between two looks at a clock.
const HOUR: Duration = Duration::from_secs(3_600);
/// As much as may pass between them, on a busy machine.
const SLACK: Duration = Duration::from_secs(600);

pub(crate) fn trials() -> Vec<Trial> {
    let trial =
        |name: &str, body: fn()| Requirement::from(ClockShim::available()).trial("clock-shim", name, body);
    vec![
        trial("a_suspend_moves_the_boot_clock_and_the_walls_and_no_other", suspended),
        trial("a_pause_that_was_a_sleep_is_not_counted_by_the_monotonic_clock", slept),
        trial("a_clock_that_is_set_ahead_shows_it_from_the_next_look", advanced),
        trial("a_clock_runs_at_the_rate_that_was_asked_for_and_never_back", rated),
    ]
}

/// What the clocks of a process show, in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Shown {
    system: i128,
    monotonic: i128,
    wall: i128,
}

/// Says again and again what `SystemClock` and the others show: the whole life of a process.
pub(crate) fn tell_the_time() {
    let nanos = |id| {
        let time = clock_gettime(id);
        i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
    };
    loop {
        let system = SystemClock::new().now().as_nanos();
        let (monotonic, wall) = (nanos(ClockId::Monotonic), nanos(ClockId::Realtime));
        if writeln!(std::io::stdout(), "{system} {monotonic} {wall}").is_err() {
            return;
        }
        let_pass(Duration::from_millis(1));
    }
}

/// A process that tells the time, by clocks that are not the machine's.
struct Teller {
    clocks: ShiftedClocks,
    process: Process,
    /// How many of its lines were looked at.
    seen: usize,
}

impl Teller {
    fn start() -> Self {
        let clocks = ClockShim::new().clocks();
        let process = clocks.shift(helper("clocks")).start();
        Self { clocks, process, seen: 0 }
    }

    /// What the clocks show after this call has begun.
    fn next(&mut self) -> Shown {
        // The line after the one that may be under way.
        let fresh = self.process.stdout().lines().count() + 2;
        let seen = &mut self.seen;
        let is_fresh = |_: &str| {
            *seen += 1;
            *seen >= fresh
        };
        let line = self.process.wait_line("the time", is_fresh, DEADLINE);
        let mut numbers = line.split(' ').map(|number| number.parse().expect("a number is said"));
        let mut number = || numbers.next().expect("there are three");
        Shown { system: number(), monotonic: number(), wall: number() }
    }
}

/// Whether `after` is later than `before` by this time, and by what may have passed.
#[track_caller]
fn assert_later(what: &str, by: Duration, before: i128, after: i128) {
    let (least, passed) = (by.as_nanos() as i128, after - before);
    assert!(
        (least..least + SLACK.as_nanos() as i128).contains(&passed),
        "{what} is {passed} ns later, not {least}"
    );
}

fn suspended() {
    let mut teller = Teller::start();
    let before = teller.next();
    assert_eq!(teller.clocks.readers(), 1);
    teller.clocks.suspend(HOUR);
    let after = teller.next();
    assert_later("the boot clock", HOUR, before.system, after.system);
    assert_later("the wall's clock", HOUR, before.wall, after.wall);
    assert_later("the monotonic clock", Duration::ZERO, before.monotonic, after.monotonic);
    let own = i128::from(SystemClock::new().now().as_nanos());
    assert!(own < before.system + HOUR.as_nanos() as i128, "the machine's own clock was set");
}

fn slept() {
    let mut teller = Teller::start();
    let before = teller.next();
    teller.process.pause();
    let pause = Duration::from_secs(1);
    let_pass(pause);
    // What it says from now on was read after the pause, but for the line under way.
    teller.clocks.slept(pause - Duration::from_millis(100));
    teller.process.resume();
    let after = teller.next();
    let (boot, monotonic) = (after.system - before.system, after.monotonic - before.monotonic);
    // Two clocks are never read at once.
    let missing = boot - monotonic;
    assert!((500_000_000..1_500_000_000).contains(&missing), "{boot} ns and {monotonic} ns passed");
    assert!(monotonic > 0, "it was turned back");
}

fn advanced() {
    let mut teller = Teller::start();
    let before = teller.next();
    teller.clocks.advance(HOUR);
    let after = teller.next();
    assert_later("the boot clock", HOUR, before.system, after.system);
    assert_later("the wall's clock", HOUR, before.wall, after.wall);
    assert_later("the monotonic clock", HOUR, before.monotonic, after.monotonic);
}

fn rated() {
    let mut teller = Teller::start();
    let truth = || Moment::as_nanos(SystemClock::new().now());
    for (rate, numerator) in [(2.0, 20), (0.5, 5)] {
        // Standing still, so that no look comes between the change and what is noted of it.
        teller.process.pause();
        teller.clocks.run_at(rate);
        teller.process.resume();
        let (early, first) = (truth(), teller.next());
        let_pass(Duration::from_millis(500));
        let (last, late) = (teller.next(), truth());
        let shown = last.system - first.system;
        let longest = i128::from(late - early) * numerator / 10;
        assert!(shown <= longest, "{shown} ns at a rate of {rate}, at most {longest}");
        let least = Duration::from_millis(500).as_nanos() as i128 * numerator / 10;
        assert!(shown >= least, "{shown} ns at a rate of {rate}, at least {least}");
    }
    let told: Vec<i128> =
        teller.process.stdout().lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect();
    assert!(told.is_sorted(), "it went back");
}
