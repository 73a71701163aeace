//! S2: what moves when a shard is added, removed, or weighed anew.

use entourage_sharding::{Explain, Jump, Maglev, Range, Rendezvous, ShardingFunction};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_assert, proptest},
    sample::Index,
};

use crate::{cases, keys, servers};

fn rendezvous(servers: &[(String, u32)]) -> Rendezvous {
    Rendezvous::new(servers.iter().cloned()).expect("the servers are sound")
}

/// The names of a key's servers in both functions.
fn homes<'f>(
    before: &'f impl Explain,
    after: &'f impl Explain,
) -> impl Iterator<Item = (String, String)> + 'f {
    let name = |function: &'f dyn Explain, key: &[u8]| function.server_name(function.shard(key)).into_owned();
    keys().map(move |key| (name(before, &key), name(after, &key)))
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn s2_jump_moves_keys_onto_the_new_shard_alone(shards in 1_u32..200, more in 1_u32..4) {
        let (before, after) = (Jump::new(shards).unwrap(), Jump::new(shards + more).unwrap());
        for key in keys() {
            let (was, is) = (before.shard(&key), after.shard(&key));
            prop_assert!(was == is || is.number() >= shards, "{was} -> {is}");
        }
    }

    #[test]
    fn s2_rendezvous_moves_keys_onto_the_new_server_alone(servers in servers(2..=9), new in any::<Index>()) {
        let after = rendezvous(&servers);
        let mut servers = servers;
        let (newcomer, _) = servers.remove(new.index(servers.len()));
        for (was, is) in homes(&rendezvous(&servers), &after) {
            prop_assert!(was == is || is == newcomer, "{was:?} -> {is:?}");
        }
    }

    #[test]
    fn s2_rendezvous_moves_a_removed_servers_keys_alone(servers in servers(2..=9), old in any::<Index>()) {
        let before = rendezvous(&servers);
        let mut servers = servers;
        let (leaver, _) = servers.remove(old.index(servers.len()));
        for (was, is) in homes(&before, &rendezvous(&servers)) {
            prop_assert!(was == is || was == leaver, "{was:?} -> {is:?}");
        }
    }

    #[test]
    fn s2_rendezvous_moves_keys_to_or_from_a_server_of_new_weight_alone(
        servers in servers(1..=8),
        which in any::<Index>(),
        more in 1_u32..1_000,
    ) {
        let before = rendezvous(&servers);
        let mut servers = servers;
        let which = which.index(servers.len());
        servers[which].1 += more;
        for (was, is) in homes(&before, &rendezvous(&servers)) {
            prop_assert!(was == is || is == servers[which].0, "{was:?} -> {is:?}");
        }
    }

    #[test]
    fn s2_range_moves_keys_between_the_old_and_the_new_border_alone(
        borders in proptest::collection::btree_set("[a-z]{1,4}", 2..=6),
        key in "[a-z]{0,5}",
        which in any::<Index>(),
    ) {
        let borders: Vec<_> = borders.into_iter().collect();
        let range = |borders: &[String]| {
            let mut named = borders.iter().map(|border| (border.as_str(), format!("below {border}")));
            let (border, name) = named.next().expect("there is a border");
            let range = named.fold(Range::below(border, name), |range, (border, name)| range.below(border, name));
            range.rest("rest").expect("the borders ascend")
        };
        let gone = which.index(borders.len());
        let rest: Vec<_> = borders.iter().filter(|border| **border != borders[gone]).cloned().collect();
        let (before, after) = (range(&borders), range(&rest));
        let name = |range: &Range| range.name(range.shard(key.as_bytes())).map(str::to_owned);
        let (was, is) = (name(&before), name(&after));
        prop_assert!(was == is || was == Some(format!("below {}", borders[gone])), "{was:?} -> {is:?}");
    }

    #[test]
    fn the_order_of_the_servers_does_not_matter(
        (sorted, shuffled) in servers(1..=8).prop_flat_map(|s| (Just(s.clone()), Just(s).prop_shuffle())),
    ) {
        prop_assert!(rendezvous(&sorted) == rendezvous(&shuffled));
        let maglev = |servers: Vec<(String, u32)>| Maglev::with_table(1_009, servers).expect("sound servers");
        prop_assert!(maglev(sorted) == maglev(shuffled));
    }

    #[test]
    fn one_key_has_one_shard(key in vec(any::<u8>(), 0..300), servers in servers(1..=8), shards in 1_u32..50) {
        let functions: [[Box<dyn ShardingFunction>; 2]; 3] = [
            [Box::new(rendezvous(&servers)), Box::new(rendezvous(&servers))],
            [Box::new(Jump::new(shards).unwrap()), Box::new(Jump::new(shards).unwrap())],
            [(); 2].map(|()| Box::new(Maglev::with_table(251, servers.clone()).unwrap()) as Box<_>),
        ];
        for [one, other] in functions {
            prop_assert!(one.shard(&key) == other.shard(&key) && one.shard(&key) == one.shard(&key));
            prop_assert!(one.shard(&key).number() < one.shards());
        }
    }
}

/// Servers of equal weight, and what of the table changes hands as one of them comes.
fn moves_of_maglev(names: &[String], newcomer: &str) -> (f64, f64) {
    let before = Maglev::of(names.iter().filter(|name| *name != newcomer)).expect("sound servers");
    let after = Maglev::of(names).expect("sound servers");
    let (mut onto, mut between, mut all) = (0_u32, 0_u32, 0_u32);
    for (was, is) in homes(&before, &after) {
        all += 1;
        match was == is {
            true => {}
            false if is == newcomer => onto += 1,
            false => between += 1,
        }
    }
    (f64::from(onto) / f64::from(all), f64::from(between) / f64::from(all))
}

/// Its turns and a newcomer's are the same, so what the newcomer gets is its part; how much moves
/// between the others is chance: of 1,000 sets of 2 to 650 names, at most 1.3 %.
#[test]
fn s2_maglev_moves_at_most_2_percent_of_the_keys_between_the_others() {
    for n in [2, 3, 5, 10, 20, 50, 100] {
        for run in 0..8 {
            let names: Vec<_> = (0..n).map(|number| format!("{run}-server-{number}")).collect();
            let (onto, between) = moves_of_maglev(&names, &names[run % n]);
            let part = 1.0 / n as f64;
            assert!((onto - part).abs() < 0.02, "{n} servers: {onto:.4} of the keys move onto the newcomer");
            assert!(between <= 0.02, "{n} servers: {between:.4} of the keys move between the others");
        }
    }
}

#[test]
fn s2_one_shard_more_moves_its_part_of_the_keys() {
    for n in [1_u32, 2, 5, 10, 31] {
        let named = |n| Rendezvous::of((0..n).map(|number| format!("server-{number}"))).unwrap();
        let jump =
            homes(&Jump::new(n).unwrap(), &Jump::new(n + 1).unwrap()).filter(|(was, is)| was != is).count();
        let rendezvous = homes(&named(n), &named(n + 1)).filter(|(was, is)| was != is).count();
        for (function, moved) in [("jump", jump), ("rendezvous", rendezvous)] {
            let (part, ideal) = (moved as f64 / keys().count() as f64, 1.0 / f64::from(n + 1));
            assert!((part - ideal).abs() < 0.015, "{function}, {n} shards: {part:.4} of the keys move");
        }
    }
}
