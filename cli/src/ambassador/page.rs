//! The admin page of a proxy, whose numbers are those of the moment.

use std::{convert::Infallible, sync::Arc, time::Duration};

use anyhow::Result;
use entourage_ambassador::{PoolStats, ShardProxy, nutcracker::Config};
use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Shutdown, SystemClock, timeout};
use entourage_http::{Admin, Exposition, Request, Response, Router};
use http::Method;
use tower_service::Service;

use super::{
    drawn::Drawn,
    told::{State, Told},
};
use crate::{Common, admin};

/// How long the threads that serve may take to say what they counted.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the page shows.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) proxy: Arc<ShardProxy>,
    pub(super) told: Told,
    pub(super) shutdown: Shutdown,
}

/// The same, as it is at one moment.
struct Shown {
    state: State,
    /// None if the threads that serve do not answer.
    stats: Option<Vec<PoolStats>>,
}

impl Page {
    /// Serves it where that is asked for.
    pub(super) async fn serve(self, common: &Common) -> Result<()> {
        let paths = ["/livez", "/readyz", "/metrics", "/blueprint"];
        let pages = paths.into_iter().fold(Router::new(), |router, path| {
            let page = self.clone();
            router.route(Method::GET, path, move |request| {
                let page = page.clone();
                async move { page.answer(request).await }
            })
        });
        admin::route(common, pages).await
    }

    async fn answer(&self, request: Request) -> Response {
        let stats = timeout(&SystemClock::new(), PATIENCE, self.proxy.stats()).await.ok();
        let shown = Arc::new(Shown { state: self.told.now(), stats });
        let (of_ready, of_metrics) = (Arc::clone(&shown), Arc::clone(&shown));
        let wants_numbers = request.uri().path() == "/metrics";
        let mut admin = Admin::new()
            .with_check("pools", move || of_ready.are_served())
            .with_metrics(move |page| of_metrics.expose(page))
            .with_shutdown(self.shutdown.clone());
        // The numbers of the blueprint are among the others, with better names.
        if !wants_numbers {
            admin = admin.with_blueprint(shown);
        }
        let answered: Result<Response, Infallible> = admin.call(request).await;
        match answered {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

impl Shown {
    /// Whether every pool of the configuration is served.
    fn are_served(&self) -> Result<(), String> {
        are_served(&self.state.config, self.stats.as_deref())
    }

    fn expose(&self, page: &mut Exposition) {
        let State { taken, refused, .. } = self.state;
        let (taken_name, refused_name, is_refused_name) = (
            "entourage_ambassador_reloads_total",
            "entourage_ambassador_reloads_refused_total",
            "entourage_ambassador_config_is_refused",
        );
        page.counter(taken_name, "times that the configuration was taken anew", &[], taken);
        page.counter(refused_name, "times that it was refused and the one before went on", &[], refused);
        let about = "whether the configuration is refused as it is now, so that a start would fail";
        page.gauge(is_refused_name, about, &[], u64::from(self.state.is_refused()));
        for pool in self.stats.iter().flatten() {
            for sample in pool.samples() {
                let (name, about) = (sample.figure.metric, sample.figure.about);
                let labels = [("pool", sample.pool), ("server", sample.server.unwrap_or_default())];
                let labels = if sample.server.is_some() { &labels[..] } else { &labels[..1] };
                if name.ends_with("_total") {
                    page.counter(name, about, labels, sample.value);
                } else {
                    page.gauge(name, about, labels, sample.value);
                }
            }
        }
    }
}

impl Describe for Shown {
    fn describe(&self, blueprint: &mut Blueprint) {
        let stats = self.stats.as_deref().unwrap_or_default();
        Drawn { config: &self.state.config, stats }.describe(blueprint);
    }
}

fn are_served(config: &Config, stats: Option<&[PoolStats]>) -> Result<(), String> {
    let Some(stats) = stats else {
        return Err("the threads that serve do not answer".to_owned());
    };
    let is_served = |name: &String| stats.iter().any(|pool| pool.name == *name);
    match config.pools.iter().find(|pool| !is_served(&pool.name)) {
        Some(pool) => Err(format!("pool {:?} is not served; see the log", pool.name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_that_is_not_served_is_named() {
        let config = "alpha:\n  listen: 127.0.0.1:1\n  servers:\n   - a:1:1\n";
        let config = Config::parse(config).expect("it is sound");
        let mut alpha = PoolStats::default();
        "alpha".clone_into(&mut alpha.name);
        assert_eq!(are_served(&config, Some(&[alpha])), Ok(()));
        assert!(are_served(&config, Some(&[])).is_err_and(|why| why.contains("alpha")));
        assert!(are_served(&config, None).is_err());
    }
}
