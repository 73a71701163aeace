//! What `--help` says of every command.

use std::time::Duration;

use crate::entourage;

const PATIENCE: Duration = Duration::from_secs(30);
const COMMANDS: [&[&str]; 13] = [
    &["ambassador", "shard"],
    &["ring", "explain"],
    &["ring", "diff"],
    &["election", "run"],
    &["election", "elect"],
    &["election", "observe"],
    &["workqueue", "run"],
    &["workqueue", "serve-source"],
    &["queue", "publish"],
    &["queue", "receive"],
    &["queue", "stats"],
    &["queue", "dead"],
    &["queue", "redrive"],
];

fn help(command: &[&str]) -> String {
    entourage().args(command).arg("--help").start().wait(PATIENCE).succeeded().stdout
}

/// The flags of a page, each with all that is said of it.
fn flags(page: &str) -> Vec<(String, String)> {
    let mut flags: Vec<(String, String)> = Vec::new();
    for line in page.lines() {
        let text = line.trim_start();
        let long = text.get(4..).filter(|_| text.get(2..4) == Some(", ")).unwrap_or(text);
        if let Some(name) = long.strip_prefix("--") {
            let name = name.split([' ', '<', '.']).next().unwrap_or_default();
            flags.push((format!("--{name}"), text.to_owned()));
        } else if let Some((_, said)) = flags.last_mut() {
            said.push(' ');
            said.push_str(text);
        }
    }
    flags
}

#[test]
fn every_flag_names_its_variable_and_its_default_with_the_unit() {
    let mut seen = 0;
    for command in COMMANDS {
        let page = help(command);
        let words = page.split("Usage:").next().unwrap_or_default().split_whitespace().count();
        assert!(words > 15, "{command:?} says in a sentence or two what it does: {page}");
        let usage = page.lines().find(|line| line.starts_with("Usage:")).expect("it says how it is used");
        for (name, said) in flags(&page).iter().filter(|(name, _)| name != "--help" && name != "--version") {
            seen += 1;
            let variable = format!("[env: ENTOURAGE_{}", name[2..].to_uppercase().replace('-', "_"));
            // Of what may hold a password the value is hidden.
            let is_named = ["=", "]"].iter().any(|end| said.contains(&format!("{variable}{end}")));
            assert!(is_named, "{command:?} {name}: {variable} is missing in {said}");
            let takes_value = said.starts_with(&format!("{name} <"));
            let has_default = said.contains("[default: ") || usage.contains(name);
            // Where nothing is served by default there is no address to name.
            if takes_value && name != "--admin" && !(command[0] == "election" && name == "--wait") {
                assert!(has_default, "{command:?} {name}: its default is missing in {said}");
            }
            if said.contains("<DURATION>") && said.contains("[default: ") {
                let default = said.rsplit("[default: ").next().unwrap_or_default();
                let is_time = default.starts_with(|c: char| c.is_ascii_digit()) && !default.starts_with("0]");
                assert!(is_time || default.starts_with("wait") || default.starts_with("for ever"), "{said}");
            }
        }
    }
    assert!(seen > 80, "{seen} flags are too few: the page is not understood");
}

#[test]
fn every_command_is_listed_where_it_is_looked_for() {
    let top = help(&[]);
    let secret = ["STORE", "SOURCE", "LEDGER", "QUEUE"]
        .iter()
        .fold(entourage(), |program, name| program.env(format!("ENTOURAGE_{name}"), "redis://me:hunter2@a"));
    for command in COMMANDS {
        assert!(top.contains(command[0]), "{top}");
        assert!(help(&command[..1]).contains(command[1]), "{command:?}");
        let page = secret.clone().args(command).arg("--help").start().wait(PATIENCE).succeeded();
        assert!(!page.stdout.contains("hunter2"), "{page:?}");
    }
}

#[test]
fn a_url_in_the_wrong_place_is_refused_without_its_password() {
    for arguments in [
        &["queue", "stats", "--queue", "memory:", "topic", "redis://me:hunter2@a"][..],
        &["queue", "redis://:hunter2@a"],
        &["--admin", "redis://hunter2@a"],
        &["--admin", "redis://me:hunter2@a"],
        &["workqueue", "run", "--lease=redis://me:hunter2@a"],
    ] {
        let refused = entourage().args(arguments).start().wait(PATIENCE);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(refused.stderr.contains("***@a") && !refused.stderr.contains("hunter2"), "{refused:?}");
    }
}
