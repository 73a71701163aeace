//! Sources that are served, and what tests ask of them.

use std::{future::Future, net::SocketAddr, time::Duration};

use entourage_blueprint::{Blueprint, Describe, Node};
use entourage_core::{Shutdown, SystemClock, timeout};
use entourage_http::{Client, ClientLimits, Response, Server};
use entourage_workqueue::{
    HttpSource, ItemData, ItemName, Listing, Shape, SourceError, SourceResult, SourceServer, WorkSource,
};
use http::Method;
use tokio::{net::TcpListener, task::JoinHandle};

/// Nothing here takes this long but a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn name(text: &str) -> ItemName {
    ItemName::new(text).unwrap()
}

pub(crate) fn texts(listing: &Listing) -> Vec<&str> {
    listing.names().iter().map(ItemName::as_str).collect()
}

pub(crate) async fn patiently<T>(future: impl Future<Output = T>) -> T {
    timeout(&SystemClock::new(), PATIENCE, future).await.expect("it ends within the test's patience")
}

/// A server of a source, which ends with this value.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    task: JoinHandle<entourage_http::Served>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn serve(source: impl WorkSource, shape: Shape) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(SourceServer::new(source).with_shape(shape));
    Served { address, task: tokio::spawn(server.run(listener, Shutdown::new())) }
}

impl Served {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn source(&self) -> HttpSource {
        HttpSource::new(&self.url()).unwrap().with_deadline(PATIENCE).unwrap()
    }

    pub(crate) async fn ask(&self, method: Method, path: &str) -> Response {
        let client = Client::new(&self.url()).unwrap();
        let client = client.with_limits(ClientLimits::new().with_deadline(PATIENCE)).unwrap();
        let request = http::Request::builder().method(method).uri(path).body(bytes::Bytes::new()).unwrap();
        client.send(request).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.ask(Method::GET, path).await;
        (answer.status().as_u16(), String::from_utf8(answer.into_body().to_vec()).unwrap())
    }
}

/// Items of fixed data, some of which vanish.
#[derive(Debug)]
pub(crate) struct Fixed(pub(crate) &'static [(&'static str, Option<&'static str>)]);

impl Describe for Fixed {
    fn describe(&self, blueprint: &mut Blueprint) {
        blueprint.add_node(Node::new("source", "fixed").source());
    }
}

#[async_trait::async_trait]
impl WorkSource for Fixed {
    fn name(&self) -> &str {
        "fixed"
    }

    async fn items(&self) -> SourceResult<Listing> {
        let mut listing = Listing::builder();
        for (name, _) in self.0 {
            listing.offer(name);
        }
        Ok(listing.build())
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        let found = self.0.iter().find(|(known, _)| *known == name.as_str());
        found.and_then(|(_, data)| *data).map(ItemData::new).transpose()
    }
}

/// A source that fails, or never answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Faulty {
    Fails,
    Hangs,
    Panics,
}

impl Describe for Faulty {
    fn describe(&self, blueprint: &mut Blueprint) {
        blueprint.add_node(Node::new("source", "faulty").source());
    }
}

#[async_trait::async_trait]
impl WorkSource for Faulty {
    fn name(&self) -> &str {
        "faulty"
    }

    async fn items(&self) -> SourceResult<Listing> {
        match self {
            Self::Fails => {
                Err(SourceError::Unavailable { what: "faulty".into(), source: "on strike".into() })
            }
            Self::Hangs => std::future::pending().await,
            Self::Panics => panic!("a source that panics"),
        }
    }

    async fn item(&self, _: &ItemName) -> SourceResult<Option<ItemData>> {
        Err(SourceError::Unavailable { what: "faulty".into(), source: "on strike".into() })
    }
}
