use std::num::{NonZeroU32, NonZeroUsize};

/// How much a pool takes: bounds that always hold.
///
/// | bound | default | beyond it |
/// |---|---|---|
/// | [`clients`](Self::clients) | 10,000 | a connection is told so and closed |
/// | [`pipeline`](Self::pipeline) | 1,024 requests | the client is not read until it is answered |
/// | [`owed`](Self::owed) | 4 MiB, foreseen | the client is not read until it reads |
/// | [`unread`](Self::unread) | 32 MiB | the client is closed: it does not read |
/// | [`frame`](Self::frame) | 64 MiB | an error to the client; a longer reply is thrown away |
/// | [`arguments`](Self::arguments) | 1,048,576 | an error to the client, which is closed |
/// | [`queued`](Self::queued) | 32 MiB for one server | an error to the client |
/// | [`buffered`](Self::buffered) | 1 GiB for all clients | who holds the most is closed, and so on, down to 64 KiB |
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Clients at a time.
    pub clients: NonZeroUsize,
    /// Requests of one client that have no answer yet.
    pub pipeline: NonZeroUsize,
    /// Bytes that one client may be owed, as its replies of late foretell, before it is read again;
    /// what is remembered of its requests to many servers counts too.
    pub owed: usize,
    /// Bytes that wait for one client to read them; more in one reply than that may wait alone.
    pub unread: usize,
    /// Bytes of one request or reply.
    pub frame: usize,
    /// Arguments of one request, the command's name included.
    pub arguments: NonZeroU32,
    /// Bytes that wait to be sent to one server over one connection.
    pub queued: usize,
    /// Bytes that are held for all clients of a pool together, on one thread: requests that are not
    /// whole, what is remembered of requests to many servers, and replies that are not read.
    pub buffered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            clients: NonZeroUsize::new(10_000).expect("not zero"),
            pipeline: NonZeroUsize::new(1_024).expect("not zero"),
            owed: 4 * MIB,
            unread: 32 * MIB,
            frame: 64 * MIB,
            arguments: NonZeroU32::new(1_048_576).expect("not zero"),
            queued: 32 * MIB,
            buffered: 1024 * MIB,
        }
    }
}
