//! What cannot work, and what is only looked at.

use std::fs;

use entourage_testkit::{Finished, Program, Scratch};

use super::PATIENCE;
use crate::entourage;

const SOUND: &str = "alpha:\n  listen: 127.0.0.1:1\n  servers:\n   - 127.0.0.1:2:1\n   - 127.0.0.1:3:1\n";

fn ran(scratch: &Scratch, config: &str, flags: &[&str]) -> Finished {
    let file = scratch.join("nutcracker.yml");
    fs::write(&file, config).expect("it can be written");
    let program = entourage().args(["ambassador", "shard", "--stats-port", "0", "-c"]).arg(file);
    program.args(flags).start().wait(PATIENCE)
}

#[test]
fn a_file_is_tested_in_nutcrackers_words_and_with_its_status() {
    let scratch = Scratch::new();
    let file = scratch.join("nutcracker.yml").display().to_string();
    for flag in ["-t", "--test-conf"] {
        let sound = ran(&scratch, SOUND, &[flag]);
        assert_eq!(sound.status.code(), Some(0), "{sound:?}");
        assert!(sound.stderr.ends_with(&format!("configuration file '{file}' syntax is ok\n")), "{sound:?}");
        let broken = ran(&scratch, "alpha:\n  listen: 1\n", &[flag]);
        assert_eq!(broken.status.code(), Some(1), "{broken:?}");
        let said = format!("configuration file '{file}' syntax is invalid\n");
        assert!(broken.stderr.ends_with(&said) && broken.stderr.contains("line 2: "), "{broken:?}");
    }
}

#[test]
fn what_cannot_work_is_refused_with_status_2_before_anything_is_served() {
    let scratch = Scratch::new();
    let password = "alpha:\n  listen: 127.0.0.1:1\n  redis_auth: hunter2\n  servers:\n   - 127.0.0.1:2:1\n";
    for (config, flags, says) in [
        ("alpha:\n  listen: 1\n", &["--check"][..], "line 2: "),
        ("alpha:\n  listen: 1\n", &[], "line 2: "),
        (password, &["--check"], "redis: true"),
        (&SOUND.replace("127.0.0.1:2", "redis://:hunter2@a:2"), &["--check"], "redis://***@a:2:1"),
        (
            SOUND,
            &["--tls-cert", "/no/such/pair", "--tls-key", "/no/such/key", "--check"],
            "/no/such/pair cannot",
        ),
        (SOUND, &["-c", "/no/such/file", "--check"], "cannot be used multiple times"),
        (SOUND, &["-d"], "foreground"),
        (SOUND, &["--verbose", "12"], "0..=11"),
        (SOUND, &["--stats-port", "65536"], "cannot be used multiple times"),
        (SOUND, &["--on-ejected", "shrug"], "rehash"),
        (SOUND, &["--reactors", "0"], "--reactors"),
        (
            SOUND,
            &["--reactors", "2", "--warm-up", "1s", "--check"],
            "a warm-up needs one thread, and 2 are configured",
        ),
        (
            &SOUND.replace("  servers:", "  server_connections: 2\n  servers:"),
            &["--warm-up", "1s", "--check"],
            "pool \"alpha\" has 2; configure `server_connections: 1`",
        ),
        (SOUND, &["--auth-user", "u", "--auth-file", "/no/such/file", "--check"], "/no/such/file cannot be"),
        (SOUND, &["--auth-user", "u", "--auth-file", "/dev/zero", "--check"], "is longer than"),
    ] {
        let refused = ran(&scratch, config, flags);
        assert_eq!(refused.status.code(), Some(2), "{flags:?}: {refused:?}");
        assert!(refused.stderr.contains(says), "{flags:?} {says:?}: {refused:?}");
        assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
    }
    let misplaced = entourage().args(["ambassador", "shard", "-c", "redis://u:hunter2@a:1"]);
    let refused = misplaced.start().wait(PATIENCE);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(refused.stderr.contains("redis://u:***@a:1"), "{refused:?}");
    let absent = entourage().args(["ambassador", "shard", "-c", "/no/such/file"]).start().wait(PATIENCE);
    assert_eq!(absent.status.code(), Some(2), "{absent:?}");
    assert!(absent.stderr.contains("/no/such/file") && absent.stderr.contains("with -c"), "{absent:?}");
    let sound = ran(&scratch, SOUND, &["--check", "-v", "0", "-i", "30000", "-m", "16384"]);
    assert_eq!((sound.status.code(), sound.stderr.as_str()), (Some(0), ""), "{sound:?}");
}

#[test]
fn an_address_that_is_taken_ends_it_with_1_and_leaves_nothing() {
    let scratch = Scratch::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = listener.local_addr().expect("it has an address");
    let pid_file = scratch.join("pid").display().to_string();
    let config = SOUND.replace("127.0.0.1:1\n", &format!("{taken}\n"));
    let ended = ran(&scratch, &config, &["-p", &pid_file]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("\"alpha\"") && ended.stderr.contains(&taken.to_string()), "{ended:?}");
    assert!(!scratch.join("pid").exists());
    let file = scratch.join("nutcracker.yml");
    let port = taken.port().to_string();
    let program = entourage().args(["ambassador", "shard", "-s", &port, "-c"]).arg(file);
    let ended = program.start().wait(PATIENCE);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("choose another --stats-port"), "{ended:?}");
}

#[test]
fn the_statistics_are_described_with_nutcrackers_names() {
    let described = entourage().args(["ambassador", "shard", "-D"]).start().wait(PATIENCE).succeeded();
    for name in
        ["pool stats:", "server stats:", "client_eof", "out_queue_bytes", "entourage_ambassador_clients"]
    {
        assert!(described.stdout.contains(name), "{name}: {}", described.stdout);
    }
    // It begins once nobody reads.
    let script =
        "trap '' PIPE; { while echo 2>&-; do :; done; \"$0\" ambassador shard -D; echo $? >&2; } | :";
    let left = Program::new("sh").args(["-c", script]);
    let left = left.arg(env!("CARGO_BIN_EXE_entourage")).start().wait(PATIENCE);
    assert_eq!(left.stderr, "0\n", "a reader that leaves is no failure");
}

#[test]
fn an_address_in_brackets_is_looked_for_without_them() {
    let scratch = Scratch::new();
    // One that no machine has: whether this one speaks IPv6 does not matter.
    let refused = ran(&scratch, SOUND, &["--stats-addr", "[2001:db8::1]"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("listen at 2001:db8::1 port 0; choose another --stats-port or"),
        "{refused:?}"
    );
}
