//! Properties over many made-up inputs, the same ones in each run.

use entourage_core::{Fence, Realm, Scope};
use http::{HeaderMap, HeaderValue};

use super::{Encoded, FENCE, Malformed, OWNER, Stamp, decode, encode};

const REALM: &str = "0000000000000000000000000000002a";

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    /// Text of 1 to `most` bytes, of all kinds of characters.
    fn text(&mut self, most: usize) -> String {
        let mut text = String::new();
        let length = 1 + self.below(most);
        while text.is_empty() || text.len() < length {
            let next = match self.below(4) {
                0 => char::from(b' ' + u8::try_from(self.below(95)).unwrap()),
                1 => char::from(u8::try_from(self.below(32)).unwrap()),
                2 => *[';', '%', ',', '/', '"', '\u{7f}', 'é', '\u{10ffff}'].get(self.below(8)).unwrap(),
                _ => char::from_u32(u32::try_from(self.below(0x11_0000)).unwrap()).unwrap_or('-'),
            };
            if text.len() + next.len_utf8() > most {
                break;
            }
            text.push(next);
        }
        if text.is_empty() { "a".to_owned() } else { text }
    }

    fn stamp(&mut self) -> Stamp {
        let realm = u128::from(self.next()) << 64 | u128::from(self.next());
        let epoch = self.next() >> self.below(64);
        let fence = Fence::new(Realm::new(realm), Scope::new(self.text(256)), epoch);
        Stamp::new(fence, self.text(256)).unwrap()
    }
}

fn headers(fence: &[u8], owner: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(FENCE, HeaderValue::from_bytes(fence).ok()?);
    headers.insert(OWNER, HeaderValue::from_bytes(owner).ok()?);
    Some(headers)
}

fn read(fence: &str, owner: &str) -> Result<Option<Stamp>, Malformed> {
    Stamp::read(&headers(fence.as_bytes(), owner.as_bytes()).unwrap())
}

#[test]
fn every_stamp_reads_back_from_the_headers_it_writes() {
    let mut dice = Dice(1);
    for _ in 0..5_000 {
        let stamp = dice.stamp();
        let mut headers = HeaderMap::new();
        stamp.write(&mut headers);
        assert_eq!(Stamp::read(&headers), Ok(Some(stamp.clone())));
        let expected = stamp.fence().scope();
        assert_eq!(Stamp::read_like(&headers, Some(expected)), Ok(Some(stamp.clone())));
        assert_eq!(Stamp::read_like(&headers, Some(&Scope::new("other"))), Ok(Some(stamp)));
    }
}

#[test]
fn nothing_reads_but_what_is_written() {
    // Every mutation is refused, or is itself the one encoding of what it reads as.
    let mut dice = Dice(2);
    let mut refused = 0;
    for _ in 0..20_000 {
        let stamp = dice.stamp();
        let written = Encoded::of(stamp.fence(), stamp.owner());
        let (mut fence, mut owner) = (written.fence.as_bytes().to_vec(), written.owner.as_bytes().to_vec());
        let mutated = if dice.below(4) == 0 { &mut owner } else { &mut fence };
        for _ in 0..=dice.below(3) {
            let place = dice.below(mutated.len());
            let byte = *b" ;%+,0aAf9-\t\x80\"G".get(dice.below(15)).unwrap();
            match dice.below(3) {
                0 => mutated[place] = byte,
                1 => mutated.insert(place, byte),
                _ => drop(mutated.remove(place)),
            }
            if mutated.is_empty() {
                break;
            }
        }
        let Some(headers) = headers(&fence, &owner) else { continue };
        match Stamp::read(&headers) {
            Ok(read) => {
                let mut again = HeaderMap::new();
                read.expect("both headers are there").write(&mut again);
                assert_eq!(again, headers);
                let read = Stamp::read(&again).unwrap().unwrap();
                assert_eq!(Stamp::new(read.fence().clone(), read.owner()), Ok(read));
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 10_000, "only {refused} mutations were refused");
}

#[test]
fn no_bytes_make_the_parser_panic() {
    let mut dice = Dice(3);
    for _ in 0..20_000 {
        let mut bytes = || (0..dice.below(80)).map(|_| dice.next().to_le_bytes()[0]).collect::<Vec<_>>();
        if let Some(headers) = headers(&bytes(), &bytes()) {
            assert!(Stamp::read(&headers).is_err());
        }
    }
}

#[test]
fn odd_spellings_of_a_good_fence_are_refused() {
    assert!(read(&format!("{REALM};printer;7"), "host-1").is_ok());
    let long = "a".repeat(257);
    for fence in [
        String::new(),
        format!("{REALM};printer"),
        format!("{REALM};printer;7;"),
        format!("{REALM};;7"),
        format!("{REALM};printer;"),
        format!("{REALM};printer;07"),
        format!("{REALM};printer;+7"),
        format!("{REALM};printer;-7"),
        format!("{REALM};printer;7 "),
        format!("{REALM};printer;18446744073709551616"),
        format!("{REALM};printer;7, {REALM};printer;8"),
        format!("{REALM};print er;7"),
        format!("{REALM};%70rinter;7"),
        format!("{REALM};%2fprinter;7"),
        format!("{REALM};printer%;7"),
        format!("{REALM};printer%2;7"),
        format!("{REALM};%FF;7"),
        format!("{REALM};{long};7"),
        "2a;printer;7".to_owned(),
        format!("+{};printer;7", &REALM[1..]),
        format!("{};printer;7", REALM.to_uppercase()),
        format!("0{REALM};printer;7"),
        format!("\"{REALM};printer;7\""),
    ] {
        assert!(read(&fence, "host-1").is_err(), "{fence:?}");
    }
    for owner in ["", "host 1", "host-1,host-2", "%6Host", "%2f", &long] {
        assert!(read(&format!("{REALM};printer;7"), owner).is_err(), "{owner:?}");
    }
}

#[test]
fn a_header_that_is_there_twice_or_alone_is_refused() {
    let good = headers(format!("{REALM};printer;7").as_bytes(), b"host-1").unwrap();
    for header in [FENCE, OWNER] {
        let mut twice = good.clone();
        twice.append(&header, good[&header].clone());
        assert_eq!(Stamp::read(&twice).unwrap_err().header(), header);
        let mut missing = good.clone();
        missing.remove(&header);
        assert_eq!(Stamp::read(&missing).unwrap_err().header(), header);
    }
    assert_eq!(Stamp::read(&HeaderMap::new()), Ok(None));
}

#[test]
fn a_stamp_that_could_not_be_read_cannot_be_made() {
    let stamp = |scope: &str, owner: &str| Stamp::new(Fence::new(Realm::new(7), Scope::new(scope), 1), owner);
    let (full, long) = ("é".repeat(128), "a".repeat(257));
    assert!(stamp(&full, &full).is_ok());
    for (scope, owner) in [("", "a"), ("a", ""), (&*long, "a"), ("a", &*long)] {
        assert!(stamp(scope, owner).is_err());
    }
}

#[test]
fn the_form_is_what_the_page_says() {
    let fence = Fence::new(Realm::new(42), Scope::new("disk/1 é"), 7);
    let mut headers = HeaderMap::new();
    Stamp::new(fence, "host-1#4f").unwrap().write(&mut headers);
    assert_eq!(headers[FENCE], format!("{REALM};disk%2F1%20%C3%A9;7"));
    assert_eq!(headers[OWNER], "host-1%234f");
    let mut all = String::new();
    encode("-._~Az09", &mut all);
    assert_eq!((all.as_str(), decode(&all)), ("-._~Az09", Ok("-._~Az09".to_owned())));
}
