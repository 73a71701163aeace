use std::sync::Arc;

use entourage_sharding::{
    ConsistentRing, DEFAULT_POINTS_PER_WEIGHT, Error, KeyHash, MAX_POINTS, Modula, Modulo, ShardId,
    ShardingFunction,
};

fn built(servers: &[(&str, u32)], points: u32) -> Result<ConsistentRing, Error> {
    servers
        .iter()
        .fold(ConsistentRing::builder(), |builder, (name, weight)| builder.server(*name, *weight))
        .points_per_weight(points)
        .build()
}

#[test]
fn a_ring_without_servers_is_refused() {
    assert_eq!(built(&[], 160), Err(Error::NoShards));
}

#[test]
fn an_empty_name_is_refused_with_its_place() {
    let error = built(&[("a", 1), ("", 1)], 160).unwrap_err();
    assert_eq!(error, Error::UnnamedServer { position: 1 });
    assert!(error.to_string().starts_with("server 1 (counted from 0) has an empty name"));
    // Also where servers are put into another order.
    let modula = Modula::new(KeyHash::Md5, [("longer", 1), ("a", 1), ("", 1)]);
    assert_eq!(modula, Err(Error::UnnamedServer { position: 2 }));
}

#[test]
fn a_name_that_is_there_twice_is_refused_by_name() {
    let error = built(&[("b", 1), ("a", 1), ("b", 2)], 160).unwrap_err();
    assert_eq!(error, Error::DuplicateServer { name: "b".to_owned() });
    assert!(built(&[("b", 1), ("B", 1), ("b ", 1)], 160).is_ok());
}

#[test]
fn a_weight_of_zero_is_refused_by_name() {
    let error = built(&[("a", 1), ("b", 0)], 160).unwrap_err();
    assert_eq!(error, Error::ZeroWeight { name: "b".to_owned() });
    assert!(!error.is_retryable());
}

#[test]
fn a_ring_has_160_points_for_each_unit_of_weight_unless_told_otherwise() {
    // The golden vectors name their points, so the default is held here.
    let servers = [("a", 1), ("b", 3)];
    let by_default = ConsistentRing::builder().server("a", 1).server("b", 3).build();
    assert_eq!(by_default, built(&servers, 160));
    assert_ne!(by_default, built(&servers, 159));
    assert_eq!(DEFAULT_POINTS_PER_WEIGHT, 160);
}

#[test]
fn zero_points_are_refused() {
    assert_eq!(built(&[("a", 1)], 0), Err(Error::ZeroPoints));
}

#[test]
fn too_many_points_are_refused_before_they_are_made() {
    let most = u32::try_from(MAX_POINTS).unwrap();
    let points = u128::from(most) + 1;
    let limit = MAX_POINTS;
    assert_eq!(built(&[("a", most), ("b", 1)], 1), Err(Error::TooManyPoints { points, limit }));
    // The largest numbers there are must neither overflow nor fill the memory.
    let points = 2 * u128::from(u32::MAX) * u128::from(u32::MAX);
    let servers = [("a", u32::MAX), ("b", u32::MAX)];
    assert_eq!(built(&servers, u32::MAX), Err(Error::TooManyPoints { points, limit }));
}

#[test]
fn a_ring_may_have_one_point() {
    let ring = built(&[("a", 1)], 1).unwrap();
    assert_eq!(ring.server_of(b"").name(), "a");
    assert_eq!(ring.replicas(b"key", 3), [ShardId::new(0)]);
    assert!((ring.share(ShardId::new(0)) - 1.0).abs() < f64::EPSILON);
    assert!(ring.share(ShardId::new(1)).abs() < f64::EPSILON);
}

#[test]
fn servers_are_numbered_by_name() {
    let ring = ConsistentRing::of(["c", "a", "b"]).unwrap();
    for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
        let shard = ShardId::new(u32::try_from(number).unwrap());
        assert_eq!(ring.shard_of_server(name), Some(shard));
        assert_eq!(ring.server(shard).map(|server| server.name()), Some(name));
    }
}

#[test]
fn pointers_to_a_function_are_that_function() {
    let ring = ConsistentRing::of(["a", "b", "c"]).unwrap();
    let modulo = Modulo::new(5).unwrap();
    let functions: [(Box<dyn ShardingFunction>, u32); 3] =
        [(Box::new(&ring), 3), (Box::new(Arc::new(ring.clone())), 3), (Box::new(modulo), 5)];
    for (function, shards) in &functions {
        assert_eq!(function.shards(), *shards);
    }
    for key in crate::keys().take(100) {
        assert_eq!(functions[0].0.shard(&key), ring.shard(&key));
        assert_eq!(functions[1].0.shard(&key), ring.shard(&key));
        assert_eq!(functions[2].0.shard(&key), modulo.shard(&key));
    }
}
