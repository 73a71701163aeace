//! Who an owner is, for people who read the store.

use std::{
    fmt, process,
    sync::{Arc, OnceLock},
};

use entourage_core::{Clock, SystemClock};

/// Who an owner is: stored with the lock and beside its fence, for those who look.
///
/// It tells people whom to ask; it excludes nobody. Two incarnations of one program are two
/// owners, whatever they call themselves: what tells them apart is the session and the fence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity(Arc<str>);

impl Identity {
    /// Longest identity, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// An identity of this text; white space and control characters become `_`, and what is
    /// longer than [`Identity::MAX_BYTES`] is cut.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Self {
        let mut kept = String::new();
        for letter in text.as_ref().chars() {
            let letter = if letter.is_whitespace() || letter.is_control() { '_' } else { letter };
            if kept.len() + letter.len_utf8() > Self::MAX_BYTES {
                break;
            }
            kept.push(letter);
        }
        Self(if kept.is_empty() { "_".into() } else { kept.into() })
    }

    /// This process: the machine's name, and the process's number with the moment, by the boot
    /// clock, at which it was first asked; the same for the life of the process.
    #[must_use]
    pub fn of_process() -> Self {
        static PROCESS: OnceLock<Identity> = OnceLock::new();
        let read = || {
            let uname = rustix::system::uname();
            let host = uname.nodename().to_string_lossy();
            // Process numbers come again, in a container always the same ones; moments do not.
            Self::new(format!("{host}/{}-{:x}", process::id(), SystemClock::new().now().as_nanos()))
        };
        PROCESS.get_or_init(read).clone()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_one_word_of_bounded_length() {
        assert_eq!(Identity::new("my host\n1").as_str(), "my_host_1");
        assert_eq!(Identity::new("").as_str(), "_");
        assert_eq!(Identity::new("ü".repeat(200)).as_str().len(), 256);
    }

    #[test]
    fn a_process_has_one_identity_that_names_its_machine_and_itself() {
        let identity = Identity::of_process();
        assert_eq!(identity, Identity::of_process());
        assert!(identity.as_str().contains(&format!("/{}-", process::id())), "{identity}");
    }
}
