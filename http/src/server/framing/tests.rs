//! Requests cut and refused, whole and in pieces.

use proptest::prelude::{any, proptest};
use proptest::{collection, prop_assert, prop_assert_eq};

use super::*;

const HOST: &str = "host: a\r\n";

fn framing() -> Framing {
    Framing::new(Bounds::from(
        &Limits::new().with_target_bytes(32).with_header_bytes(256).with_headers(4).with_body_bytes(64),
    ))
}

/// The requests that `bytes` hold, each by its bytes; what is refused ends the list.
fn split(bytes: &[u8], step: usize) -> (Vec<Vec<u8>>, Option<Problem>) {
    let (mut framing, mut requests, mut present) = (framing(), Vec::new(), Vec::new());
    for piece in bytes.chunks(step) {
        let mut piece = piece;
        while !piece.is_empty() {
            match framing.take(piece) {
                Ok(taken) => {
                    assert!(taken > 0 && taken <= piece.len(), "progress within bounds");
                    present.extend_from_slice(&piece[..taken]);
                    piece = &piece[taken..];
                    if framing.place() == Place::Between {
                        requests.push(std::mem::take(&mut present));
                    }
                }
                Err(problem) => return (requests, Some(problem)),
            }
        }
    }
    (requests, None)
}

fn refusal(bytes: impl AsRef<[u8]>) -> u16 {
    let (requests, problem) = split(bytes.as_ref(), 7);
    assert_eq!(requests.len(), 0, "nothing is taken for a request");
    problem.expect("the bytes are refused").status().as_u16()
}

#[test]
fn pipelined_requests_are_cut_where_they_end() {
    let requests = [
        format!("GET /a HTTP/1.1\r\n{HOST}\r\n"),
        format!("POST /b HTTP/1.1\r\n{HOST}content-length: 5\r\n\r\nhello"),
        format!(
            "POST /c HTTP/1.1\r\n{HOST}Transfer-Encoding: Chunked \r\n\r\n3;x=y\r\nabc\r\n00a\r\n0123456789\r\n0\r\nt: v\r\n\r\n"
        ),
        "\r\nGET /d HTTP/1.0\r\n\r\n".to_owned(),
        format!("POST /e HTTP/1.1\r\n{HOST}expect: 100-continue\r\ncontent-length: 1\r\n\r\nx"),
    ];
    let all = requests.concat();
    for step in 1..all.len() {
        let (split, problem) = split(all.as_bytes(), step);
        assert_eq!(problem, None);
        let split: Vec<_> = split.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
        assert_eq!(split, requests, "in pieces of {step}");
    }
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let heads = [
        "content-length: 3\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 3\r\n",
        "content-length: 3\r\ncontent-length: 4\r\n",
        "content-length: 3\r\ncontent-length: 3\r\n",
        "content-length: 3, 3\r\n",
        "content-length: +3\r\n",
        "content-length: 0x3\r\n",
        "content-length: \r\n",
        "content-length: 99999999999999999999\r\n",
        "content-length: 000000000000000000000003\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "content-length : 3\r\n",
        " content-length: 3\r\n",
        "x: 1\r\n content-length: 3\r\n",
        "x: 1\ncontent-length: 3\r\n",
        "x: 1\rcontent-length: 3\r\n",
        "x: \0\r\n",
        ": x\r\n",
        "x\r\n",
        "host: b\r\n",
    ];
    for head in heads {
        assert_eq!(refusal(format!("POST / HTTP/1.1\r\n{HOST}{head}\r\n0\r\n\r\n")), 400, "{head:?}");
    }
    assert_eq!(refusal("GET / HTTP/1.1\r\n\r\n"), 400, "no host");
    assert_eq!(refusal("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
    assert_eq!(refusal("GET / HTTP/1.1\nhost: a\n\n"), 400, "bare line feeds");
    for coding in ["gzip", "gzip, chunked", "chunked, chunked", "identity", "xchunked", "\"chunked\"", ""] {
        let request = format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: {coding}\r\n\r\n0\r\n\r\n");
        assert_eq!(refusal(request), 501, "{coding:?}");
    }
}

#[test]
fn chunks_that_are_none_are_refused() {
    for body in [
        "\r\n",
        "g\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "-1\r\n",
        " 3\r\n",
        "3 \r\n",
        "00000000000000003\r\nabc\r\n",
        "0\r\nt v\r\n\r\n",
        "0\r\n t: v\r\n\r\n",
        "0\r\nt: v\n\r\n",
        "0\r\n\r0",
    ] {
        let request = format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\n{body}");
        assert_eq!(refusal(request), 400, "{body:?}");
    }
}

#[test]
fn sizes_are_taken_up_to_their_limits_and_not_beyond() {
    let target = |bytes: usize| format!("GET /{} HTTP/1.1\r\n{HOST}\r\n", "a".repeat(bytes - 1));
    assert_eq!(split(target(32).as_bytes(), 9).0.len(), 1);
    assert_eq!(refusal(target(33)), 414);

    let fields = |count: usize| format!("GET / HTTP/1.1\r\n{HOST}{}\r\n", "x: 1\r\n".repeat(count - 1));
    assert_eq!(split(fields(4).as_bytes(), 9).0.len(), 1);
    assert_eq!(refusal(fields(5)), 431);

    let head = |bytes: usize| {
        let rest = format!("GET / HTTP/1.1\r\n{HOST}x: \r\n\r\n").len();
        format!("GET / HTTP/1.1\r\n{HOST}x: {}\r\n\r\n", "v".repeat(bytes - rest))
    };
    assert_eq!(split(head(256).as_bytes(), 9).0.len(), 1);
    assert_eq!(refusal(head(257)), 431);

    let body = |bytes: usize| {
        format!("POST / HTTP/1.1\r\n{HOST}content-length: {bytes}\r\n\r\n{}", "b".repeat(bytes))
    };
    assert_eq!(split(body(64).as_bytes(), 9).0.len(), 1);
    assert_eq!(refusal(body(65)), 413);

    let chunks = |bytes: usize| {
        let chunks = "1\r\nb\r\n".repeat(bytes);
        format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
    };
    assert_eq!(split(chunks(64).as_bytes(), 9).0.len(), 1);
    assert_eq!(refusal(chunks(65)), 413);
    let chunked = format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\n");
    assert_eq!(refusal(format!("{chunked}ffffffffffffffff\r\n")), 413);
    assert_eq!(refusal(format!("{chunked}1;{}\r\nb\r\n0\r\n\r\n", "x".repeat(2_000))), 400);
    assert_eq!(refusal(format!("{chunked}0\r\nt: {}\r\n\r\n", "x".repeat(300))), 431);
    assert_eq!(refusal(format!("{chunked}0\r\n{}\r\n", "t: 1\r\n".repeat(5))), 431);
}

#[test]
fn other_protocols_are_told_what_is_spoken() {
    assert_eq!(refusal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
    assert_eq!(refusal("GET / HTTP/3.0\r\n"), 505);
    assert_eq!(refusal("GET / SPDY/1\r\n"), 400);
    assert_eq!(refusal("GET /\r\n"), 400);
    assert_eq!(refusal("GET  / HTTP/1.1\r\n"), 400);
    assert_eq!(refusal("\x16\x03\x01\x02\x00"), 400);
    assert_eq!(refusal("SSH-2.0-x\r\n"), 400);
    assert_eq!(refusal("A".repeat(40)), 501);
    assert_eq!(refusal(format!("PUT / HTTP/1.1\r\n{HOST}expect: magic\r\n\r\n")), 417);
}

proptest! {
    #[test]
    fn any_bytes_are_judged_alike_however_they_are_cut(
        bytes in collection::vec(any::<u8>(), 0..200),
        request in "(GET|POST) /[a-z]{0,4} HTTP/1\\.[01]\r\n(host: a\r\n)?((content-length: [0-9]{1,2}|transfer-encoding: chunked|x:[ -~]{0,5})\r\n){0,3}\r\n[0-9a-f\r\n]{0,30}",
        step in 1_usize..50,
    ) {
        for input in [bytes.clone(), request.clone().into_bytes(), [request.into_bytes(), bytes].concat()] {
            let whole = split(&input, input.len().max(1));
            prop_assert_eq!(&whole, &split(&input, step));
            prop_assert!(whole.0.concat().len() <= input.len());
        }
    }
}
