//! The way to a Redis, made when it is first needed and anew when the server has become another.

use std::sync::Arc;

use entourage_engine::redis::{Answer, Call, Command, Fault, Link, RedisOptions};
use tokio::sync::Mutex;

use crate::source::error::SourceError;

/// The link to a Redis; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    options: RedisOptions,
    link: Arc<Mutex<Option<Link>>>,
}

impl Reach {
    /// The key that tells one incarnation of the data from another is `{prefix}:source`.
    pub(super) fn new(options: RedisOptions) -> Self {
        Self { options: options.with_part("source"), link: Arc::default() }
    }

    async fn link(&self) -> Result<Link, Fault> {
        let mut link = self.link.lock().await;
        match &*link {
            Some(link) => Ok(link.clone()),
            None => Ok(link.insert(Link::connect(self.options.clone()).await?).clone()),
        }
    }

    /// Runs a script, which checks that the data is what was opened.
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Answer, Fault> {
        let answer = self.link().await?.call(call).await;
        if let Err(fault @ (Fault::Foreign { .. } | Fault::WentBack { .. })) = &answer {
            // Names are minted above the time, so what is opened anew repeats none.
            tracing::warn!(error = fault as &dyn std::error::Error, "the data of a source was replaced");
            *self.link.lock().await = None;
        }
        answer
    }

    /// Runs one command, or a script of its own, on a key of others.
    pub(super) async fn command(&self, command: Command<'_>) -> Result<Answer, Fault> {
        self.link().await?.command(command).await
    }
}

/// What stood in the way, in words of the one whose key it is.
pub(super) fn away(name: &str, key: &str, holds: &str, fault: Fault) -> SourceError {
    match &fault {
        Fault::Invalid(why) => SourceError::Invalid(why.clone()),
        Fault::NotOurs { said, .. } if said.starts_with("WRONGTYPE") => {
            let why = format!("the key {key} holds no {holds}; name another, or free it: {said}");
            SourceError::unavailable(name, why)
        }
        _ => SourceError::unavailable(name, fault),
    }
}
