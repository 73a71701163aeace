//! What the proxy says itself, in memcached's words where it has some.

pub(super) const ERROR: &str = "ERROR";
pub(super) const END: &str = "END";
pub(super) const OK: &str = "OK";
pub(super) const NOTHING_DONE: &str = "MN";
pub(super) const BAD_FORMAT: &str = "CLIENT_ERROR bad command line format";
pub(super) const BAD_DELETE: &str = "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]";
pub(super) const BAD_CHUNK: &str = "CLIENT_ERROR bad data chunk";
pub(super) const BAD_EXPTIME: &str = "CLIENT_ERROR invalid exptime argument";
pub(super) const TOO_MANY_OPTIONS: &str = "CLIENT_ERROR options flags too long";
pub(super) const MANY_GET_OPTIONS: &str = "CLIENT_ERROR options flags are too long";
pub(super) const DUPLICATE_FLAG: &str = "CLIENT_ERROR duplicate flag";
pub(super) const BAD_FLAG: &str = "CLIENT_ERROR invalid or duplicate flag";
pub(super) const TOO_LARGE: &str = "SERVER_ERROR object too large for cache";

/// memcached closes without a word.
pub(super) const LINE_TOO_LONG: &str = "CLIENT_ERROR line too long";
pub(super) const NO_BINARY: &str = "CLIENT_ERROR the binary protocol is not served; use the text protocol";
pub(super) const TOO_MANY_KEYS: &str = "CLIENT_ERROR too many keys; ask for fewer at a time";
pub(super) const CONCERNS_ONE: &str =
    "SERVER_ERROR this concerns one server, and a proxy has many; ask the server itself";
pub(super) const EMPTIES_ALL: &str =
    "SERVER_ERROR flush_all is not allowed: it would empty every server of the pool; ask each of them itself";
pub(super) const UNASKED_KEY: &str =
    "SERVER_ERROR Invalid argument: a server answered with a key that it was not asked for";
pub(super) const DELETES_NOREPLY: &str =
    "CLIENT_ERROR a key of the name noreply cannot be deleted this way; ask with md";
