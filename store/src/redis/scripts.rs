//! What the server runs: each step of the store as one script.

use entourage_engine::redis::Script;

/// The text of some files of `lua/`, in this order.
macro_rules! lua {
    ($($file:literal),+) => {
        concat!($(include_str!(concat!("lua/", $file, ".lua"))),+)
    };
}

pub(super) static GET: Script = Script::reading("get", lua!("data", "get"));
pub(super) static PAGE: Script = Script::reading("page", lua!("data", "since", "page"));
pub(super) static CHANGES: Script = Script::reading("changes", lua!("data", "since", "changes"));
/// A transaction that writes nothing.
pub(super) static LOOK: Script = Script::reading("look", lua!("data", "judge", "look"));
pub(super) static TRANSACT: Script = Script::writing("transact", lua!("data", "judge", "commit", "transact"));
/// A transaction that only deletes, which is done though the server is out of memory.
pub(super) static DELETE: Script = Script::freeing("delete", lua!("data", "judge", "commit", "transact"));
pub(super) static OPEN: Script = Script::writing("session", lua!("data", "commit", "open"));
// Whoever holds something goes on holding it, and gives it back, on a server that is full.
pub(super) static RESUME: Script = Script::freeing("resume", lua!("data", "commit", "resume"));
pub(super) static RENEW: Script = Script::freeing("renew", lua!("data", "commit", "renew"));
pub(super) static END: Script = Script::freeing("end", lua!("data", "commit", "end"));
pub(super) static SWEEP: Script = Script::freeing("sweep", lua!("data", "commit", "sweep"));
