//! One atomic step at the server.

use std::{fmt, sync::OnceLock};

use entourage_core::planted;

use super::{call::Call, fault::Intent};

/// How many items one call of a script may name: others wait while it runs.
pub const MOST_ITEMS: usize = 100;

/// One atomic step at the server, written in Lua.
///
/// Its body is run as a function, behind a prelude that has checked the prefix. It may use
///
/// | name | what it is |
/// | --- | --- |
/// | `ARGV[1…]`, `#ARGV` | the arguments of the call, and nothing else |
/// | `KEYS[1]` | `{prefix}`, the hash of realm and counter; no other key is passed |
/// | `key(name)` | the key `{prefix}:name`; every key is made so, hence all are in one slot |
/// | `now` | the server's wall clock (`TIME`) in µs since 1970, the same in the whole script |
/// | `is_past(deadline)` | whether this time in µs has come; a deadline has passed when it is reached |
/// | `mint(n)` | the first of `n` (or 1) versions in a row: `max(counter + 1, now)`, never given before |
/// | `counter` | the highest version that was ever given |
/// | `seen` | the highest version that the caller has seen, as text; `0` while it opens the prefix |
/// | `int(number)` | the number as text, never as `1.8e+15`; for all that is kept or concatenated |
/// | `refuse(word, text)` | to be returned: [`Fault::Said`](super::Fault::Said) with this word |
///
/// and returns what the caller gets as an [`Answer`](super::Answer): `nil` and `false` are
/// [`Answer::Nil`](super::Answer::Nil); of a table only what stands before its first `nil`.
///
/// # Contract
/// * It takes time in proportion to its arguments, of at most [`MOST_ITEMS`] items.
/// * It refuses before it has written anything: what a script wrote before an error stays.
/// * Whatever it unpacks has at most [`MOST_ITEMS`] elements.
///
/// A script is told apart from its neighbours by what it may do. All of them are refused by a
/// replica, also those that only read: what is read there may have been overwritten long ago.
///
/// # Examples
/// ```
/// use entourage_engine::redis::Script;
///
/// static TAKE: Script = Script::writing(
///     "take",
///     "if redis.call('EXISTS', key(ARGV[1])) == 1 then return refuse('TAKEN') end
///      local version = mint()
///      redis.call('SET', key(ARGV[1]), int(version))
///      return version",
/// );
/// let call = TAKE.call().arg("printer");
/// ```
pub struct Script {
    name: &'static str,
    body: &'static str,
    access: Access,
    compiled: OnceLock<Compiled>,
}

/// What a script may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Free,
}

/// What the server is sent.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) text: String,
    /// Its SHA-1 in hexadecimal, by which the server knows it once it has seen it.
    pub(super) hash: String,
}

impl Script {
    const PRELUDE: &'static str = include_str!("prelude.lua");
    const EPILOGUE: &'static str = include_str!("epilogue.lua");

    /// A script that changes nothing, and is run though the server is out of memory.
    #[must_use]
    pub const fn reading(name: &'static str, body: &'static str) -> Self {
        Self::new(name, body, Access::Read)
    }

    /// A script that changes something, and is refused as a whole if the server is out of memory.
    #[must_use]
    pub const fn writing(name: &'static str, body: &'static str) -> Self {
        Self::new(name, body, Access::Write)
    }

    /// A script that takes away more than it adds, and is run though the server is out of memory.
    ///
    /// What settles or deletes is one of these: else a server that is full could never be emptied.
    #[must_use]
    pub const fn freeing(name: &'static str, body: &'static str) -> Self {
        Self::new(name, body, Access::Free)
    }

    const fn new(name: &'static str, body: &'static str, access: Access) -> Self {
        Self { name, body, access, compiled: OnceLock::new() }
    }

    /// A call of it, to be given its arguments.
    pub const fn call(&self) -> Call<'_> {
        Call::new(self)
    }

    pub(super) const fn intent(&self) -> Intent {
        match self.access {
            Access::Read => Intent::Read,
            Access::Write | Access::Free => Intent::Write,
        }
    }

    /// Made at the first call.
    pub(super) fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| {
            // A script that names its flags is refused by the server before it has begun, not
            // half-way; `no-writes` is not named, because then a replica would run it.
            let flags = match self.access {
                Access::Read | Access::Free => " flags=allow-oom",
                Access::Write => "",
            };
            let (name, body) = (self.name, self.body);
            let prelude = match planted("redis-counts-alone") {
                true => Self::PRELUDE.replace("math.max(counter + 1, now)", "counter + 1"),
                false => Self::PRELUDE.to_owned(),
            };
            let epilogue = Self::EPILOGUE;
            let text =
                format!("#!lua{flags}\n-- {name}\n{prelude}local function body()\n{body}\nend\n{epilogue}");
            let hash = ::redis::Script::new(&text).get_hash().to_owned();
            Compiled { text, hash }
        })
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("name", &self.name)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Script;

    #[test]
    fn the_planted_fault_is_in_the_prelude() {
        assert!(Script::PRELUDE.contains("math.max(counter + 1, now)"));
    }

    #[test]
    fn a_hash_is_of_the_whole_text_and_made_once() {
        let script = Script::reading("one", "return 1");
        let compiled = script.compiled();
        assert_eq!(compiled.hash.len(), 40);
        assert!(std::ptr::eq(compiled, script.compiled()));
        assert_ne!(compiled.hash, Script::writing("one", "return 1").compiled().hash);
        assert_ne!(compiled.hash, Script::reading("one", "return 2").compiled().hash);
    }
}
