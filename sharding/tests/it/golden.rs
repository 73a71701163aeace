//! What `test-data/functions.py` computed without this crate, and every release must give.

use entourage_sharding::{
    Explain, Explanation, Jump, Maglev, Modulo, Preference, Range, Rendezvous, ShardingFunction,
};

use crate::recorded::{rows, unhex};

/// What has an order of preference and names.
fn parse(definition: &str) -> Box<dyn Explain> {
    let (kind, rest) = definition.split_once(' ').expect("a kind comes first");
    let weighted = |text: &str| -> Vec<(String, u32)> {
        let words = text.split(' ').map(|word| word.rsplit_once('=').expect("name=weight"));
        words.map(|(name, weight)| (name.to_owned(), weight.parse().expect("a weight"))).collect()
    };
    match kind {
        "jump" => Box::new(Jump::new(rest.parse().expect("a number")).expect("shards")),
        "modulo" => Box::new(Modulo::new(rest.parse().expect("a number")).expect("shards")),
        "rendezvous" => Box::new(Rendezvous::new(weighted(rest)).expect("sound servers")),
        "maglev" => {
            let (size, servers) = rest.split_once(' ').expect("the table's size comes first");
            let size = size.parse().expect("a number");
            Box::new(Maglev::with_table(size, weighted(servers)).expect("sound servers"))
        }
        "range" => {
            let (bounded, last) = rest.rsplit_once(' ').expect("two shards or more");
            let mut words = bounded.split(' ').map(|word| word.split_once('<').expect("name<border"));
            let (name, border) = words.next().expect("a border");
            let range =
                words.fold(Range::below(border, name), |range, (name, border)| range.below(border, name));
            Box::new(range.rest(last).expect("ascending borders"))
        }
        other => panic!("there is no function {other:?}"),
    }
}

#[test]
fn a_key_is_where_an_independent_program_puts_it() {
    let rows = rows("functions.tsv");
    let mut function = (String::new(), parse("jump 1"));
    for row in &rows {
        let [definition, key, names] = &row[..] else { panic!("{row:?} has not three columns") };
        if function.0 != *definition {
            function = (definition.clone(), parse(definition));
        }
        let found = Explanation::of(&function.1, None, &unhex(key), 4);
        assert_eq!(found.replicas.join(" "), *names, "{definition}, key {key}: keys would move");
        assert_eq!(Some(&found.server), found.replicas.first());
    }
    assert_eq!(rows.len(), 1_292);
}

/// So that a pointer to any of them is that function.
#[test]
fn a_pointer_to_a_function_has_its_order_of_preference() {
    let function = Rendezvous::of(["a", "b", "c"]).unwrap();
    let boxed: Box<dyn Preference> = Box::new(function.clone());
    for key in crate::keys().take(100) {
        assert!(boxed.others(&key).eq(function.others(&key)));
        assert_eq!(boxed.shard(&key), function.shard(&key));
    }
}
