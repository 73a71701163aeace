//! The name of a session, with which it can be resumed.

use std::{fmt, str::FromStr};

use entourage_core::Realm;

use crate::error::{Error, Result};

/// Names a session within one store's incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId {
    /// The store that opened it.
    pub realm: Realm,
    /// Its number there.
    pub number: u64,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:x}", self.realm, self.number)
    }
}

impl FromStr for SessionId {
    type Err = Error;

    /// Reads what [`Display`](fmt::Display) prints, so that an id survives a restart in a file.
    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let (realm, number) = text.split_once('/')?;
            let realm = Realm::new(u128::from_str_radix(realm, 16).ok()?);
            Some(Self { realm, number: u64::from_str_radix(number, 16).ok()? })
        };
        parse().ok_or_else(|| {
            Error::Invalid(format!("{text:?} is not a session id (realm/number, in hexadecimal)"))
        })
    }
}
