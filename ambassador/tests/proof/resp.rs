//! Requests and replies as they are on the wire, written and read by code of the tests' own.

/// A request of these words.
pub(crate) fn frame(words: &[&[u8]]) -> Vec<u8> {
    let mut frame = format!("*{}\r\n", words.len()).into_bytes();
    words.iter().for_each(|word| push_bulk(&mut frame, word));
    frame
}

/// A reply of these bytes.
pub(crate) fn bulk(bytes: &[u8]) -> Vec<u8> {
    let mut reply = Vec::with_capacity(bytes.len() + 16);
    push_bulk(&mut reply, bytes);
    reply
}

fn push_bulk(into: &mut Vec<u8>, bytes: &[u8]) {
    into.extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
    into.extend_from_slice(bytes);
    into.extend_from_slice(b"\r\n");
}

/// A key whose value has so many bytes at least.
pub(crate) fn key(id: u64, len: usize) -> Vec<u8> {
    format!("k{id}:{len}").into_bytes()
}

/// The value of a key: it names the key, and is as long as that says.
pub(crate) fn value(key: &[u8]) -> Vec<u8> {
    let len = key
        .iter()
        .position(|byte| *byte == b':')
        .and_then(|at| str::from_utf8(&key[at + 1..]).ok()?.parse().ok());
    let mut value = [b"of ", key, b"\r\n"].concat();
    value.resize(value.len().max(len.unwrap_or(0)), b'$');
    value
}

/// What an honest server answers.
pub(crate) fn answer(words: &[Vec<u8>]) -> Vec<u8> {
    match words[0].to_ascii_lowercase().as_slice() {
        b"get" => bulk(&value(&words[1])),
        b"mget" => {
            let mut reply = format!("*{}\r\n", words.len() - 1).into_bytes();
            words[1..].iter().for_each(|key| push_bulk(&mut reply, &value(key)));
            reply
        }
        b"ping" => b"+PONG\r\n".to_vec(),
        b"echo" => bulk(&words[1]),
        // The proxy's own question to a server that has refused the one before.
        word if words.len() == 1 => {
            format!("-ERR unknown command '{}'\r\n", word.escape_ascii()).into_bytes()
        }
        b"set" => b"+OK\r\n".to_vec(),
        other => panic!("a server is asked {:?}", other.escape_ascii().to_string()),
    }
}

/// The length of the reply at the front, if it is whole.
pub(crate) fn reply_len(input: &[u8]) -> Option<usize> {
    let line = input.iter().position(|byte| *byte == b'\n')? + 1;
    let number = || str::from_utf8(input.get(1..line.checked_sub(2)?)?).ok()?.parse::<i64>().ok();
    match input[0] {
        b'$' => match usize::try_from(number()?) {
            Ok(len) => (input.len() >= line + len + 2).then_some(line + len + 2),
            Err(_) => Some(line),
        },
        b'*' => (0..number()?.max(0)).try_fold(line, |at, _| Some(at + reply_len(&input[at..])?)),
        _ => Some(line),
    }
}

/// The words of the request at the front, and its length, if it is whole.
///
/// # Panics
/// If it is no request: what comes over a new connection begins with one.
pub(crate) fn words(input: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let mut at = 0;
    let count = number(input, &mut at, b'*')?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let len = number(input, &mut at, b'$')?;
        words.push(input.get(at..at + len)?.to_vec());
        at += len + 2;
    }
    (input.len() >= at).then_some((words, at))
}

fn number(input: &[u8], at: &mut usize, kind: u8) -> Option<usize> {
    let rest = input.get(*at..)?;
    let line = rest.iter().position(|byte| *byte == b'\n')? + 1;
    assert_eq!(rest[0], kind, "a server gets {:?}", rest[..rest.len().min(99)].escape_ascii().to_string());
    *at += line;
    str::from_utf8(&rest[1..line - 2]).ok()?.parse().ok()
}

/// Whether the proxy says that a request has no reply.
pub(crate) fn is_failure(reply: &[u8]) -> bool {
    [
        &b"-ERR Connection timed out"[..],
        b"-ERR Connection refused",
        b"-ERR Connection reset by peer",
        b"-ERR Invalid argument",
        b"-ERR Host is down",
        b"-ERR Resource temporarily unavailable",
    ]
    .iter()
    .any(|words| reply.starts_with(words))
}
