//! What `test-data/functions.py` computed without this crate, and every release must give.

use std::{fs, path::Path};

use entourage_sharding::{
    Explain, Explanation, Jump, Maglev, Modulo, Preference, Range, Rendezvous, ShardingFunction,
};

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

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

#[test]
fn a_key_is_where_an_independent_program_puts_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-data/functions.tsv");
    let file = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (mut checked, mut function) = (0, (String::new(), parse("jump 1")));
    for (number, line) in (1..).zip(file.lines()).filter(|(_, line)| !line.starts_with('#')) {
        let [definition, key, names] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("line {number}")
        };
        if function.0 != definition {
            function = (definition.to_owned(), parse(definition));
        }
        let found = Explanation::of(&function.1, None, &bytes(key), 4);
        assert_eq!(found.replicas.join(" "), names, "functions.tsv:{number}: keys would move");
        assert_eq!(Some(&found.server), found.replicas.first());
        checked += 1;
    }
    assert_eq!(checked, 1_292);
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
