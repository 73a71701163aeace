//! Other certificates, while clients are served.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use entourage_ambassador::Error;
use entourage_testkit::eventually;

use super::{Authority, Client, PATIENCE, Pair, client_config, config, options, proxy};

/// How often the files change.
const RELOADS: usize = 20;

/// Has clients end, also when this test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Has these files say what those do.
fn copy(from: &Pair, to: &Pair) {
    fs::copy(&from.certificate, &to.certificate).expect("it can be copied");
    fs::copy(&from.key, &to.key).expect("it can be copied");
}

#[test]
fn certificates_change_under_load_and_a_pair_that_is_no_good_leaves_the_one_before() {
    let authorities = ["former", "latter"].map(Authority::new);
    let pairs = [0, 1].map(|place| authorities[place].vouch("127.0.0.1"));
    let used = authorities[0].vouch("used.test");
    copy(&pairs[0], &used);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be made");
    let options = options(Some(used.server()), None);
    let (proxy, address) = runtime.block_on(proxy(config(&["127.0.0.1:1"]), options));
    let trusting = client_config(&[&authorities[0], &authorities[1]], None);
    let (done, served) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut lasting = Client::new(address, &trusting);
    thread::scope(|scope| {
        let _end = End(&done);
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let mut client = Client::new(address, &trusting);
                    client.ask("PING one\r\nPING two\r\n", "$3\r\none\r\n$3\r\ntwo\r\n");
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 1..=RELOADS {
            let (now, before) = (&pairs[round % 2], &pairs[(round + 1) % 2]);
            // Halfway through the change the two do not fit.
            fs::copy(&now.certificate, &used.certificate).expect("it can be copied");
            let refused = runtime.block_on(proxy.reload(config(&["127.0.0.1:1"])));
            assert!(matches!(refused, Err(Error::Tls { .. })), "{refused:?}");
            assert_eq!(shown(address, &trusting), read(before), "the one before stays");
            copy(now, &used);
            runtime.block_on(proxy.reload(config(&["127.0.0.1:1"]))).expect("they fit");
            assert_eq!(shown(address, &trusting), read(now), "the new one is shown at once");
            lasting.ask("PING on\r\n", "$2\r\non\r\n");
        }
        let after = served.load(Ordering::Relaxed) + 4;
        eventually(PATIENCE, "clients go on", || (served.load(Ordering::Relaxed) >= after).then_some(()));
    });
    let stats = &runtime.block_on(proxy.stats())[0].counts;
    assert_eq!(stats.client_err, 0, "nobody was turned away: {stats:?}");
}

fn shown(address: std::net::SocketAddr, config: &std::sync::Arc<rustls::ClientConfig>) -> Vec<u8> {
    let mut client = Client::new(address, config);
    client.ask("PING\r\n", "+PONG\r\n");
    client.shown().to_vec()
}

fn read(pair: &Pair) -> Vec<u8> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    CertificateDer::from_pem_file(&pair.certificate).expect("it is one").to_vec()
}
