//! The log, as nutcracker's users have it.

use std::fs;

use entourage_testkit::eventually;
use rustix::process::Signal;

use super::{PATIENCE, Site};

#[test]
fn the_log_is_a_file_that_is_opened_anew_and_told_more_and_less() {
    let Some(site) = Site::new() else { return };
    let (log, moved) = (site.scratch.join("proxy.log"), site.scratch.join("proxy.log.1"));
    let proxy = site.start(&["--output", &log.display().to_string(), "-v", "6"]);
    let has = |path: &std::path::Path, what: &str| {
        eventually(PATIENCE, &format!("{what:?} is in the log"), || {
            fs::read_to_string(path).ok().filter(|log| log.contains(what))
        });
    };
    has(&log, "a pool is served");
    fs::rename(&log, &moved).expect("it can be moved");
    proxy.signal(Signal::HUP);
    has(&log, "taken anew");
    proxy.signal(Signal::TTIN);
    has(&log, "\"level\":\"debug\"");
    proxy.signal(Signal::TTOU);
    has(&log, "\"level\":\"info\"");
    assert_eq!(proxy.process.stderr(), "", "all of it is in the file");
    proxy.end();
}
