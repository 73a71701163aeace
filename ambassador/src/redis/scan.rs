//! SCAN over every shard, one after the other.
//!
//! A client's cursor is `cursor of the shard × shards + shard`, so that it is as small as may be: some
//! clients keep it in 53 bits. The end of one shard is the beginning of the next, `0` the end of the
//! last. Where shards are added or taken away in between, a cursor of before may pass over keys.

use super::{
    Redis,
    args::Args,
    command::{Command, Refusal},
    expected::{Expected, Then},
    header,
    wire::{Number, number},
};
use crate::mux::Desk;

/// Forwards a SCAN to the shard that its cursor names.
pub(super) fn forward<'a>(
    command: &'static Command,
    frame: &[u8],
    args: &Args<'a>,
    desk: &mut Desk<'_, Redis>,
) -> Result<(), Refusal<'a>> {
    let aim = Aim::of(args, desk.servers())?;
    let then = Then::Scan { shard: aim.shard, shards: aim.shards };
    let expected = Expected { reply: command.reply, then };
    desk.send(aim.shard.into(), expected, frame.len(), |out| aim.write(frame, args, out.tail()));
    Ok(())
}

/// The shard that a SCAN goes to, and its cursor there.
#[derive(Debug)]
pub(crate) struct Aim {
    pub(crate) shard: u16,
    pub(crate) shards: u16,
    cursor: String,
}

impl Aim {
    /// Where a SCAN of these arguments goes on, among so many shards.
    ///
    /// # Errors
    /// Its cursor is none.
    pub(crate) fn of<'a>(args: &Args<'a>, shards: usize) -> Result<Self, Refusal<'a>> {
        let cursor = args.get(1).and_then(|text| str::from_utf8(text).ok()?.parse::<u64>().ok());
        let Some(cursor) = cursor else { return Err(Refusal::Cursor) };
        let shards = u16::try_from(shards).unwrap_or(u16::MAX);
        let (shard, cursor) = (cursor % u64::from(shards), cursor / u64::from(shards));
        Ok(Self { shard: shard as u16, shards, cursor: cursor.to_string() })
    }

    /// Writes the request to that shard.
    pub(crate) fn write(&self, frame: &[u8], args: &Args<'_>, out: &mut Vec<u8>) {
        header(out, b'*', args.len());
        out.extend_from_slice(b"$4\r\nSCAN\r\n");
        header(out, b'$', self.cursor.len());
        out.extend_from_slice(self.cursor.as_bytes());
        let rest = args.span(1).and_then(|span| frame.get(span.range().end..));
        out.extend_from_slice(rest.unwrap_or_default());
    }
}

/// Writes a shard's reply with the cursor of all shards in place of its own.
pub(crate) fn relay(shard: u16, shards: u16, reply: &[u8], out: &mut Vec<u8>) {
    let Some((cursor, keys)) = cursor(reply) else {
        // An error, or nothing that a SCAN is answered with.
        return out.extend_from_slice(reply);
    };
    let next = match cursor {
        0 if shard + 1 == shards => Some(0),
        0 => Some(u64::from(shard) + 1),
        _ => cursor.checked_mul(u64::from(shards)).and_then(|cursor| cursor.checked_add(u64::from(shard))),
    };
    let Some(next) = next else {
        return out.extend_from_slice(b"-ERR the cursor of this shard is too large to be one of all\r\n");
    };
    let next = next.to_string();
    out.extend_from_slice(b"*2\r\n");
    header(out, b'$', next.len());
    out.extend_from_slice(next.as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(keys);
}

/// The cursor of a SCAN's reply, and what is behind it.
fn cursor(reply: &[u8]) -> Option<(u64, &[u8])> {
    let bulk = reply.strip_prefix(b"*2\r\n$")?;
    let Number::Is(len, line) = number(bulk) else { return None };
    let end = line.checked_add(usize::try_from(len).ok()?)?;
    let text = str::from_utf8(bulk.get(line..end)?).ok()?;
    Some((text.parse().ok()?, bulk.get(end + 2..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relayed(shard: u16, reply: &str) -> String {
        let mut out = Vec::new();
        relay(shard, 3, reply.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_end_of_a_shard_is_the_beginning_of_the_next_and_that_of_the_last_is_the_end() {
        let keys = "*1\r\n$1\r\nk\r\n";
        assert_eq!(relayed(0, &format!("*2\r\n$1\r\n0\r\n{keys}")), format!("*2\r\n$1\r\n1\r\n{keys}"));
        assert_eq!(relayed(1, &format!("*2\r\n$2\r\n17\r\n{keys}")), format!("*2\r\n$2\r\n52\r\n{keys}"));
        assert_eq!(relayed(2, &format!("*2\r\n$1\r\n0\r\n{keys}")), format!("*2\r\n$1\r\n0\r\n{keys}"));
    }

    #[test]
    fn an_error_is_relayed_and_a_cursor_that_is_too_large_is_one() {
        assert_eq!(relayed(0, "-ERR syntax error\r\n"), "-ERR syntax error\r\n");
        assert!(relayed(2, "*2\r\n$20\r\n18446744073709551615\r\n*0\r\n").starts_with("-ERR the cursor"));
    }
}
