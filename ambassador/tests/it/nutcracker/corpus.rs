//! Files of our own, right and wrong, each with what is said of it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use entourage_ambassador::nutcracker::{Config, Unusable};

/// The files of a folder of `tests/configs`, by name.
pub(super) fn files(folder: &str) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(folder_of(folder)).expect("the corpus is there");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let files = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yml"));
    let name = |path: &PathBuf| path.file_stem().expect("it has a name").to_string_lossy().into_owned();
    files.map(|path| (name(&path), path)).collect()
}

fn folder_of(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs").join(folder)
}

/// What is expected of the files: a line for each thing said, `name: what`.
fn expected(folder: &str) -> String {
    fs::read_to_string(folder_of(folder).join("expected.txt")).unwrap_or_default()
}

#[track_caller]
fn assert_said(folder: &str, said: &[String]) {
    let expected = expected(folder);
    let wrong: Vec<_> = said.iter().filter(|said| !expected.lines().any(|line| line == *said)).collect();
    assert!(wrong.is_empty(), "not as in {folder}/expected.txt:\n{wrong:#?}");
    assert_eq!(
        expected.lines().count(),
        said.len(),
        "{folder}/expected.txt has lines of files that are gone"
    );
}

#[test]
fn every_invalid_file_is_refused_with_its_line_and_reason() {
    let files = files("invalid");
    assert!(files.len() >= 60, "{} files", files.len());
    let refusal = |(name, path): (&String, &PathBuf)| match Config::read(path) {
        Ok(_) => panic!("{name} is taken"),
        Err(Unusable::Invalid { source, .. }) => {
            let bytes = fs::read(path).expect("it can be read");
            let lines = bytes.split(|byte| *byte == b'\n').count();
            assert!((1..=lines).contains(&source.line()), "{name}: {source}");
            format!("{name}: {source}")
        }
        Err(other) => panic!("{name}: {other}"),
    };
    assert_said("invalid", &files.iter().map(refusal).collect::<Vec<_>>());
}

#[test]
fn every_valid_file_is_taken_with_its_warnings() {
    let files = files("valid");
    assert!(files.len() >= 20, "{} files", files.len());
    let said = files.iter().flat_map(|(name, path)| {
        let config = Config::read(path).unwrap_or_else(|unusable| panic!("{name}: {:?}", unusable));
        let said = config.warnings().iter().map(|warning| format!("{name}: {warning}"));
        said.collect::<Vec<_>>()
    });
    assert_said("valid", &said.collect::<Vec<_>>());
}

#[test]
fn no_message_has_a_password_in_it() {
    for folder in ["valid", "invalid"] {
        assert!(!expected(folder).contains("hunter"), "{folder}");
        for path in files(folder).values() {
            let said = format!("{:?}", Config::read(path));
            assert!(!said.contains("hunter"), "{said}");
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let unusable = Config::read("/nonexistent/nutcracker.yml").expect_err("it is not there");
    assert!(unusable.to_string().contains("/nonexistent/nutcracker.yml"), "{unusable}");
}
