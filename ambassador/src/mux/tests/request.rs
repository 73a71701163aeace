//! Requests whose replies are known before they are sent: a key says what its value is.

use entourage_testkit::Rng;

use crate::redis::Redis;

/// Words with which the proxy says that a request has no reply.
const FAILURES: [&[u8]; 6] = [
    b"-ERR Connection timed out",
    b"-ERR Connection refused",
    b"-ERR Connection reset by peer",
    b"-ERR Invalid argument",
    b"-ERR Host is down",
    b"-ERR Message too long",
];

/// A request, and what it has to be answered with.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) bytes: Vec<u8>,
    pub(super) want: Want,
    /// Its only key, where it has one and its server may not fail it.
    pub(super) key: Option<Vec<u8>>,
}

/// What answers a request.
#[derive(Clone, Debug)]
pub(super) enum Want {
    /// These bytes and nothing else: no server is asked.
    Local(Vec<u8>),
    /// These bytes, or a failure.
    Reply(Vec<u8>),
    /// An array of these, or a failure; or a failure in the place of one.
    Values(Vec<Vec<u8>>),
    /// These bytes, if they came all at once; or a failure: they are more than allowed.
    Long(Vec<u8>),
}

/// What a reply turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Failed,
    Wrong,
}

impl Want {
    /// Whether this reply is that of the request.
    pub(super) fn judge(&self, reply: &[u8]) -> Verdict {
        let is_failure = FAILURES.iter().any(|words| reply.starts_with(words));
        match self {
            Self::Local(words) | Self::Reply(words) | Self::Long(words) if reply == words => Verdict::Right,
            Self::Values(values) if is_array_of(reply, values) => Verdict::Right,
            Self::Long(_) if reply.starts_with(FAILURES[5]) => Verdict::Right,
            Self::Local(_) => Verdict::Wrong,
            _ if is_failure => Verdict::Failed,
            _ => Verdict::Wrong,
        }
    }
}

fn is_array_of(reply: &[u8], values: &[Vec<u8>]) -> bool {
    let head = format!("*{}\r\n", values.len()).into_bytes();
    let Some(mut rest) = reply.strip_prefix(&head[..]) else { return false };
    for value in values {
        if let Some(behind) = rest.strip_prefix(&value[..]) {
            rest = behind;
        } else if FAILURES.iter().any(|words| rest.starts_with(words)) {
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return false };
            rest = &rest[end + 1..];
        } else {
            return false;
        }
    }
    rest.is_empty()
}

/// The next request of a client; `id` counts the keys of all of them, so that none is used twice.
pub(super) fn request(rng: &mut Rng, id: &mut u64) -> Request {
    let mut key = |kind: char| {
        *id += 1;
        format!("{kind}{id}").into_bytes()
    };
    match rng.between(0..24) {
        0 => {
            let word = key('w');
            Request { bytes: frame(&[b"ECHO", &word]), want: Want::Local(bulk(&word)), key: None }
        }
        1 => Request { bytes: b"PING\r\n".to_vec(), want: Want::Local(b"+PONG\r\n".to_vec()), key: None },
        2 => {
            let key = key('g');
            let line = [b"*0\r\nget \"", &key[..], b"\"\r\n"].concat();
            Request { bytes: line, want: Want::Reply(get(&key)), key: Some(key) }
        }
        3..=5 => {
            let mut keys: Vec<_> = (0..rng.between(1..9)).map(|_| key('m')).collect();
            if rng.between(0..4) == 0 {
                keys.push(keys[0].clone());
            }
            let bytes = frame(
                &std::iter::once(&b"MGET"[..]).chain(keys.iter().map(|key| &key[..])).collect::<Vec<_>>(),
            );
            Request { bytes, want: Want::Values(keys.iter().map(|key| get(key)).collect()), key: None }
        }
        6 => {
            let pairs: Vec<_> = (0..rng.between(1..6)).flat_map(|_| [key('s'), filling(rng, 200)]).collect();
            let bytes = frame(
                &std::iter::once(&b"mset"[..]).chain(pairs.iter().map(|word| &word[..])).collect::<Vec<_>>(),
            );
            Request { bytes, want: Want::Reply(b"+OK\r\n".to_vec()), key: None }
        }
        7 | 8 => {
            let command = [&b"DEL"[..], b"EXISTS", b"UNLINK", b"TOUCH"][rng.between(0..4) as usize];
            let keys: Vec<_> = (0..rng.between(1..9)).map(|_| key('d')).collect();
            let bytes =
                frame(&std::iter::once(command).chain(keys.iter().map(|key| &key[..])).collect::<Vec<_>>());
            let sum: u64 = keys.iter().map(|key| hash(key) & 1).sum();
            Request { bytes, want: Want::Reply(format!(":{sum}\r\n").into_bytes()), key: None }
        }
        9 | 10 => {
            let key = key('i');
            Request { bytes: frame(&[b"INCR", &key]), want: Want::Reply(incr(&key)), key: Some(key) }
        }
        11 => {
            let key = key('l');
            Request {
                bytes: frame(&[b"LRANGE", &key, b"0", b"-1"]),
                want: Want::Reply(list(&key)),
                key: Some(key),
            }
        }
        12 | 13 => {
            let key = key('s');
            let value = filling(rng, 9_000);
            Request {
                bytes: frame(&[b"SET", &key, &value]),
                want: Want::Reply(b"+OK\r\n".to_vec()),
                key: Some(key),
            }
        }
        14 if rng.between(0..4) == 0 => {
            let key = key('t');
            Request { bytes: frame(&[b"GET", &key]), want: Want::Long(get(&key)), key: Some(key) }
        }
        15 if rng.between(0..4) == 0 => {
            let key = key('e');
            Request { bytes: frame(&[b"GET", &key]), want: Want::Reply(get(&key)), key: Some(key) }
        }
        _ => {
            let key = key('g');
            Request { bytes: frame(&[b"GET", &key]), want: Want::Reply(get(&key)), key: Some(key) }
        }
    }
}

/// What an honest server answers to a request of these arguments.
pub(super) fn answer(arguments: &[Vec<u8>]) -> Vec<u8> {
    let keys = &arguments[1..];
    match arguments[0].to_ascii_lowercase().as_slice() {
        b"get" => get(&keys[0]),
        b"incr" => incr(&keys[0]),
        b"lrange" => list(&keys[0]),
        b"set" | b"mset" => b"+OK\r\n".to_vec(),
        b"mget" => {
            let head = format!("*{}\r\n", keys.len()).into_bytes();
            keys.iter().fold(head, |all, key| [all, get(key)].concat())
        }
        b"del" | b"exists" | b"unlink" | b"touch" => {
            format!(":{}\r\n", keys.iter().map(|key| hash(key) & 1).sum::<u64>()).into_bytes()
        }
        other => panic!("a server is asked {:?}", other.escape_ascii().to_string()),
    }
}

/// The keys of a request, so that a server notices one that it had before.
pub(super) fn keys(arguments: &[Vec<u8>]) -> impl Iterator<Item = &Vec<u8>> {
    let step = if arguments[0].eq_ignore_ascii_case(b"mset") { 2 } else { 1 };
    let is_one = ["set", "lrange"].iter().any(|one| arguments[0].eq_ignore_ascii_case(one.as_bytes()));
    let count = if is_one { 1 } else { usize::MAX };
    arguments[1..].iter().step_by(step).take(count)
}

fn get(key: &[u8]) -> Vec<u8> {
    let hash = hash(key);
    match key[0] {
        b't' => bulk(&vec![b't'; super::FRAME + 1 + (hash % 30_000) as usize]),
        b'e' => [b"-LOADING ", key, b"\r\n"].concat(),
        _ if hash.is_multiple_of(16) => b"$-1\r\n".to_vec(),
        b'g' if hash % 16 == 1 => [b"-ERR no ", key, b"\r\n"].concat(),
        b'g' if hash % 16 == 2 => {
            let value = [key, b"\r\n$-1\r\n+OK\r\n"].concat();
            bulk(&value.repeat(1 + (hash >> 8) as usize % 400))
        }
        _ => bulk(&[b"of ", key].concat()),
    }
}

fn incr(key: &[u8]) -> Vec<u8> {
    format!(":{}\r\n", hash(key) as i64 / 2).into_bytes()
}

fn list(key: &[u8]) -> Vec<u8> {
    [b"*3\r\n", &bulk(key)[..], b"*2\r\n*0\r\n:7\r\n$-1\r\n"].concat()
}

fn filling(rng: &mut Rng, longest: u64) -> Vec<u8> {
    let len = if rng.between(0..4) == 0 { rng.between(0..longest) } else { rng.between(0..40) };
    vec![b"\r\n$*x"[rng.between(0..5) as usize]; len as usize]
}

/// A request as clients write it.
pub(super) fn frame(words: &[&[u8]]) -> Vec<u8> {
    let head = format!("*{}\r\n", words.len()).into_bytes();
    words.iter().fold(head, |all, word| [all, bulk(word)].concat())
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// FNV-1a, mixed once more.
fn hash(key: &[u8]) -> u64 {
    let fnv = key.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Rng::new(fnv).next_u64()
}

/// The length of the reply at the front, measured by other code than that under test.
pub(super) fn reply_len(input: &[u8]) -> Option<usize> {
    let line = input.iter().position(|byte| *byte == b'\n')? + 1;
    let number = || str::from_utf8(&input[1..line - 2]).ok()?.parse::<i64>().ok();
    match input[0] {
        b'$' => {
            let Ok(len) = usize::try_from(number()?) else { return Some(line) };
            (input.len() >= line + len + 2).then_some(line + len + 2)
        }
        b'*' => (0..number()?.max(0)).try_fold(line, |at, _| Some(at + reply_len(&input[at..])?)),
        _ => Some(line),
    }
}

/// The arguments of the request at the front, and its length.
pub(super) fn arguments(input: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let mut at = 0;
    let mut number = |kind: u8| {
        let line = input[at..].iter().position(|byte| *byte == b'\n')? + 1;
        assert_eq!(input[at], kind, "a server gets {:?}", input[at..].escape_ascii().to_string());
        let number: usize = str::from_utf8(&input[at + 1..at + line - 2]).ok()?.parse().ok()?;
        at += line;
        if kind == b'$' {
            let word = input.get(at..at + number)?.to_vec();
            at += number + 2;
            return (input.len() >= at).then_some((number, word, at));
        }
        Some((number, Vec::new(), at))
    };
    let (count, _, mut end) = number(b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (_, word, at) = number(b'$')?;
        words.push(word);
        end = at;
    }
    Some((words, end))
}

/// The mux under test speaks this.
pub(super) type Mux = crate::mux::Mux<Redis>;
