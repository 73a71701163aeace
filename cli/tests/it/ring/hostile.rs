//! What makes no sense, has no end, or is not read.

use super::{PATIENCE, piped, ring};

#[test]
fn what_makes_no_sense_is_refused_with_status_2() {
    for (args, says) in [
        (&["explain"][..], "--server"),
        (&["explain", "-c", "/no/such/file"], "/no/such/file"),
        (&["explain", "--pool", "alpha", "--server", "a"], "--pool"),
        (&["explain", "--server", "a", "--dialect", "chord"], "entourage"),
        (&["explain", "--server", "a", "--hash", "md5"], "--dialect twemproxy"),
        (&["explain", "--server", "a", "--dialect", "twemproxy", "--hash", "md6"], "jenkins"),
        (&["explain", "--server", "a", "--tag", "{"], "two bytes"),
        (&["explain", "--server", "a a"], "twice"),
        (&["explain", "--server", "a*0"], "weight"),
        (&["explain", "--server", "a*4294967295"], "points"),
        (&["diff"], "-c OLD -c NEW"),
        (&["diff", "--server", "a"], "--new-server"),
        (&["diff", "-c", "/no/such/file"], "-c OLD -c NEW"),
        (&["diff", "-c", "a", "-c", "b", "--new-server", "a"], "two files"),
        (&["diff", "--server", "a", "--dialect", "nginx-ip", "--new-dialect", "nginx"], "addresses"),
    ] {
        let refused = ring(args, b"key\n");
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {refused:?}");
        assert!(refused.stderr.contains(says) && refused.stdout.is_empty(), "{args:?}: {refused:?}");
    }
    let sound = ring(["explain", "--server", "a", "--check"], b"key\n").succeeded();
    assert_eq!((sound.stdout.as_str(), sound.stderr.as_str()), ("", ""));
}

#[test]
fn a_line_without_end_is_refused_and_what_came_before_is_answered() {
    let mut input = b"first\n".to_vec();
    input.resize(2 * 1024 * 1024, b'k');
    let refused = ring(["explain", "--server", "a"], &input);
    assert_eq!(refused.status.code(), Some(1), "{:?}", refused.stderr);
    assert!(refused.stderr.contains("line 2 is longer"), "{:?}", refused.stderr);
    assert!(refused.stdout.contains("\"first\""), "{:?}", refused.stdout);
    let hex = ring(["explain", "--server", "a", "--hex"], b"zz\n");
    assert!(hex.status.code() == Some(1) && hex.stderr.contains("line 1 is not"), "{hex:?}");
}

#[test]
fn a_reader_that_leaves_is_no_failure_and_one_that_waits_is_answered() {
    let left = "yes key | { \"$ENTOURAGE\" ring explain --server a; echo \"status $?\" >&2; } | head -n 1";
    let left = piped(left).start().wait(PATIENCE);
    assert!(left.stdout.contains("\"server\":\"a\"") && left.stderr.contains("status 0"), "{left:?}");
    // Each is asked only once the one before is answered.
    let script = "mkfifo \"$0\" && \"$ENTOURAGE\" ring explain --server a < \"$0\" | { exec 3> \"$0\"
        for key in one two; do echo $key >&3; read -r said; echo \"$said\"; done; exec 3>&-; cat; }";
    let scratch = entourage_testkit::Scratch::new();
    let asked = piped(script).arg(scratch.join("fifo")).start().wait(PATIENCE).succeeded();
    assert_eq!(asked.stdout.lines().count(), 2, "{asked:?}");
}
