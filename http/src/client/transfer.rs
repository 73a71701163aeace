//! Bodies of any size: sent and read piece by piece, on a connection of their own.

use std::{fmt, pin::pin, sync::Arc};

use bytes::Bytes;
use entourage_core::{planted, timeout};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    ask::{Client, Shared},
    link::Link,
    upload::Upload,
    wire::Sent,
};
use crate::error::Result;

impl Client {
    /// Sends a request whose body may come in pieces, and reads the head of its answer.
    ///
    /// It has a connection of its own, is tried once, and its bodies have no limit but the caller's.
    /// The deadline of the limits is one of silence: it begins again as long as the system takes bytes
    /// to send, and with each piece that is read. What the system still holds in the end, up to
    /// megabytes, is to be sent and answered within one. Put the pieces of the upload beside this call, and no longer once it has answered: a
    /// server may answer before it has read all.
    ///
    /// # Errors
    /// As [`send`](Self::send), but for bodies that are too large.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn transfer(&self, request: http::Request<Upload>) -> Result<http::Response<Download>> {
        let shared = Arc::clone(&self.shared);
        let is_empty = request.body().is_end_stream();
        let request = shared.prepared(request, is_empty)?;
        let (sent, limits) = (Sent::default(), &shared.limits);
        let opening = timeout(&*shared.clock, limits.deadline, async {
            let slot = Arc::clone(&shared.slots).acquire_owned().await;
            let slot = slot.map_err(|closed| shared.lost(false, Box::new(closed)))?;
            let stream = shared.connect().await?;
            let link = Link::open(stream, limits, sent.clone(), shared.clock.now()).await;
            Ok((link.map_err(|error| shared.lost(false, error))?, slot))
        });
        let (mut link, slot) =
            opening.await.unwrap_or_else(|elapsed| Err(shared.lost(false, Box::new(elapsed))))?;
        let answer = {
            let mut exchange = pin!(link.begin(request));
            loop {
                let before = sent.bytes();
                match timeout(&*shared.clock, limits.deadline, &mut exchange).await {
                    Ok(answer) => break answer.map_err(|error| shared.lost(sent.is_true(), error))?,
                    Err(_) if sent.bytes() > before => {}
                    Err(elapsed) => return Err(shared.lost(sent.is_true(), Box::new(elapsed))),
                }
            }
        };
        Ok(answer.map(|body| Download { link, body, is_broken: false, shared, _slot: slot }))
    }
}

/// An answer's body that is read piece by piece; dropped, its connection ends.
pub struct Download {
    link: Link<Upload>,
    body: Incoming,
    is_broken: bool,
    shared: Arc<Shared>,
    _slot: OwnedSemaphorePermit,
}

impl Download {
    /// The next piece, and none after the last.
    ///
    /// # Errors
    /// [`Error::Unknown`](crate::Error::Unknown) when the body was cut, is framed wrongly, or the
    /// server has said nothing for the deadline; then no piece follows.
    ///
    /// # Cancel safety
    /// No piece is lost.
    pub async fn piece(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.is_broken {
                return Err(self.shared.lost(true, "the answer's body was cut before".into()));
            }
            let frame = self.link.drive(self.body.frame());
            let error = match timeout(&*self.shared.clock, self.shared.limits.deadline, frame).await {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) => return Ok(Some(piece)),
                    // Trailers.
                    Err(_) => continue,
                },
                Ok(Some(Err(_))) if planted("http-cut-is-whole") => return Ok(None),
                Ok(Some(Err(error))) => error.into(),
                Err(elapsed) => elapsed.into(),
            };
            self.is_broken = true;
            return Err(self.shared.lost(true, error));
        }
    }

    /// How many bytes are still to come, if the server has said how long the body is.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("left", &self.left()).finish_non_exhaustive()
    }
}
