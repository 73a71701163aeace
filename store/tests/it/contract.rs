//! The contract and the list of cases say the same.

use std::collections::BTreeSet;

use entourage_store::conformance::{NEED_HISTORY, NEED_REOPEN, cases};

/// The sentences of the trait's contract, each an item of its list.
fn contract() -> Vec<String> {
    let source = include_str!("../../src/store.rs");
    let section = source.split("/// # Contract").nth(1).expect("the trait has a contract");
    let docs = section.lines().skip(1).map_while(|line| line.strip_prefix("///")).map(str::trim);
    let mut sentences: Vec<String> = Vec::new();
    for line in docs {
        match (line.strip_prefix("* "), sentences.last_mut()) {
            (Some(begin), _) => sentences.push(begin.to_owned()),
            (None, Some(sentence)) if !line.is_empty() && !line.ends_with(':') => {
                sentence.push(' ');
                sentence.push_str(line);
            }
            _ => {}
        }
    }
    sentences
}

/// What stands in backticks and is no path of Rust's.
fn names(sentence: &str) -> impl Iterator<Item = &str> {
    sentence.split('`').skip(1).step_by(2).filter(|name| name.contains('_') && !name.contains("::"))
}

#[test]
fn every_sentence_of_the_contract_names_its_cases_and_every_case_is_named() {
    let listed: BTreeSet<&str> = cases().iter().map(entourage_engine::conformance::Case::name).collect();
    let contract = contract();
    let mut named = BTreeSet::new();
    for sentence in &contract {
        let mut names = names(sentence).peekable();
        assert!(names.peek().is_some(), "no case checks: {sentence}");
        for name in names {
            assert!(listed.contains(name), "{name} is in no list: {sentence}");
            named.insert(name);
        }
    }
    let unnamed: Vec<_> = listed.difference(&named).collect();
    assert!(unnamed.is_empty(), "no sentence of the contract names {unnamed:?}");
}

#[test]
fn no_case_has_the_name_of_another() {
    let all = cases();
    let names: BTreeSet<&str> = all.iter().map(entourage_engine::conformance::Case::name).collect();
    assert_eq!(names.len(), all.len());
    assert!(all.len() >= 40, "{} cases", all.len());
}

#[test]
fn what_a_case_needs_is_said_of_a_case_that_there_is() {
    let all = cases();
    for name in [NEED_REOPEN, NEED_HISTORY].concat() {
        assert!(all.iter().any(|case| case.name() == name), "{name} is in no list");
    }
}
