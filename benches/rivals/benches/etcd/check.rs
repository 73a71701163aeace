//! What it costs an HTTP service to check the fence of a request whose epoch it has cached.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    task::{Context, Poll},
    time::Duration,
};

use entourage::{
    election::{
        LeaseLock,
        fence::{AgainstStore, FenceCheck, FenceLayer, Stamp},
    },
    store::EtcdStore,
};
use entourage_rivals::{Stopwatch, judge, median};
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::{Outcome, ROUNDS, lock::TTL};

/// For one check.
const LONGEST: Duration = Duration::from_nanos(300);

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4711);

/// Answers at once.
#[derive(Clone)]
struct Answering;

impl Service<Request<()>> for Answering {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(String::new())))
    }
}

/// Nanoseconds of processor time that a stamped request takes, from its making to its answer.
async fn nanos<S>(service: &mut S, stamp: &Stamp, calls: usize) -> Outcome<f64>
where
    S: Service<Request<()>, Response = Response<String>, Error = Infallible>,
{
    let watch = Stopwatch::start();
    for _ in 0..calls {
        let mut request = Request::new(());
        stamp.write(request.headers_mut());
        // As a server hands it over, with who sent it.
        request.extensions_mut().insert(PEER);
        let Ok(answer) = service.call(black_box(request)).await;
        if !black_box(answer).status().is_success() {
            return Err("the owner was refused".into());
        }
    }
    Ok(watch.figure(calls).cpu * 1e9)
}

/// A service behind the layer beside the same service without it.
pub(crate) async fn check(endpoint: &str, calls: usize) -> Outcome {
    let store = EtcdStore::connect([endpoint]).await?;
    let lock = LeaseLock::builder(store.clone(), "checked").ttl(TTL).build()?;
    let owned = lock.acquire().await?;
    let stamp = Stamp::new(owned.fence().clone(), owned.held().identity().as_str())?;
    let against = AgainstStore::new(store).with_cache(TTL, 16);
    against.check(stamp.fence(), Some(stamp.owner())).await?;
    let layer = FenceLayer::new(against, owned.fence().scope().clone());
    let (mut bare, mut fenced) = (Answering, layer.layer(Answering));
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let bare = nanos(&mut bare, &stamp, calls).await?;
        rounds.push(nanos(&mut fenced, &stamp, calls).await? - bare);
    }
    let taken = median(rounds.into_iter());
    judge(
        "fence check of an HTTP request by its layer, epoch cached",
        format_args!("{taken:.0} ns"),
        format_args!("<= {} ns", LONGEST.as_nanos()),
        taken <= LONGEST.as_secs_f64() * 1e9,
    );
    owned.release().await?;
    Ok(())
}
