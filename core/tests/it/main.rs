//! Clocks, fences, retries and ends through the public API.

mod backoff;
mod clock;
mod fence;
mod merge;
mod shutdown;
mod watchdog;
