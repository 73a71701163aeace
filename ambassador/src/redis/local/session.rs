//! Who a client is, as far as it has said.

use entourage_core::Moment;

use crate::redis::command::Command;

/// How long a name may be that a client gives itself or its library.
pub(super) const LONGEST: usize = 256;

/// Who a client is, as far as it has said.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// A number of its own.
    pub(crate) id: i64,
    /// Where it comes from, if that is known.
    pub(crate) address: Box<str>,
    /// When it came, if that is known.
    pub(crate) since: Option<Moment>,
    authenticated: bool,
    pub(super) name: Box<[u8]>,
    pub(super) library: Box<[u8]>,
    pub(super) library_version: Box<[u8]>,
}

impl Session {
    /// A client that has said nothing; `is_open` where nobody need say a password.
    pub(crate) fn new(id: i64, is_open: bool) -> Self {
        let (name, library, library_version) = Default::default();
        Self {
            id,
            address: "?:0".into(),
            since: None,
            authenticated: is_open,
            name,
            library,
            library_version,
        }
    }

    /// Whether it may be served this.
    #[inline]
    pub(crate) fn admits(&self, command: &Command) -> bool {
        self.authenticated || command.is_free()
    }

    pub(in crate::redis) const fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    pub(super) fn authenticate(&mut self) {
        self.authenticated = true;
    }

    /// Forgets what the client has said but what its library is.
    pub(super) fn reset(&mut self, is_open: bool) {
        self.authenticated = is_open;
        self.name = Box::default();
    }

    /// Takes the name that the client gives itself; an empty one takes it back.
    ///
    /// # Errors
    /// What is wrong with it, as a reply.
    pub(super) fn rename(&mut self, name: &[u8]) -> Result<(), &'static str> {
        if name.len() > LONGEST {
            return Err("ERR Client names are limited to 256 bytes by this proxy");
        }
        if !is_printed(name) {
            return Err("ERR Client names cannot contain spaces, newlines or special characters.");
        }
        self.name = name.into();
        Ok(())
    }
}

/// Whether a name may stand in a list of clients.
pub(super) fn is_printed(name: &[u8]) -> bool {
    name.iter().all(u8::is_ascii_graphic)
}
