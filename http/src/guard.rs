//! Panics that end one request and not its connection.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    task::Poll,
};

use entourage_core::planted;

/// The panic's message, for a log.
#[derive(Debug)]
pub(crate) struct Panicked(pub(crate) String);

/// Runs `future`, and ends with its panic instead of passing it on.
///
/// What the panic left half-done inside the future is dropped with it.
pub(crate) async fn guarded<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(payload) if planted("http-panic-passes") => resume_unwind(payload),
        Err(payload) => Poll::Ready(Err(Panicked(message(&*payload)))),
    })
    .await
}

/// As [`guarded`], for what does not wait.
pub(crate) fn guarded_call<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| Panicked(message(&*payload)))
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
