//! Sockets that others meddle with, and clients that do not read.

use std::os::unix::net::{UnixDatagram, UnixListener as Another, UnixStream};

use entourage_testkit::Scratch;

use super::*;
use crate::nutcracker::Config;

fn pool(listen: Listen) -> Pool {
    let text = "p:\n  listen: 127.0.0.1:1\n  redis: true\n  servers:\n   - 127.0.0.1:1:1\n";
    let mut pool = Config::parse(text).expect("it is right").pools.remove(0);
    pool.listen = listen;
    pool
}

fn at(path: &Path) -> Pool {
    pool(Listen::Unix { path: path.to_owned(), mode: Some(0o600) })
}

#[tokio::test]
async fn a_path_that_is_anothers_by_now_is_left_to_them() {
    let scratch = Scratch::new();
    let path = scratch.join("socket");
    let door = Door::open(&at(&path)).await.expect("it can be made");
    fs::remove_file(&path).expect("it is there");
    let another = Another::bind(&path).expect("it can be made");
    drop(door);
    UnixStream::connect(&path).expect("the other is there");
    another.accept().expect("it has come");
}

#[tokio::test]
async fn a_path_that_somebody_took_away_is_no_place_where_clients_come_in() {
    let scratch = Scratch::new();
    let path = scratch.join("socket");
    let before = Door::open(&at(&path)).await.expect("it can be made");
    assert!(before.serves(&at(&path)));
    fs::remove_file(&path).expect("it is there");
    assert!(!before.serves(&at(&path)));
    let now = Door::open(&at(&path)).await.expect("it can be made anew");
    drop(before);
    assert!(now.serves(&at(&path)));
    drop(now);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_path_that_cannot_be_had_is_left_as_it_is() {
    let scratch = Scratch::new();
    let path = scratch.join("socket");
    // Nobody listens there, and it is somebody's all the same.
    let _somebody = UnixDatagram::bind(&path).expect("it can be made");
    let refused = Door::open(&at(&path)).await.expect_err("it is taken");
    assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
    assert!(path.exists());
}

#[tokio::test]
async fn what_a_process_that_died_has_left_is_taken_away() {
    let scratch = Scratch::new();
    let path = scratch.join("socket");
    drop(Another::bind(&path).expect("it can be made"));
    assert!(path.exists());
    Door::open(&at(&path)).await.expect("nobody has it");
}

#[tokio::test]
async fn a5_the_kernel_holds_little_for_a_client_that_does_not_read() {
    let door = Door::open(&pool(Listen::Tcp { host: "127.0.0.1".into(), port: 0 })).await;
    let door = door.expect("there is a free port");
    // What it does not read is on this side then.
    let client = TcpSocket::new_v4().expect("there are descriptors");
    client.set_recv_buffer_size(4096).expect("it is a socket");
    let _client = client.connect(door.address().expect("it is a port")).await.expect("it listens");
    let listener = door.listener().expect("there are descriptors");
    let socket = listener.try_accept(false).await.expect("it has come").socket;
    let Socket::Tcp(stream) = socket else { panic!("it came in at a port") };
    let (chunk, mut held) = ([0; 64 * 1024], 0);
    stream.writable().await.expect("it is connected");
    while let Ok(written) = stream.try_write(&chunk) {
        held += written;
    }
    assert!(held <= 3 * SEND_BUFFER as usize, "{held} bytes");
}
