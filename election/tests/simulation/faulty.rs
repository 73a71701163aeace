//! Faults that are planted in the shipped code, each of which the simulation must find.

use std::{env, time::Duration};

use entourage_core::planted;
use entourage_testkit::Program;

/// Within so many seeds each is found.
const SEEDS: u64 = 10_000;
/// Longer than that many take on any machine.
const DEADLINE: Duration = Duration::from_secs(600);
/// No fault of the code: whether faults are compiled in.
const PROBE: &str = "nothing";

/// Every fault that must be found, and the promise that it breaks.
const FAULTS: &[(&str, &str)] = &[
    ("election-guards-nothing", "a write of a former owner is checked by nobody"),
    ("fence-unchecked", "the sink lets everything in"),
    ("lease-reads-a-wall-clock", "belief is measured by a clock that is set back"),
    ("lease-trusts-receipt", "belief counts from when a renewal was answered"),
    ("lease-trusts-silence", "a renewal without an answer counts as confirmed"),
    ("lease-renews-after-expiry", "a late confirmation brings back what was over"),
    ("lease-cached-is-held", "whether it is held is not read from the clock"),
    ("lease-without-margin", "belief lasts for the whole time to live"),
    ("timings-margin-off-by-one", "belief lasts for four fifths and not three quarters"),
    ("election-unlocks-any-version", "a key is deleted whoever has come to own it"),
    ("election-withdraws-a-later-life", "a key is deleted that a later life has taken over"),
    ("election-claims-without-its-key", "a claim does not look whether its key is there"),
    ("election-hands-over-late", "who is no owner any more writes the fence for the next one"),
    ("election-hands-over-to-nobody", "the fence is written for whoever is gone again"),
    ("election-inherits-without-a-look", "who comes first takes it for handed over"),
    ("election-resumes-its-epoch", "a resumed ownership keeps the epoch of the earlier life"),
    ("election-epoch-is-the-creation", "the epoch is that of the place in the queue"),
    ("election-keeps-the-epoch-it-waited-with", "the epoch is that with which it came"),
    ("election-ignores-the-queue", "whoever waits claims"),
    ("election-releases-before-the-end", "guarded work goes on after its release"),
    ("election-dies-with-its-session", "who loses its session gives up"),
    ("store-repeats-fence", "a resumed session has the fence of the earlier life"),
    ("store-watch-skips", "a change is not shown to who waits"),
];

/// Whether this build has faults in it: a child asks, since one process knows one fault.
fn is_compiled_in() -> bool {
    let mut child = Program::this_test().env("ENTOURAGE_PLANTED", PROBE).arg("--probe").start();
    child.wait(Duration::from_secs(60)).stdout.contains("true")
}

/// What the child answers.
pub(crate) fn probe() {
    println!("{}", planted(PROBE));
}

/// Plants each fault, or the one that is named, in a child of its own, and says at which seed it
/// was caught; false if one was not.
pub(crate) fn find_all(named: Option<&str>) -> bool {
    if !is_compiled_in() {
        println!("no fault is compiled in; add --features entourage-core/planted");
        return false;
    }
    let mut all = true;
    for (fault, what) in FAULTS.iter().filter(|(fault, _)| named.is_none_or(|named| named == *fault)) {
        let seeds = SEEDS.to_string();
        let mut child = Program::this_test()
            .env("ENTOURAGE_PLANTED", fault)
            .env_remove("ENTOURAGE_SEED")
            .args(["--from", "0", "--seeds", &seeds])
            .start();
        let finished = child.wait(DEADLINE);
        let caught = finished.stdout.lines().find(|line| line.starts_with("seed "));
        all &= caught.is_some();
        println!("{fault} ({what}): {}", caught.unwrap_or("NOT CAUGHT"));
    }
    all && env::var_os("ENTOURAGE_SEED").is_none()
}
