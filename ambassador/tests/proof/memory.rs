//! How much of the machine a client can make the proxy take.

use std::{net::TcpStream as Plain, time::Duration};

use entourage_core::{Clock, SystemClock};
use entourage_testkit::{eventually_async, mimic::Trial};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    DEADLINE,
    asker::ask,
    child::{self, Child},
    is_long,
    proxy::{self, connect},
    resp::{bulk, frame, value},
    server::{self, Habit},
    trial,
};

const MIB: u64 = 1024 * 1024;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a5_a_client_that_pipelines_and_never_reads_takes_a_bounded_memory",
            a5_a_client_that_pipelines_and_never_reads_takes_a_bounded_memory,
        ),
        trial(
            "a5_replies_that_wait_behind_a_stalled_one_take_a_bounded_memory",
            a5_replies_that_wait_behind_a_stalled_one_take_a_bounded_memory,
        ),
        trial("a5_an_idle_client_takes_no_more_than_16_kib", a5_an_idle_client_takes_no_more_than_16_kib),
    ]
}

/// A request for so many bytes, which may be made again.
fn get(len: usize) -> (Vec<u8>, Vec<u8>) {
    let key = format!("r:{len}").into_bytes();
    (frame(&[b"GET", &key]), bulk(&value(&key)))
}

/// How much it takes while a bystander asks so often; at once too much if it is more than this.
async fn watched(child: &Child, times: u32, bound: u64) -> u64 {
    let mut bystander = connect(child.address).await;
    let mut most = 0;
    for turn in 0..times {
        let (request, reply) = get(if turn % 2 == 0 { 10 } else { 8_000 });
        assert_eq!(ask(&mut bystander, &request).await, reply);
        if turn % 8 == 0 {
            most = most.max(child.memory());
            assert!(most <= bound, "it takes {} MiB of {}", most / MIB, bound / MIB);
        }
    }
    most
}

async fn a5_a_client_that_pipelines_and_never_reads_takes_a_bounded_memory() {
    let (one, _) = server::serve(|| Habit::Honest).await;
    let (other, _) = server::serve(|| Habit::Honest).await;
    let child = Child::start(&[one, other], "timeout: 30000", 1_000);
    let before = watched(&child, 200, u64::MAX).await;
    let mut greedy = connect(child.address).await;
    let sends = tokio::task::spawn_local(async move {
        for number in 0..300_000_usize {
            let (request, _) = get(1024 << (number % 7));
            // It ends when the proxy does; until then the proxy reads no more than it may.
            if greedy.write_all(&request).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    });
    for _ in 0..if is_long() { 100 } else { 6 } {
        watched(&child, 200, before + 64 * MIB).await;
    }
    // It waits for what does not come, and that costs nothing: a hundredth of a second is a tick.
    let clock = SystemClock::new();
    let mut began = (clock.now(), child.ticks());
    eventually_async(DEADLINE, "it rests for half a second, since nobody asks", async || {
        let (now, ticks) = (clock.now(), child.ticks());
        let (span, busy) = (now.since(began.0), ticks - began.1);
        if span < Duration::from_millis(500) {
            return None;
        }
        began = (now, ticks);
        (u128::from(busy) * 25 < span.as_millis()).then_some(())
    })
    .await;
    sends.abort();
}

async fn a5_replies_that_wait_behind_a_stalled_one_take_a_bounded_memory() {
    let (deaf, _) = server::serve(|| Habit::Deaf(0)).await;
    let (honest, _) = server::serve(|| Habit::Honest).await;
    let child = Child::start(&[deaf, honest], "preconnect: true", 1_000);
    let homes = proxy::homes(2);
    let named = |home: usize, len: usize| {
        let key = (0..).map(|n| format!("r{n}:{len}").into_bytes()).find(|key| homes(key) == home);
        frame(&[b"GET", &key.expect("each server has keys")])
    };
    let mut greedy = connect(child.address).await;
    // Replies of late say what those to come will be: these are short.
    let small = named(1, 0);
    greedy.write_all(&small.repeat(300)).await.expect("the proxy reads");
    let mut got = 0;
    let mut chunk = vec![0; 64 * 1024];
    while got < 300 {
        let count = greedy.read(&mut chunk).await.expect("the proxy answers");
        got += chunk[..count].windows(3).filter(|window| window == b"of ").count();
    }
    let before = child.memory();
    let big = named(1, 512 * 1024);
    let batch = [named(0, 0), big.repeat(900)].concat();
    greedy.write_all(&batch).await.expect("the proxy reads");
    let mut bystander = connect(child.address).await;
    let mut most = 0;
    // Each of these comes behind what was asked of the honest server before.
    for _ in 0..150 {
        assert!(ask(&mut bystander, &small).await.starts_with(b"$"));
        most = most.max(child.memory());
    }
    let grown = most.saturating_sub(before);
    assert!(grown <= 64 * MIB, "it has grown by {} MiB", grown / MIB);
}

async fn a5_an_idle_client_takes_no_more_than_16_kib() {
    let (server, _) = server::serve(|| Habit::Honest).await;
    let allowed = child::raise(20_000);
    let child = Child::start(&[server], "preconnect: true", allowed);
    watched(&child, 50, u64::MAX).await;
    let before = child.memory();
    let count = (allowed / 2).min(10_000) as usize;
    let mut clients = Vec::with_capacity(count);
    for number in 0..count {
        let mut client = Plain::connect(child.address).expect("the proxy listens");
        // Some say something first, as pools of clients do.
        if number % 4 == 0 {
            let reply = std::io::Write::write_all(&mut client, b"*1\r\n$4\r\nPING\r\n");
            reply.expect("the proxy reads");
        }
        clients.push(client);
    }
    for client in clients.iter_mut().step_by(4) {
        let mut reply = [0; 7];
        std::io::Read::read_exact(client, &mut reply).expect("the proxy answers");
        assert_eq!(&reply, b"+PONG\r\n");
    }
    // All that came before are accepted when this one is served.
    let after = watched(&child, 50, u64::MAX).await;
    let each = after.saturating_sub(before) / count as u64;
    assert!(each <= 16 * 1024, "an idle client takes {each} bytes, of {count}");
    assert!(each > 0, "they are there");
}
