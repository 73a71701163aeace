//! Refusals, against what a real server says.

use super::{
    super::{Command, Refusal},
    peer::{Peer, lines, redis},
};
use crate::redis::args::Written;

/// Commands that there are not, with too few arguments, or whose keys cannot be told.
const WRONG: &str = "
    nothing | nothing a b | GET | get a b | SET a | CLIENT | CLIENT nothing | client SETNAME |
    CLIENT SETNAME a b | OBJECT nothing a | OBJECT ENCODING | XGROUP CREATE a | XINFO a b |
    CONFIG nothing | MEMORY USAGE | SCRIPT LOAD | PING a b c | ECHO | SELECT | HELLO2 | MSET a |
    MSET a 1 b | MSETNX a 1 b | EVAL s | EVAL s x | EVAL s x a | EVAL s -1 a | EVAL s 2 a |
    EVALSHA 0123456789012345678901234567890123456789 01 a | EVAL_RO s 9999999999999999999999 a |
    FCALL f x a | FCALL f -1 a | FCALL f 2 a | FCALL_RO f 2 a | ZUNION x a | ZUNION 0 a | ZUNION -1 a |
    ZUNION 2 a | ZINTER 0 a | ZDIFF 5 a b | ZINTERCARD 0 a | ZINTERCARD x a | ZINTERCARD 3 a b |
    ZUNIONSTORE d 0 a | ZUNIONSTORE d x a | ZUNIONSTORE d 2 a | ZINTERSTORE d 0 a | ZDIFFSTORE d 9 a |
    SINTERCARD 0 a | SINTERCARD x a | SINTERCARD 2 a | LMPOP 0 a LEFT | LMPOP x a LEFT |
    LMPOP 9 a LEFT | ZMPOP 0 a MIN | ZMPOP -5 a MIN | ZMPOP 9 a MIN | XREAD STREAMS a b 0 |
    XREAD COUNT 1 STREAMS a | XREAD COUNT 1 NOTHING a | XREAD a b c |
    XREADGROUP GROUP g c STREAMS a b > | XREADGROUP GROUP g c COUNT 1 a
";

/// What a client is told instead of being served, if it is.
fn ours(args: &[&[u8]]) -> Option<String> {
    let written = Written::new(args);
    let args = written.args();
    let refused = Command::find(&args).and_then(|command| Ok(command.keys(&args, &mut |_| {})?)).err()?;
    let mut out = Vec::new();
    refused.write(&mut out);
    let line = String::from_utf8_lossy(&out).into_owned();
    Some(line.strip_suffix("\r\n").expect("a refusal is a line").to_owned())
}

#[test]
fn what_cannot_be_is_refused_in_the_words_of_a_real_server() {
    let Some(redis) = redis(&[]) else { return };
    let mut peer = Peer::of(&redis);
    let library = "#!lua name=l\nredis.register_function{function_name='f',callback=function() return 1 end,flags={'no-writes'}}";
    assert!(!peer.ask(["FUNCTION", "LOAD", library]).is_error());
    let mut asked: Vec<Vec<&[u8]>> =
        lines(WRONG).map(|line| line.split(' ').map(str::as_bytes).collect()).collect();
    let long = vec![b'x'; 300];
    asked.push(vec![&long, &long]);
    asked.push(vec![b"no\r\nthing", b"a\r\n+OK", b"", b"\0b"]);
    asked.push(vec![b"CLIENT", b"no\r\nthing"]);
    asked.push(vec![b"nothing", &long[..100], b"123456789012345678901234567890"]);
    for line in asked {
        let shown: Vec<_> = line.iter().map(|arg| String::from_utf8_lossy(arg)).collect();
        let theirs = peer.ask(&line);
        assert!(theirs.is_error(), "{shown:?}: {theirs:?}");
        let theirs = format!("-{}", theirs.text());
        match ours(&line) {
            Some(ours) => assert_eq!(ours, theirs, "{shown:?}"),
            // It is answered by whoever serves it.
            None => assert!(shown[0] == "PING", "{shown:?} is served; a server says {theirs}"),
        }
    }
}

#[test]
fn a_refusal_says_what_to_do_and_is_one_line() {
    for (refusal, expected) in [
        (Refusal::Apart("rename"), "-CROSSSLOT Keys of 'rename' are on different shards; "),
        (
            Refusal::Unserved("multi", "a transaction"),
            "-ERR 'multi' is not served by this proxy: a transaction",
        ),
        (Refusal::Unauthenticated, "-NOAUTH Authentication required."),
    ] {
        let mut out = b"+before\r\n".to_vec();
        refusal.write(&mut out);
        let said = String::from_utf8(out).expect("it is text");
        assert!(said.starts_with(&format!("+before\r\n{expected}")), "{said}");
        assert_eq!(said.matches("\r\n").count(), 2, "{said}");
    }
}

#[test]
fn a_script_that_names_no_key_is_refused_because_no_shard_can_be_chosen() {
    for line in ["EVAL s 0", "EVALSHA s 0 a", "FCALL f 0"] {
        let args: Vec<_> = line.split(' ').map(str::as_bytes).collect();
        let said = ours(&args).unwrap_or_else(|| panic!("{line} is served"));
        assert!(said.contains("names no key"), "{said}");
    }
}
