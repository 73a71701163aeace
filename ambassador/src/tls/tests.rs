//! A connection that several tasks write to.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Wake, Waker},
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    pki_types::{PrivateKeyDer, ServerName},
};
use tokio::{
    io::ReadBuf,
    net::{TcpListener, TcpStream},
};

use super::Stream;

#[derive(Default)]
struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Both ends of a connection, spoken to.
async fn ends() -> (Stream, Stream) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["one.test".to_owned()]).expect("it is a name");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("it is one");
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("it has both")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("they fit");
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("it is one");
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("it has both")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("one.test").expect("it is a name");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let to = listener.local_addr().expect("it is bound");
    let (near, far) = tokio::join!(TcpStream::connect(to), listener.accept());
    let (near, far) = (near.expect("somebody listens"), far.expect("somebody comes").0);
    let near = ClientConnection::new(Arc::new(client), name).map(|session| Stream::new(near, session.into()));
    let far = ServerConnection::new(Arc::new(server)).map(|session| Stream::new(far, session.into()));
    let (mut near, mut far) = (near.expect("it can be"), far.expect("it can be"));
    let (one, other) =
        tokio::join!(poll_fn(|cx| near.poll_handshake(cx)), poll_fn(|cx| far.poll_handshake(cx)));
    one.and(other).expect("they believe each other");
    (near, far)
}

#[tokio::test]
async fn what_others_leave_half_written_the_task_that_polls_is_woken_to_finish() {
    let (mut near, mut far) = ends().await;
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    assert!(near.poll_flush(&mut Context::from_waker(&waker)).is_ready(), "nothing is left");
    let mut written = 0;
    while woken.0.load(Ordering::Relaxed) == 0 {
        written += near.try_write(&[IoSlice::new(&[7; 10_000])]).expect("the first that is left wakes");
    }
    // All of it arrives if only that is done.
    let finish = async {
        poll_fn(|cx| near.poll_flush(cx)).await.expect("it is read");
        std::future::pending::<()>().await;
    };
    let read = async {
        let (mut read, mut chunk) = (0, vec![0; 100_000]);
        while read < written {
            let mut into = ReadBuf::new(&mut chunk);
            poll_fn(|cx| far.poll_read(cx, &mut into)).await.expect("it is sent");
            assert!(!into.filled().is_empty() && into.filled().iter().all(|byte| *byte == 7));
            read += into.filled().len();
        }
        read
    };
    tokio::select! {
        biased;
        () = finish => {}
        read = read => assert_eq!(read, written),
    }
}

#[tokio::test]
async fn others_that_read_take_the_place_of_no_task_that_waits() {
    let (mut near, mut far) = ends().await;
    let mut chunk = [0; 10];
    let mut into = ReadBuf::new(&mut chunk);
    let read = async {
        poll_fn(|cx| {
            let polled = near.poll_read(cx, &mut into);
            let early = near.try_read(&mut [0]);
            assert!(polled.is_ready() || early.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
            polled
        })
        .await
    };
    let write = async { far.try_write(&[IoSlice::new(b"hello")]) };
    let (read, written) = tokio::join!(read, write);
    assert_eq!((read.is_ok(), written.ok(), into.filled()), (true, Some(5), &b"hello"[..]));
}
