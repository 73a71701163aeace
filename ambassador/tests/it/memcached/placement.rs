//! The same servers behind nutcracker and behind the proxy.

use entourage_testkit::{Memcached, Nutcracker, Requirement};

use super::{Client, is_installed, pool, proxy};

/// Keys of all sorts that memcached takes.
fn keys() -> impl Iterator<Item = String> {
    let plain = (0..150).map(|number| format!("user:{number}"));
    let tagged = (0..50).map(|number| format!("{{tag{number}}}:{}", number * 7));
    plain.chain(tagged).chain((0..50).map(|number| format!("schl\u{fc}ssel-{number}")))
}

#[test]
fn every_key_is_where_nutcracker_puts_it() {
    if !is_installed() || !Requirement::from(Nutcracker::available()).is_met("nutcracker") {
        return;
    }
    let servers = [Memcached::start(), Memcached::start(), Memcached::start()];
    for (number, more) in [
        "",
        "  hash: md5\n  distribution: modula\n",
        "  hash: one_at_a_time\n  hash_tag: \"{}\"\n",
        "  hash: murmur\n  distribution: ketama\n",
    ]
    .into_iter()
    .enumerate()
    {
        let nutcracker = Nutcracker::start(&format!("pool:\n  listen: {{listen}}\n{}", pool(&servers, more)));
        let (_proxy, address) = proxy(&servers, more);
        let mut theirs = Client::new(nutcracker.endpoint().parse().expect("it is an address"));
        let mut ours = Client::new(address);
        for key in keys() {
            let key = format!("{number}:{key}");
            ours.set(&key, "ours");
            assert_eq!(theirs.get(&key), Ok(vec![(key.clone(), "ours".to_owned())]), "{more:?}");
            theirs.set(&key, "theirs");
            assert_eq!(ours.get(&key), Ok(vec![(key.clone(), "theirs".to_owned())]), "{more:?}");
        }
        let all: Vec<_> = keys().map(|key| format!("{number}:{key}")).collect();
        let found = ours.get(&all.join(" ")).expect("all servers are there");
        assert_eq!(
            found.into_iter().map(|(key, _)| key).collect::<Vec<_>>(),
            all,
            "in the order of the keys"
        );
    }
}
