//! The admin page of the program.

use anyhow::{Context, Result};
use entourage_blueprint::Describe;
use entourage_core::Shutdown;
use entourage_http::{Admin, Server};
use tokio::net::TcpListener;

use crate::Common;

/// Serves the admin page, if one is asked for, until `shutdown` has drained.
pub(crate) async fn serve(
    common: &Common,
    described: impl Describe + Send + Sync + 'static,
    shutdown: &Shutdown,
) -> Result<()> {
    let Some(address) = &common.admin else { return Ok(()) };
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen at {address}; choose another --admin"))?;
    tracing::info!(address = %listener.local_addr()?, "the admin page is served");
    let page = Admin::new().with_blueprint(described).with_shutdown(shutdown.clone());
    tokio::spawn(Server::new(page.into_router()).run(listener, shutdown.clone()));
    Ok(())
}
