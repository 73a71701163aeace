//! Values that combine in any order.

use std::collections::{BTreeMap, HashMap};

use entourage_core::{BrokenLaw, Max, Merge, Sum, check_laws};

#[test]
fn the_merges_of_this_crate_keep_the_laws() {
    let sums = [0, 1, 7, u64::MAX - 1, u64::MAX].map(Sum);
    assert_eq!(check_laws(&sums), Ok(()));
    assert_eq!(check_laws(&["a", "b", "ab", ""].map(Max)), Ok(()));
    let maps: Vec<BTreeMap<&str, Sum>> = vec![
        BTreeMap::new(),
        BTreeMap::from([("a", Sum(1))]),
        BTreeMap::from([("a", Sum(2)), ("b", Sum(u64::MAX))]),
        BTreeMap::from([("b", Sum(5)), ("c", Sum(0))]),
    ];
    assert_eq!(check_laws(&maps), Ok(()));
    let hashed: Vec<HashMap<&str, Sum>> = maps.into_iter().map(|map| map.into_iter().collect()).collect();
    assert_eq!(check_laws(&hashed), Ok(()));
}

#[test]
fn a_maps_values_are_merged_and_its_keys_are_all_kept() {
    let mut total = BTreeMap::from([("a", Sum(1)), ("b", Sum(2))]);
    Merge::merge(&mut total, BTreeMap::from([("b", Sum(3)), ("c", Sum(4))]));
    assert_eq!(total, BTreeMap::from([("a", Sum(1)), ("b", Sum(5)), ("c", Sum(4))]));
}

#[test]
fn a_broken_law_names_the_samples() {
    #[derive(Clone, Debug, PartialEq)]
    struct Mean(f64);
    impl Merge for Mean {
        fn merge(&mut self, other: Self) {
            self.0 = f64::midpoint(self.0, other.0);
        }
    }
    // Symmetric, but a mean of means depends on who was taken together first.
    let broken = check_laws(&[Mean(0.0), Mean(0.0), Mean(8.0)]).unwrap_err();
    assert_eq!(broken, BrokenLaw::Associative(0, 0, 2));
    assert_eq!(broken.to_string(), "merging samples 0, 0 and 2 depends on their grouping");

    #[derive(Clone, Debug, PartialEq)]
    struct First(u8);
    impl Merge for First {
        fn merge(&mut self, _: Self) {}
    }
    assert_eq!(check_laws(&[First(1), First(2)]), Err(BrokenLaw::Commutative(0, 1)));
}
