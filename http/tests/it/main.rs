//! What the server, the client and the admin page promise, over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admin;
mod answers;
mod asking;
mod clock;
mod drain;
mod exposition;
mod hostile;
mod limits;
mod raw;
mod scripted;
mod slow;
mod transfer;
