//! What is enough, judged while parts are out.

use entourage_scatter_gather::{Coverage, Fraction, Judgement, Policy};
use proptest::prelude::*;

fn policies() -> impl Strategy<Value = Policy> {
    prop_oneof![
        Just(Policy::All),
        (0usize..7).prop_map(Policy::AtLeast),
        (0u32..=100).prop_map(|percent| Policy::Coverage(Fraction::percent(percent))),
        Just(Policy::Deadline),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_verdict_foresees_every_end(policy in policies(), answered in 0usize..6, failed in 0usize..6, out in 0usize..6) {
        let asked = answered + failed + out;
        let ends: Vec<_> = (0..=out).map(|more| policy.is_met_by(Coverage::new(answered + more, asked))).collect();
        match policy.judge(Coverage::new(answered, asked), out) {
            Judgement::Enough => prop_assert!(ends.iter().all(|met| *met)),
            Judgement::Impossible => prop_assert!(ends.iter().all(|met| !met)),
            Judgement::Wait => prop_assert!(out > 0 && ends.last() == Some(&true)),
        }
    }

    #[test]
    fn a_fraction_is_compared_without_rounding(one in 1u32..=u32::MAX, other in 1u32..=u32::MAX) {
        let (parts, of) = (one.min(other), one.max(other));
        let fraction = Fraction::new(parts, of).expect("it is a part of the whole");
        prop_assert!(Coverage::new(parts as usize, of as usize).reaches(fraction));
        prop_assert!(!Coverage::new(parts as usize - 1, of as usize).reaches(fraction));
    }
}

#[test]
fn fractions_that_are_the_same_are_equal() {
    for (parts, of, percent) in [(1, 2, 50), (2, 4, 50), (0, 7, 0), (9, 9, 100), (3, 3, 120), (7, 25, 28)] {
        assert_eq!(Fraction::new(parts, of), Some(Fraction::percent(percent)));
    }
    assert_ne!(Fraction::new(1, 3), Some(Fraction::percent(33)));
    assert_eq!(Policy::Coverage(Fraction::percent(40)).to_string(), "at least 2/5 of them");
}

#[test]
fn a_deadline_waits_for_all_and_takes_what_is_there() {
    assert_eq!(Policy::Deadline.judge(Coverage::new(3, 5), 1), Judgement::Wait);
    assert_eq!(Policy::Deadline.judge(Coverage::new(0, 5), 0), Judgement::Enough);
}

#[test]
fn more_than_were_asked_is_impossible_from_the_start() {
    assert_eq!(Policy::AtLeast(3).judge(Coverage::new(0, 2), 2), Judgement::Impossible);
}
