//! Commands are found by name.

use super::super::{Command, Route, lookup, table::COMMANDS};
use crate::redis::args::Written;

#[test]
fn every_command_is_found_in_any_case_and_nothing_that_is_nearly_one() {
    for command in &COMMANDS {
        let name = command.name;
        let mixed: String = name
            .chars()
            .enumerate()
            .map(|(at, c)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c })
            .collect();
        for written in [name, &name.to_ascii_uppercase(), &mixed] {
            let found = lookup(written.as_bytes()).unwrap_or_else(|| panic!("{written} is not found"));
            assert_eq!(found.name, name);
        }
        for nearly in
            [format!("{name}\0"), format!(" {name}"), format!("{name}{name}"), name.replace('_', "\x7f")]
        {
            let found = lookup(nearly.as_bytes()).filter(|_| nearly != name && !nearly.contains('.'));
            assert!(found.is_none(), "{nearly:?} is {found:?}");
        }
    }
    for nothing in ["", ".", "json.", ".get", "get.", "a-name-that-is-longer-than-every-command", "gеt"] {
        assert!(lookup(nothing.as_bytes()).is_none(), "{nothing:?}");
    }
}

#[test]
fn no_name_is_in_the_table_twice() {
    let mut names: Vec<_> = COMMANDS.iter().map(|command| command.name).collect();
    names.sort_unstable();
    let before = names.len();
    names.dedup();
    assert_eq!(names.len(), before);
}

#[test]
fn a_modules_command_has_its_key_first_unless_the_table_says_otherwise() {
    let keys = |line: &str| {
        let written = Written::new(line.split(' '));
        let args = written.args();
        let command = Command::find(&args).expect("a module's commands are taken");
        let mut keys = Vec::new();
        command
            .keys(&args, &mut |key| keys.push(String::from_utf8_lossy(key).into_owned()))
            .expect("it has keys");
        (command.route(&args), keys.join(" "))
    };
    for (line, expected) in [
        ("JSON.GET a $", "a"),
        ("bf.madd a b c", "a"),
        ("TS.ADD a 1 2", "a"),
        ("some-module-with-a-long-name.verb a b", "a"),
        ("JSON.MGET a b c $", "a b c"),
        ("JSON.MSET a $ 1 b $ 2", "a b"),
        ("json.debug memory a", "a"),
        ("TS.MADD a 1 2 b 1 2", "a b"),
        ("CMS.MERGE d 2 a b WEIGHTS 1 2", "d a b"),
        ("FT.SUGADD a text 1", "a"),
    ] {
        assert_eq!(keys(line), (Route::Keyed, expected.to_owned()), "{line}");
    }
    for line in ["FT.SEARCH index query", "ft.anything index", "TS.MGET FILTER a=b"] {
        let written = Written::new(line.split(' '));
        let command = Command::find(&written.args()).expect("it is known");
        assert!(matches!(command.route(&written.args()), Route::Refused(_)), "{line}");
    }
}

#[test]
fn a_later_servers_commands_have_their_keys_where_its_pages_say() {
    for (line, expected) in [
        ("MSETEX 2 a 1 b 2 EX 10", "a b"),
        ("DELEX a IFEQ v", "a"),
        ("HGETEX a EX 10 FIELDS 1 f", "a"),
        ("XACKDEL a g KEEPREF IDS 1 1-1", "a"),
        ("VSIM a ELE e", "a"),
        ("INCREX a BYINT 1 EX 10", "a"),
        ("ARSET a 0 v", "a"),
        ("LMOVEM a b LEFT RIGHT COUNT 2 BULK", "a b"),
        ("SUNIONCARD 2 a b APPROX LIMIT 9", "a b"),
        ("XNACK a g FAIL IDS 1 1-1", "a"),
        ("TS.NRANGE 2 a b - +", "a b"),
        ("TS.READ a - MAX_COUNT 5", "a"),
        ("XREAD MAXCOUNT 5 MAXSIZE 10 STREAMS a b 0 0", "a b"),
        ("XREADGROUP GROUP g c CLAIM 10 STREAMS a b > >", "a b"),
    ] {
        let written = Written::new(line.split(' '));
        let args = written.args();
        let command = Command::find(&args).expect("it is known");
        let mut keys = Vec::new();
        command
            .keys(&args, &mut |key| keys.push(String::from_utf8_lossy(key).into_owned()))
            .expect("it has keys");
        assert_eq!(keys.join(" "), expected, "{line}");
    }
}
