//! The commands on the crate's page, run as they stand there.

use std::{fs, os::unix::fs::symlink, time::Duration};

use entourage_testkit::{Program, Scratch};

const PAGE: &str = include_str!("../../README.md");

/// The fenced blocks of a language below a heading, each with the `text` block right behind it.
fn blocks(heading: &str) -> Vec<(String, Option<String>)> {
    let (_, section) = PAGE.split_once(&format!("\n## {heading}\n")).expect("the section is there");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut blocks: Vec<(String, Option<String>)> = Vec::new();
    let mut rest = section;
    while let Some((_, fenced)) = rest.split_once("```") {
        let (block, behind) = fenced.split_once("```").expect("a block ends");
        let (language, body) = block.split_once('\n').expect("a block has lines");
        match (language, blocks.last_mut()) {
            ("sh", _) => blocks.push((body.to_owned(), None)),
            ("text", Some((_, said))) => *said = Some(body.to_owned()),
            other => panic!("nobody runs a block of {other:?}"),
        }
        rest = behind;
    }
    blocks
}

fn runs(heading: &str) {
    let scratch = Scratch::new();
    let (bin, here) = (scratch.join("bin"), scratch.join("here"));
    for folder in [&bin, &here] {
        fs::create_dir(folder).expect("it can be made");
    }
    symlink(env!("CARGO_BIN_EXE_entourage"), bin.join("entourage")).expect("it can be linked");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let blocks = blocks(heading);
    assert!(!blocks.is_empty(), "{heading} has commands");
    for (script, said) in blocks {
        let shell = Program::new("sh").args(["-euc", &script]).env("PATH", &path);
        let finished = shell.current_dir(&here).start().wait(Duration::from_secs(60)).succeeded();
        if let Some(said) = said {
            assert_eq!(finished.stdout, said, "{script}");
        }
    }
}

#[test]
fn the_commands_of_work_queues_do_what_the_page_says() {
    runs("A command for every file");
}

#[test]
fn the_commands_of_queues_do_what_the_page_says() {
    runs("A queue in a script");
}

#[test]
fn the_commands_of_rings_do_what_the_page_says() {
    runs("Where keys go");
}
