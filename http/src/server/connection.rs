//! One connection, from its first byte to its last.

use std::{future::poll_fn, pin::pin, sync::Arc, time::Duration};

use entourage_core::{BoxError, Clock, timeout};
use hyper::server::conn::http1;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tower_service::Service;

use super::{answer::Answering, gate::Gate, line::Line};
use crate::{
    problem::Problem,
    service::{Request, Response},
};

/// How long a client that was refused may take to read why.
const LINGER: Duration = Duration::from_secs(1);
/// How much it may still send meanwhile.
const LINGER_BYTES: usize = 256 * 1024;
/// What the HTTP library demands as its least.
const LEAST_BUFFER: usize = 8 * 1024;
/// Up to so many header fields it parses without an allocation.
const USUAL_HEADERS: usize = 100;

/// Serves one connection over any socket.
pub(super) async fn serve<Io, S>(io: Io, service: S, line: Arc<Line>)
where
    Io: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    let limits = &line.house.limits;
    let mut builder = http1::Builder::new();
    // The gate keeps all times. A client that ends its side still gets its answer, and a handler
    // is never dropped half-way because a client went.
    builder.half_close(true).header_read_timeout(None);
    builder.max_buf_size(limits.header_bytes.saturating_add(LEAST_BUFFER));
    if limits.headers > USUAL_HEADERS {
        builder.max_headers(limits.headers);
    }
    let gate = Gate::new(io, Arc::clone(&line));
    let answering = Answering { service: Box::new(service), line: Arc::clone(&line) };
    let mut connection = builder.serve_connection(gate, answering);

    let mut draining = pin!(line.house.shutdown.draining());
    let mut is_told = false;
    loop {
        tokio::select! {
            biased;
            ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => {
                if let Err(error) = ended {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
                }
                break;
            }
            // The gate reads the phase itself, whenever it waits: this only wakes it.
            () = &mut draining, if !is_told => is_told = true,
        }
    }
    let mut gate = connection.into_parts().io;
    if gate.is_stalled() {
        return;
    }
    let refusal = line.take_refusal();
    let must_linger = refusal.is_some() || line.has_unread_body() || gate.has_leftover();
    close(gate.io(), &*line.house.clock, refusal, must_linger).await;
}

/// Tells one client too many to come back later.
pub(super) async fn turn_away<Io>(mut io: Io, clock: &dyn Clock, problem: Problem)
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    close(&mut io, clock, Some(problem), true).await;
}

/// Says the last words and ends our side.
///
/// A socket that is closed while bytes lie in it unread resets the connection, and the client
/// may never see the answer: so a client that was refused is listened to a little longer.
async fn close<Io>(io: &mut Io, clock: &dyn Clock, refusal: Option<Problem>, must_linger: bool)
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let words = async {
        if let Some(problem) = refusal {
            io.write_all(&problem.into_last_words()).await?;
        }
        io.shutdown().await?;
        if must_linger {
            let mut sink = [0; 1024];
            let mut left = LINGER_BYTES;
            loop {
                match io.read(&mut sink).await? {
                    0 => break,
                    read if read > left => break,
                    read => left -= read,
                }
            }
        }
        std::io::Result::Ok(())
    };
    // Whether it was heard changes nothing any more.
    let _ = timeout(clock, LINGER, words).await;
}
