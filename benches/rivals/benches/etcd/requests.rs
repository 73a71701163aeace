//! Requests, as the server counts them.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use entourage::core::{SystemClock, sleep};

use crate::{Outcome, lock::Lock};

/// So many waiters line up before the first release.
const WAITERS: usize = 16;

/// What the waiters send for each release: its bar is one request of one waiter.
pub(crate) struct Sent {
    /// Requests of waiters for each release.
    pub(crate) by_waiters: f64,
    /// All requests, by method.
    pub(crate) all: BTreeMap<String, u64>,
}

/// Lets a lock go from one waiter to the next, each of whom has it once, and counts.
pub(crate) async fn count<L: Lock>(endpoint: &str, name: &str) -> Outcome<Sent> {
    let mut owner = L::open(endpoint, name).await?;
    let owned = owner.acquire().await?;
    let mut waiting = Vec::new();
    for _ in 0..WAITERS {
        let mut lock = L::open(endpoint, name).await?;
        waiting.push(tokio::spawn(async move {
            let owned = lock.acquire().await?;
            lock.release(owned).await?;
            Outcome::Ok(lock)
        }));
    }
    let before = quiet(endpoint).await?;
    owner.release(owned).await?;
    // Kept until it is counted: a stream that ends counts as a request.
    let mut kept = Vec::new();
    for waiter in waiting {
        kept.push(waiter.await??);
    }
    let after = requests(endpoint)?;
    let since = |(method, count): (String, u64)| {
        let new = count - before.get(&method).copied().unwrap_or_default();
        (new > 0).then_some((method, new))
    };
    let all: BTreeMap<String, u64> = after.into_iter().filter_map(since).collect();
    drop(kept);
    // The owner's release and one of each waiter. After the last one nobody waits.
    let releases = WAITERS + 1;
    let sent: u64 = all.values().sum();
    let by_waiters = sent.saturating_sub(releases as u64) as f64 / WAITERS as f64;
    Ok(Sent { by_waiters, all })
}

/// The counts once they stand still: all have lined up.
async fn quiet(endpoint: &str) -> Outcome<BTreeMap<String, u64>> {
    let mut last = requests(endpoint)?;
    loop {
        sleep(&SystemClock::new(), Duration::from_millis(500)).await;
        let now = requests(endpoint)?;
        if now == last {
            return Ok(now);
        }
        last = now;
    }
}

/// How many requests of each method the server has answered.
fn requests(endpoint: &str) -> Outcome<BTreeMap<String, u64>> {
    let mut stream = TcpStream::connect(endpoint)?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    let mut counts = BTreeMap::new();
    for line in page.lines() {
        let Some(rest) = line.strip_prefix("grpc_server_handled_total{") else { continue };
        let Some((labels, count)) = rest.rsplit_once("} ") else { continue };
        let Some((_, method)) = labels.split_once("grpc_method=\"") else { continue };
        let Some((method, _)) = method.split_once('"') else { continue };
        let count: f64 = count.parse()?;
        *counts.entry(method.to_owned()).or_default() += count as u64;
    }
    Ok(counts)
}
