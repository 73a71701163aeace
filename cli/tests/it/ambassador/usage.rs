//! What cannot work, and what is only looked at.

use std::fs;

use entourage_testkit::{Finished, Scratch};

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
        (SOUND, &["-c", "/no/such/file", "--check"], "cannot be used multiple times"),
        (SOUND, &["-d"], "foreground"),
        (SOUND, &["--verbose", "12"], "0..=11"),
        (SOUND, &["--stats-port", "65536"], "cannot be used multiple times"),
        (SOUND, &["--on-ejected", "shrug"], "rehash"),
        (SOUND, &["--reactors", "0"], "--reactors"),
    ] {
        let refused = ran(&scratch, config, flags);
        assert_eq!(refused.status.code(), Some(2), "{flags:?}: {refused:?}");
        assert!(refused.stderr.contains(says), "{flags:?} {says:?}: {refused:?}");
        assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
    }
    let absent = entourage().args(["ambassador", "shard", "-c", "/no/such/file"]).start().wait(PATIENCE);
    assert_eq!(absent.status.code(), Some(2), "{absent:?}");
    assert!(absent.stderr.contains("/no/such/file"), "{absent:?}");
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
}
