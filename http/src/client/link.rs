//! One connection of a client, driven by whoever uses it.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
};

use bytes::{Bytes, BytesMut};
use entourage_core::{BoxError, Moment};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Body, Incoming},
    client::conn::http1,
};
use tokio::net::TcpStream;

use super::{
    limits::ClientLimits,
    wire::{Sent, Wire},
};
use crate::service::{Request, Response};

/// An informational answer that is the last: what follows is another protocol's.
const SWITCHED: &str = "the server switched protocols, unasked";
/// What the HTTP library demands as its least.
const LEAST_BUFFER: usize = 8 * 1024;

/// A connection without a task of its own: it goes on only while a request waits on it, so that
/// dropping the request is all it takes to end it.
#[derive(Debug)]
pub(super) struct Link<B: Body + 'static = Full<Bytes>> {
    sender: http1::SendRequest<B>,
    // Boxed, so that a link can be moved into the pool and out again.
    connection: Pin<Box<http1::Connection<Wire<TcpStream>, B>>>,
    is_over: bool,
    pub(super) born: Moment,
}

/// Why an exchange gave no answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// The connection failed.
    Broken(BoxError),
    /// The answer's body is too large.
    TooLarge,
}

impl<B> Link<B>
where
    B: Body<Data: Send, Error: Into<BoxError>> + 'static,
{
    pub(super) async fn open(
        stream: TcpStream,
        limits: &ClientLimits,
        sent: Sent,
        born: Moment,
    ) -> Result<Self, BoxError> {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(limits.header_bytes.max(LEAST_BUFFER));
        builder.max_header_size(limits.header_bytes).max_headers(limits.headers);
        let (sender, connection) = builder.handshake(Wire::new(stream, sent)).await?;
        Ok(Self { sender, connection: Box::pin(connection), is_over: false, born })
    }

    /// One request and the head of its answer, whose body [drives](Self::drive) the link on.
    pub(super) async fn begin(
        &mut self,
        request: http::Request<B>,
    ) -> Result<http::Response<Incoming>, BoxError> {
        let Self { sender, connection, is_over, .. } = self;
        drive(connection, is_over, async {
            sender.ready().await?;
            let answer = sender.send_request(request).await?;
            if answer.status().is_informational() {
                return Err(SWITCHED.into());
            }
            Ok(answer)
        })
        .await
    }

    /// Runs `work` while the connection is driven beside it.
    pub(super) async fn drive<F: Future>(&mut self, work: F) -> F::Output {
        drive(&mut self.connection, &mut self.is_over, work).await
    }
}

impl Link {
    /// One request and its whole answer.
    pub(super) async fn exchange(&mut self, request: Request, most: usize) -> Result<Response, Lost> {
        let Self { sender, connection, is_over, .. } = self;
        let exchange = async {
            sender.ready().await?;
            let answer = sender.send_request(request.map(Full::new)).await?;
            if answer.status().is_informational() {
                return Err(SWITCHED.into());
            }
            let (parts, body) = answer.into_parts();
            let body = collect(body, most).await?;
            Ok::<_, BoxError>(body.map(|body| Response::from_parts(parts, body)))
        };
        match drive(connection, is_over, exchange).await {
            Ok(Some(response)) => Ok(response),
            Ok(None) => Err(Lost::TooLarge),
            Err(error) => Err(Lost::Broken(error)),
        }
    }

    /// Whether another request can be sent, as far as is known now.
    pub(super) async fn is_usable(&mut self) -> bool {
        poll_fn(|cx| {
            if !self.is_over {
                self.is_over = self.connection.as_mut().poll(cx).is_ready();
            }
            Poll::Ready(!self.is_over && self.sender.is_ready())
        })
        .await
    }
}

/// Runs `work` while the connection is driven beside it.
async fn drive<C: Future, F: Future>(connection: &mut Pin<Box<C>>, is_over: &mut bool, work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|cx| {
        // The connection first: what it reads, the work sees in the same turn.
        if !*is_over {
            *is_over = connection.as_mut().poll(cx).is_ready();
        }
        work.as_mut().poll(cx)
    })
    .await
}

/// The body, or none if it has more than `most` bytes.
async fn collect(mut body: Incoming, most: usize) -> hyper::Result<Option<Bytes>> {
    if body.size_hint().lower() > most as u64 {
        return Ok(None);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if data.len() > most - whole.len() {
            return Ok(None);
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(Some(data));
        }
        whole.extend_from_slice(&data);
    }
    Ok(Some(whole.freeze()))
}
