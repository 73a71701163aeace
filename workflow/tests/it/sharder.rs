//! W4: the same key goes to the same shard.

use entourage_queue::{Item, Topic};
use entourage_sharding::Modulo;
use entourage_workflow::{Combinator, Sharder};

use crate::reduce::delivery;

#[test]
fn w4_the_same_key_goes_to_the_same_shard() {
    let modulo = Modulo::new(4).unwrap();
    let outputs: Vec<Topic> = (0..4).map(|n| Topic::from(format!("out-{n}"))).collect();
    let stage = Sharder::by_key(modulo).stage(outputs);
    let batch = |first: u64| {
        (0..40)
            .map(|n| delivery(Item::new(format!("i{n}"), "").with_key(format!("k{}", n % 10)), first + n))
            .collect()
    };
    let (once, again) = (stage.combine(batch(1)), stage.combine(batch(1000)));
    assert_eq!(once.publish, again.publish);
    for publication in &once.publish {
        let same_key = once.publish.iter().filter(|other| other.item.key() == publication.item.key());
        assert!(same_key.map(|other| &other.topic).all(|topic| *topic == publication.topic));
    }
}
