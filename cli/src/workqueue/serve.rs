//! A source over HTTP.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use clap::Args;
use entourage_blueprint::{Blueprint, Describe};
use entourage_http::{Limits, Server};
use entourage_workqueue::{Finish, ItemData, ItemName, Listing, SourceResult, SourceServer, WorkSource};

use super::source::{Form, Place, Reading};
use crate::{Common, admin, opening::Reason, output::Printer, signals};

/// Offer the items of a source over HTTP, as the book's interface has it
///
/// Answers `GET /api/v1/items` and `GET /api/v1/items/NAME` byte for byte as the book has them.
/// Prints one JSON line when it listens. It asks nobody who they are.
#[derive(Args)]
pub(crate) struct ServeSource {
    /// A directory, or the URL of a source: dir:PATH or http://HOST[:PORT][/PATH]
    #[arg(value_name = "DIR|URL")]
    source: String, // Not parsed by clap, whose errors repeat what they were given, passwords too.
    #[command(flatten)]
    reading: Reading,
    /// Where to listen: HOST:PORT, or PORT of this machine alone
    #[arg(long, env = "ENTOURAGE_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: admin::Address,
    /// The form that is served
    #[arg(long, env = "ENTOURAGE_SHAPE", value_name = "SHAPE", value_enum, default_value = "api")]
    shape: Form,
    /// How long requests under way may take to end after SIGTERM or SIGINT
    #[arg(long, env = "ENTOURAGE_GRACE", value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    grace: Duration,
}

impl ServeSource {
    pub(super) async fn main(self, common: &Common) -> Result<ExitCode> {
        let source = self.reading.source(Place::of_path_or_url(&self.source)?, None)?.source;
        if common.check {
            return Ok(ExitCode::SUCCESS);
        }
        let shutdown = signals::shutdown(self.grace)?;
        let source = Arc::new(Watched { source, reason: Reason::default() });
        let reason = source.reason.clone();
        admin::serve(common, Arc::clone(&source), "source", move || reason.check(), &shutdown).await?;
        let listener = self.listen.listen("--listen").await?;
        let address = listener.local_addr().context("the address is not known")?;
        let listening = serde_json::json!({"event": "listening", "address": address.to_string()});
        if let Err(error) = Printer::start()?.line(listening.to_string()).await {
            tracing::warn!(%error, "nobody reads standard output");
        }
        let limits = Limits::new().with_drain_time(self.grace);
        let server = Server::new(SourceServer::new(source).with_shape(self.shape.into()));
        server.with_limits(limits)?.run(listener, shutdown).await;
        Ok(ExitCode::SUCCESS)
    }
}

/// A source of which is known whether it answered last.
#[derive(Debug)]
struct Watched {
    source: Arc<dyn WorkSource>,
    reason: Reason,
}

impl Watched {
    fn seen<T>(&self, answer: SourceResult<T>) -> SourceResult<T> {
        self.reason.is(answer.as_ref().err().map(ToString::to_string));
        answer
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl WorkSource for Watched {
    fn name(&self) -> &str {
        self.source.name()
    }

    async fn items(&self) -> SourceResult<Listing> {
        self.seen(self.source.items().await)
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        self.seen(self.source.item(name).await)
    }

    fn is_used_up(&self) -> bool {
        self.source.is_used_up()
    }

    async fn finished(&self, names: &[ItemName], finish: Finish) -> SourceResult<Vec<ItemName>> {
        self.seen(self.source.finished(names, finish).await)
    }
}

impl Describe for Watched {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.source.describe(blueprint);
    }
}
