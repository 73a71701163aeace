mod keys;
mod lookup;
mod peer;
mod refusals;
mod replies;
mod table;

pub(in crate::redis) use self::peer::{Peer, Value, lines, redis};
