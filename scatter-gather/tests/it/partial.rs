//! What a partial answer says of itself.

use entourage_scatter_gather::{Gathering, Policy, Refused};

#[test]
fn s6_a_partial_answer_says_so() {
    let mut gathering = Gathering::new(4);
    gathering.answer(1, "b").expect("it is out");
    gathering.fail(3, "refused").expect("it is out");
    let gathered = gathering.finish(|_| "late");
    assert_eq!(*gathered.value(), [None, Some("b"), None, None]);
    assert!(!gathered.is_whole());
    assert_eq!((gathered.coverage().answered(), gathered.coverage().asked()), (1, 4));
    assert!(gathered.enough_for(Policy::All).is_err());
}

#[test]
fn s6_each_part_that_is_missing_has_its_reason() {
    let mut gathering = Gathering::new(4);
    gathering.answer(1, ()).expect("it is out");
    gathering.fail(3, "refused".to_owned()).expect("it is out");
    let gathered = gathering.finish(|part| format!("late {part}"));
    let (_, coverage, failures) = gathered.into_parts();
    assert_eq!(failures.len(), coverage.missing());
    let reasons: Vec<_> =
        failures.iter().map(|failure| (failure.part(), failure.reason().as_str())).collect();
    assert_eq!(reasons, [(3, "refused"), (0, "late 0"), (2, "late 2")]);
}

#[test]
fn s6_a_part_counts_once() {
    let mut gathering = Gathering::new(2);
    gathering.answer(0, "first").expect("it is out");
    assert_eq!(gathering.answer(0, "second"), Err(Refused::AnsweredAlready { part: 0 }));
    assert_eq!(gathering.fail(0, "late"), Err(Refused::AnsweredAlready { part: 0 }));
    assert_eq!((gathering.outstanding(), gathering.coverage().answered()), (1, 1));
    gathering.fail(1, "refused").expect("it is out");
    assert_eq!(gathering.answer(1, "after all"), Err(Refused::FailedAlready { part: 1 }));
    assert_eq!(gathering.fail(1, "again"), Err(Refused::FailedAlready { part: 1 }));
    assert!(gathering.is_complete());
    let gathered = gathering.finish(|_| "late");
    assert_eq!(*gathered.value(), [Some("first"), None]);
    assert_eq!(gathered.failures().len(), 1);
}

#[test]
fn a_part_that_nobody_asked_is_refused() {
    let mut gathering: Gathering<(), ()> = Gathering::new(2);
    assert_eq!(gathering.answer(2, ()), Err(Refused::UnknownPart { part: 2, asked: 2 }));
    assert_eq!(gathering.fail(usize::MAX, ()), Err(Refused::UnknownPart { part: usize::MAX, asked: 2 }));
    assert_eq!(gathering.outstanding(), 2);
}

#[test]
fn an_answer_to_no_question_is_whole() {
    let gathering: Gathering<(), ()> = Gathering::new(0);
    assert!(gathering.is_complete());
    let gathered = gathering.finish(|_| ());
    assert!(gathered.is_whole() && gathered.enough_for(Policy::All).is_ok());
}

#[test]
fn what_is_not_enough_is_given_back() {
    let mut gathering = Gathering::new(2);
    gathering.answer(0, "only").expect("it is out");
    let refused = gathering.finish(|_| "late").enough_for(Policy::AtLeast(2)).expect_err("one is missing");
    assert_eq!(refused.to_string(), "1 of 2 parts have answered, and at least 2 must");
    assert_eq!(refused.policy(), Policy::AtLeast(2));
    assert!(!format!("{refused:?}").contains("only"), "a value is not shown");
    assert_eq!(*refused.into_gathered().value(), [Some("only"), None]);
}
