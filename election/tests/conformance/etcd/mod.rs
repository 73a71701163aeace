//! A real server for all cases, and one alone for each that counts, cuts or compacts.

mod counted;
mod cut;

use std::{sync::Arc, time::Duration};

use entourage_engine::conformance::{Case, Fixture, cases as list};
use entourage_store::{EtcdOptions, EtcdStore, Store};
use entourage_testkit::{Etcd, SharedEtcd};

use crate::subject::Subject;

/// `EtcdStore`, connected to once for each process, each case below a prefix of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(SharedEtcd);

impl Shared {
    /// Ends the server, if it was started.
    pub(crate) fn stop(&self) {
        self.0.stop();
    }
}

impl Fixture for Shared {
    type Guard = ();
    type Subject = Subject;
    const NAME: &'static str = "etcd";

    fn absent(&self) -> Option<String> {
        Etcd::available().err()
    }

    async fn open(&self) -> ((), Subject) {
        let options = EtcdOptions::new(self.0.endpoints()).with_prefix(self.0.prefix());
        let open = Arc::new(move || {
            let options = options.clone();
            Box::pin(async move {
                let store: Arc<dyn Store> = Arc::new(connect(options).await);
                store
            }) as _
        });
        // The shortest lease that a server grants.
        ((), Subject::new(open, Duration::from_secs(2)).await)
    }
}

/// A server of the case's own.
#[derive(Clone, Debug)]
pub(crate) struct Alone;

impl Fixture for Alone {
    type Guard = Arc<Etcd>;
    type Subject = Arc<Etcd>;
    const NAME: &'static str = "etcd_alone";

    fn absent(&self) -> Option<String> {
        Etcd::available().err()
    }

    async fn open(&self) -> (Arc<Etcd>, Arc<Etcd>) {
        let server = Arc::new(Etcd::start());
        (Arc::clone(&server), server)
    }
}

/// What only a server of its own can show.
pub(crate) fn cases() -> Vec<Case<Arc<Etcd>>> {
    list![
        counted::e7_one_release_costs_the_server_two_transactions_however_many_wait,
        cut::what_is_seen_through_a_stream_that_is_cut_is_what_was_written,
    ]
}

async fn connect(options: EtcdOptions) -> EtcdStore {
    options.connect().await.expect("a server that is ready answers")
}
