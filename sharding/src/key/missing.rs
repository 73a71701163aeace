/// A request does not have the part that it is sharded by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// It has no path.
    #[error("the request has no path, and it is sharded by it")]
    Path,

    /// No header has this name.
    #[error("the request has no header {name:?}, and it is sharded by it")]
    Header {
        /// The header's name.
        name: String,
    },

    /// No cookie has this name.
    #[error("the request has no cookie {name:?}, and it is sharded by it")]
    Cookie {
        /// The cookie's name.
        name: String,
    },

    /// Nobody knows the client's address.
    #[error("the address of the client is not known, and requests are sharded by it")]
    Peer,

    /// The look-up knows no country for the client's address.
    #[error("no country is known for the client's address, and requests are sharded by it")]
    Country,

    /// The position is unknown, or is no place on a map.
    #[error("the request has no position on the map, or one beyond it, and is sharded by it")]
    Position,
}
