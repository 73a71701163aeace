//! Stands in for an older `libsqlite3-sys` by handing out the newer one, so that two users of SQLite
//! which ask for different versions link the same.

pub use newer::*;
