//! Replicas, health, spill-over, bounded load and the choice of a replica.

use std::collections::BTreeSet;

use entourage_sharding::{
    BoundedLoad, Choice, ConsistentRing, Dialect, Error, Health, IpHash, Jump, KeyHash, Maglev, Modula,
    Modulo, NginxHash, Placement, Preference, PreferenceExt, Range, Rendezvous, ShardId,
};
use proptest::{
    collection::vec,
    prelude::{any, prop_assert, prop_assert_eq, proptest},
};

use crate::{cases, keys};

/// Each function over six shards.
fn functions() -> Vec<Box<dyn Preference>> {
    let names = ["a", "b", "c", "d", "e", "f"];
    let weighted = || names.into_iter().zip([1, 1, 2, 1, 3, 1]);
    let twemproxy = names.into_iter().zip([1, 1, 1, 1, 1, 100_000]);
    let twemproxy =
        twemproxy.fold(ConsistentRing::builder(), |ring, (name, weight)| ring.server(name, weight));
    let range = Range::below("user:1", "a").below("user:2", "b").below("user:3", "c");
    vec![
        Box::new(ConsistentRing::of(names).expect("sound")),
        Box::new(twemproxy.dialect(Dialect::Twemproxy(KeyHash::Fnv1a64)).build().expect("sound")),
        Box::new(Rendezvous::new(weighted()).expect("sound")),
        Box::new(Maglev::new(weighted()).expect("sound")),
        Box::new(Maglev::with_table(7, names.into_iter().zip([1, 1, 1, 1, 1, 100])).expect("sound")),
        Box::new(Jump::new(6).expect("sound")),
        Box::new(Modulo::new(6).expect("sound")),
        Box::new(Modula::new(KeyHash::Crc32a, weighted()).expect("sound")),
        Box::new(NginxHash::new(weighted()).expect("sound")),
        Box::new(IpHash::new(weighted()).expect("sound")),
        Box::new(range.below("user:4", "d").below("user:5", "e").rest("f").expect("sound")),
    ]
}

#[test]
fn an_order_of_preference_has_every_shard_once_and_begins_at_home() {
    for function in functions() {
        for key in keys().take(200) {
            let order: Vec<_> = function.preference(&key).collect();
            assert_eq!(order[0], function.shard(&key), "{function:?}");
            assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 6, "{function:?}: {order:?}");
            assert_eq!(order.len(), 6);
            assert!(function.preference(&key).eq(order));
        }
    }
}

#[test]
fn only_a_failed_shards_keys_move_and_they_return() {
    for function in functions() {
        let placement = Placement::new(&function, 1).unwrap().with_spill_over();
        let now = |key: &[u8], health: &Health| placement.healthy(key, health).next();
        let mut health = Health::new(6);
        for failed in (0..6).map(ShardId::new) {
            let spilled = keys().take(2_000).map(|key| {
                health.mark_up(failed);
                let home = now(&key, &health).expect("all are up");
                assert_eq!(home, function.shard(&key), "{function:?}: a key has not returned");
                health.mark_down(failed);
                let refuge = now(&key, &health).expect("five are up");
                assert_ne!(refuge, failed);
                assert!(home == failed || refuge == home, "{function:?}: a key of {home} moved to {refuge}");
                (home == failed).then_some(refuge)
            });
            let refuges: BTreeSet<_> = spilled.flatten().collect();
            assert!(!refuges.contains(&failed));
            health.mark_up(failed);
        }
    }
}

#[test]
fn without_spill_over_a_key_stays_with_its_replicas() {
    let placement = Placement::new(Rendezvous::of(["a", "b", "c", "d"]).unwrap(), 2).unwrap();
    let mut health = Health::new(4);
    for key in keys().take(200) {
        let replicas: Vec<_> = placement.replicas(&key).collect();
        assert_eq!(replicas.len(), 2);
        assert!(placement.healthy(&key, &health).eq(replicas.clone()));
        health.mark_down(replicas[0]);
        assert!(placement.healthy(&key, &health).eq([replicas[1]]));
        health.mark_down(replicas[1]);
        assert_eq!(placement.healthy(&key, &health).next(), None);
        replicas.into_iter().for_each(|shard| assert!(health.mark_up(shard)));
    }
    assert_eq!(Placement::new(Modulo::new(3).unwrap(), 0), Err(Error::NoReplicas));
    let more_than_there_are = Placement::new(Modulo::new(3).unwrap(), 9).unwrap();
    assert_eq!(more_than_there_are.replicas(b"key").count(), 3);
}

#[test]
fn what_was_seen_before_a_change_is_out_of_date() {
    let mut health = Health::new(2);
    let (one, other) = (ShardId::new(0), ShardId::new(1));
    let before = health.generation();
    assert!(health.mark_down(one) && !health.mark_down(one));
    // A late answer of the probe before, and one about the other shard.
    assert!(!health.observe(one, true, before) && !health.is_up(one));
    assert!(health.observe(other, false, before) && !health.is_up(other));
    assert_eq!((health.generation(), health.down()), (2, 2));
    let after = health.generation();
    assert!(health.observe(one, true, after) && health.is_up(one));
    assert_eq!((health.since(one), health.since(other), health.down()), (Some(3), Some(2), 1));
    // There is no third.
    let none = ShardId::new(2);
    assert!(!health.is_up(none) && !health.mark_up(none) && !health.observe(none, true, 9));
    assert_eq!(health.since(none), None);
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn no_shard_takes_more_than_its_bound_and_one_that_is_up_always_has_room(
        weights in vec(1_u32..5, 1..8),
        per_cent in 101_u32..300,
        steps in vec((0_u8..8, any::<u16>()), 0..200),
    ) {
        let shards = u32::try_from(weights.len()).unwrap();
        let (mut load, mut health) = (BoundedLoad::weighted(weights.clone(), per_cent).unwrap(), Health::new(shards));
        let function = Jump::new(shards).unwrap();
        let mut taken = Vec::new();
        for (what, number) in steps {
            let shard = ShardId::new(u32::from(number) % shards);
            match what {
                0 => { health.mark_down(shard); }
                1 => { health.mark_up(shard); }
                2 if !taken.is_empty() => {
                    let place = taken.swap_remove(usize::from(number) % taken.len());
                    prop_assert!(load.release(place));
                }
                _ => {
                    // Few keys, so that some are hot.
                    let key = [number as u8 % 4];
                    let found = load.acquire(function.preference(&key), &health);
                    prop_assert_eq!(found.is_some(), health.down() < shards);
                    let Some(found) = found else { continue };
                    taken.push(found);
                    prop_assert!(health.is_up(found));
                    let up = (0..shards).map(ShardId::new).filter(|shard| health.is_up(*shard));
                    let all: f64 = up.map(|shard| f64::from(weights[shard.index()])).sum();
                    let mean = taken.len() as f64 * f64::from(weights[found.index()]) / all;
                    let bound = (f64::from(per_cent) / 100.0 * mean - 1e-9).ceil();
                    prop_assert!(load.in_flight(found) as f64 <= bound, "{} above {bound}", load.in_flight(found));
                }
            }
            prop_assert_eq!(load.total(), taken.len() as u64);
        }
        taken.iter().for_each(|place| assert!(load.release(*place)));
        prop_assert_eq!((load.total(), load.busiest()), (0, 0));
        prop_assert!(!load.release(ShardId::new(0)), "nothing was taken");
    }

    #[test]
    fn a_chosen_replica_is_up_and_any_draw_will_do(
        down in vec(any::<bool>(), 5),
        loads in vec(0_u64..4, 5),
        draw in any::<u64>(),
        count in 0_u32..6,
    ) {
        let replicas: Vec<_> = (0..count.min(5)).rev().map(ShardId::new).collect();
        let mut health = Health::new(5);
        for (shard, is_down) in (0..).map(ShardId::new).zip(down) {
            if is_down {
                health.mark_down(shard);
            }
        }
        let up: Vec<_> = replicas.iter().copied().filter(|shard| health.is_up(*shard)).collect();
        let first = Choice::FirstHealthy.of(&replicas, &health, |_| 0, draw);
        prop_assert_eq!(first, up.first().copied());
        let chosen = Choice::LeastLoadedOfTwo.of(&replicas, &health, |shard| loads[shard.index()], draw);
        prop_assert_eq!(chosen.is_some(), !up.is_empty());
        let Some(chosen) = chosen else { return Ok(()) };
        prop_assert!(up.contains(&chosen));
        // With two or more, the one most loaded alone is never chosen.
        let worst = up.iter().map(|shard| loads[shard.index()]).max().unwrap_or_default();
        let alone = up.iter().filter(|shard| loads[shard.index()] == worst).count() == 1;
        prop_assert!(up.len() < 2 || !alone || loads[chosen.index()] < worst);
    }
}

#[test]
fn a_key_that_is_not_hot_stays_at_home() {
    let ring = ConsistentRing::of(["a", "b", "c", "d"]).unwrap();
    let (mut load, health) = (BoundedLoad::new(4, 200).unwrap(), Health::new(4));
    let mut away = 0;
    for key in keys().take(4_000) {
        away += usize::from(load.acquire(ring.preference(&key), &health) != Some(ring.replicas(&key, 1)[0]));
    }
    // Twice the mean is more than any server's part; but the very first requests fill theirs.
    assert!(away < 20, "{away} keys went away from home");
}

#[test]
fn a_bound_that_cannot_be_is_refused() {
    assert_eq!(BoundedLoad::new(3, 100), Err(Error::LoadFactor { per_cent: 100 }));
    assert_eq!(BoundedLoad::new(0, 125), Err(Error::NoShards));
    assert_eq!(BoundedLoad::weighted([1, 0], 125), Err(Error::WeightlessShard { shard: 1 }));
}

#[test]
fn replicas_share_a_hot_keys_load() {
    let replicas = [3, 1, 0].map(ShardId::new);
    let health = Health::new(4);
    let (mut loads, mut draw) = ([0_u64; 4], 1_u64);
    for _ in 0..3_000 {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chosen = Choice::LeastLoadedOfTwo.of(&replicas, &health, |shard| loads[shard.index()], draw);
        loads[chosen.expect("all are up").index()] += 1;
    }
    assert_eq!(loads[2], 0);
    let (least, most) = (loads[0].min(loads[1]).min(loads[3]), loads[0].max(loads[1]).max(loads[3]));
    assert!(most - least <= 20, "{loads:?}");
}
