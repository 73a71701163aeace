//! What a command says, however much it is.

use std::time::Duration;

use entourage_workqueue::{Ended, Outcome};

use crate::bench::{Bench, is_retry};

#[tokio::test]
async fn ten_megabytes_of_output_are_read_and_their_ends_kept() {
    let bench = Bench::new();
    let script = r#"
import sys
for stream in (sys.stdout, sys.stderr):
    stream.write("begin" + "x" * 10_000_000 + "end")
"#;
    let report =
        bench.once(&bench.python(script).output_limit(1000).time_limit(Duration::from_secs(60))).await;
    assert_eq!(report.outcome, Outcome::Done);
    for output in [&report.stdout, &report.stderr] {
        assert_eq!((output.written(), output.left_out()), (10_000_008, 9_999_008));
        let text = output.to_string();
        assert!(text.starts_with("beginxxx") && text.ends_with("xxxend"), "{text}");
        assert!(text.contains("[9999008 bytes left out]"));
    }
}

#[tokio::test]
async fn a_command_that_never_stops_talking_is_ended_in_time() {
    let bench = Bench::new();
    let worker = bench.sh("yes & yes >&2").time_limit(Duration::from_secs(5)).output_limit(100);
    let report = bench.once(&worker).await;
    assert!(is_retry(&report.outcome));
    assert_eq!(report.ended, Ended::OutOfTime);
    assert!(report.stdout.left_out() > 0 && report.stderr.left_out() > 0);
}

#[tokio::test]
async fn output_that_is_no_text_is_told_all_the_same() {
    let bench = Bench::new();
    let report = bench.once(&bench.sh(r"printf '\377\376\000\033[31mred\n' >&2; exit 65")).await;
    let Outcome::Dead(why) = report.outcome else { panic!("{report:?}") };
    assert_eq!(why, "exit status 65: \u{fffd}\u{fffd}[31mred");
}
