//! Which part of a request is its key.

use std::net::IpAddr;

use entourage_sharding::{
    HashTag,
    key::{
        Cell, Cookie, Country, CountryCode, FirstOf, Fixed, Grid, Header, KeyOf, Missing, Path, PathAndQuery,
        Peer, Position, RequestParts, Tagged, Whole,
    },
};
use proptest::{
    collection::vec,
    prelude::{any, prop_assert, prop_assert_eq, proptest},
};

use crate::cases;

fn key<R: ?Sized>(of: &dyn KeyOf<R>, request: &R) -> Result<Vec<u8>, Missing> {
    let mut key = b"before:".to_vec();
    let written = of.write(request, &mut key);
    assert!(key.starts_with(b"before:"), "the buffer's own bytes are gone");
    let rest = key.split_off(7);
    assert!(written.is_ok() || rest.is_empty(), "a key that is missing left {rest:?}");
    written.map(|()| rest)
}

fn full<'r>(headers: &'r [(&'r str, &'r [u8])]) -> RequestParts<'r> {
    let peer = Some([192, 0, 2, 7].into());
    RequestParts { path: Some(b"/a/%62"), query: Some(b"q=1"), headers, peer }
}

fn swiss(address: IpAddr) -> Option<CountryCode> {
    address.is_ipv4().then(|| CountryCode::new("CH"))?
}

type Part<'r> = (Box<dyn KeyOf<RequestParts<'r>>>, &'static [u8]);

#[test]
fn each_key_is_its_part_of_the_request() {
    let headers = [("X-Tenant", &b"acme"[..]), ("cookie", b"a=1"), ("Cookie", b"sid=2; a=3")];
    let request = full(&headers);
    let parts: [Part<'_>; 8] = [
        (Box::new(Path), b"/a/%62"),
        (Box::new(PathAndQuery), b"/a/%62?q=1"),
        (Box::new(Header::named("x-tenant")), b"acme"),
        (Box::new(Cookie::named("sid")), b"2"),
        (Box::new(Cookie::named("a")), b"1"),
        (Box::new(Peer), &[192, 0, 2, 7]),
        (Box::new(Country::by(swiss)), b"CH"),
        (Box::new((Country::by(swiss), Path)), b"CH\0\x01/a/%62"),
    ];
    for (of, expected) in parts {
        assert_eq!(key(&of, &request).as_deref(), Ok(expected), "{of:?}");
    }
}

#[test]
fn a_part_that_is_missing_is_named() {
    let none = RequestParts::default();
    let elsewhere = RequestParts { peer: Some("2001:db8::1".parse().unwrap()), ..none };
    assert_eq!(key(&Path, &none), Err(Missing::Path));
    assert_eq!(key(&PathAndQuery, &none), Err(Missing::Path));
    assert_eq!(key(&Header::named("x"), &none), Err(Missing::Header { name: "x".to_owned() }));
    assert_eq!(key(&Cookie::named("sid"), &none), Err(Missing::Cookie { name: "sid".to_owned() }));
    assert_eq!(key(&Peer, &none), Err(Missing::Peer));
    assert_eq!(key(&Country::by(swiss), &none), Err(Missing::Peer));
    assert_eq!(key(&Country::by(swiss), &elsewhere), Err(Missing::Country));
    assert_eq!(key(&(Peer, Path), &elsewhere), Err(Missing::Path));
    let message = Missing::Header { name: "x".to_owned() }.to_string();
    assert_eq!(message, "the request has no header \"x\", and it is sharded by it");
}

#[test]
fn what_is_missing_may_be_replaced() {
    let none = RequestParts::default();
    let session = FirstOf::new(FirstOf::new(Cookie::named("sid"), Peer), Fixed::new("nobody"));
    assert_eq!(key(&session, &none).as_deref(), Ok(&b"nobody"[..]));
    assert_eq!(key(&session, &full(&[])).as_deref(), Ok(&[192, 0, 2, 7][..]));
    let half = FirstOf::new((Peer, Header::named("x")), Fixed::new("both or nothing"));
    assert_eq!(key(&half, &full(&[])).as_deref(), Ok(&b"both or nothing"[..]));
}

#[test]
fn an_empty_part_is_not_a_missing_one() {
    let headers = [("x", &b""[..]), ("cookie", b"sid=")];
    let request = RequestParts { path: Some(b"/"), query: Some(b""), headers: &headers, peer: None };
    assert_eq!(key(&Header::named("x"), &request).as_deref(), Ok(&b""[..]));
    assert_eq!(key(&Cookie::named("sid"), &request).as_deref(), Ok(&b""[..]));
    assert_eq!(key(&PathAndQuery, &request).as_deref(), Ok(&b"/?"[..]));
}

#[test]
fn a_client_keeps_its_key_whichever_socket_it_came_by() {
    let by = |peer: &str| key(&Peer, &RequestParts { peer: peer.parse().ok(), ..RequestParts::default() });
    assert_eq!(by("192.0.2.7"), by("::ffff:192.0.2.7"));
    assert_ne!(by("192.0.2.7"), by("2001:db8::7"));
    let country = |peer: &str| {
        key(&Country::by(swiss), &RequestParts { peer: peer.parse().ok(), ..RequestParts::default() })
    };
    assert_eq!(country("::ffff:192.0.2.7").as_deref(), Ok(&b"CH"[..]));
}

#[test]
fn a_country_has_two_letters() {
    for letters in ["", "D", "DEU", "1E", "é", "D "] {
        assert_eq!(CountryCode::new(letters), None, "{letters:?}");
    }
    assert_eq!(CountryCode::new("De").map(CountryCode::letters), Some(*b"DE"));
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn two_pairs_are_never_one_key(
        one in (vec(0_u8..3, 0..5), vec(0_u8..3, 0..5)),
        other in (vec(0_u8..3, 0..5), vec(0_u8..3, 0..5)),
    ) {
        let pair = |(a, b): &(Vec<u8>, Vec<u8>)| key(&(Fixed::new(a.clone()), Fixed::new(b.clone())), "");
        prop_assert_eq!(pair(&one) == pair(&other), one == other);
        // As pairs sort, so do their keys.
        prop_assert_eq!(pair(&one).unwrap().cmp(&pair(&other).unwrap()), one.cmp(&other));
    }

    #[test]
    fn three_parts_are_never_one_key(
        one in (vec(0_u8..3, 0..3), vec(0_u8..3, 0..3), vec(0_u8..3, 0..3)),
        other in (vec(0_u8..3, 0..3), vec(0_u8..3, 0..3), vec(0_u8..3, 0..3)),
    ) {
        let three = |(a, b, c): &(Vec<u8>, Vec<u8>, Vec<u8>)| {
            key(&(Fixed::new(a.clone()), Fixed::new(b.clone()), Fixed::new(c.clone())), "")
        };
        prop_assert_eq!(three(&one) == three(&other), one == other);
    }

    #[test]
    fn a_tagged_key_is_what_the_tag_cuts_out(bytes in vec(proptest::sample::select(&b"{}ab"[..]), 0..12)) {
        let tag = HashTag::new(b'{', b'}');
        let tagged = key(&Tagged::new(tag, Whole), &bytes[..]);
        prop_assert_eq!(tagged.as_deref(), Ok(tag.of(&bytes)));
    }

    #[test]
    fn no_cookie_header_breaks_the_parser(header in vec(any::<u8>(), 0..60)) {
        let headers = [("cookie", &header[..])];
        if let Ok(value) = key(&Cookie::named("a"), &full(&headers)) {
            prop_assert!(value.len() < header.len() && !value.contains(&b';'));
        }
    }

    #[test]
    fn a_place_lies_in_its_cell(x in -1e6_f64..1e6, y in -1e6_f64..1e6, side in 0.1_f64..1e4) {
        let cell = Grid::of_squares(side).unwrap().cell(Position { x, y }).unwrap();
        for (along, cell) in [(x, cell.column), (y, cell.row)] {
            let (from, to) = (cell as f64 * side, (cell + 1) as f64 * side);
            // A float's rounding away from the border, no more.
            prop_assert!(from - 1e-6 <= along && along < to + 1e-6, "{along} is not in {from}..{to}");
        }
    }
}

#[test]
fn those_who_are_near_share_a_cell_or_are_neighbours() {
    let grid = Grid::of_squares(50.0).unwrap();
    let at = |x, y| grid.cell(Position { x, y }).unwrap();
    assert_eq!(at(1.0, 1.0), at(49.0, 49.0));
    assert!(at(49.0, 1.0).neighbours().any(|cell| cell == at(51.0, -1.0)));
    assert_eq!(at(-1.0, 0.0), Cell { column: -1, row: 0 });
    assert_eq!(key(&grid, &Position { x: -1.0, y: 0.0 }).as_deref(), Ok(&b"-1,0"[..]));
    assert_eq!(key(&grid, &Position { x: f64::NAN, y: 0.0 }), Err(Missing::Position));
}

#[test]
fn a_key_of_zeros_is_escaped_in_one_pass() {
    // Quadratic work would be 10¹² moves here.
    let zeros = vec![0; 1 << 20];
    let both = key(&(Whole, Whole), &zeros[..]).unwrap();
    assert_eq!(both.len(), 2 * (2 << 20) + 2);
}
