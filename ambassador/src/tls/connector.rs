//! The servers' side.

use std::{fmt, io, path::PathBuf, sync::Arc};

use rustls::{ClientConfig, ClientConnection, pki_types::ServerName};
use tokio::net::TcpStream;

use super::{
    Stream, Unusable,
    files::{authorities, chain, key, provider},
};

/// How servers are spoken to in TLS.
///
/// What a server shows is always checked: that it is of this authority, for its name, and in time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientTls {
    /// The file of the authorities of servers, in PEM. Those of the system are not believed.
    pub ca: PathBuf,
    /// The name that every server's certificate has; `None`: its host, as `nutcracker.yml` has it.
    pub server_name: Option<String>,
    /// The files of the certificate and the key that servers are shown, in PEM; `None`: they are shown
    /// nothing.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl ClientTls {
    /// Believes this authority, and shows nothing.
    #[must_use]
    pub fn new(ca: impl Into<PathBuf>) -> Self {
        Self { ca: ca.into(), server_name: None, identity: None }
    }

    /// Reads the files, and whether they fit each other.
    pub(crate) fn load(&self) -> Result<Connector, Unusable> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has ciphers for both versions")
            .with_root_certificates(authorities(&self.ca)?);
        let config = match &self.identity {
            None => config.with_no_client_auth(),
            Some((certificate, path)) => config
                .with_client_auth_cert(chain(certificate)?, key(path)?)
                .map_err(|error| Unusable::Pair {
                    certificate: certificate.clone(),
                    key: path.clone(),
                    source: error.into(),
                })?,
        };
        let name = self.server_name.as_deref().map(name).transpose()?;
        Ok(Connector { config: Arc::new(config), name })
    }
}

/// Speaks TLS with servers.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Arc<ClientConfig>,
    name: Option<ServerName<'static>>,
}

impl Connector {
    /// A connection to this host, whose handshake is still to come.
    ///
    /// # Errors
    /// No certificate can have its name.
    pub(crate) fn connect(&self, socket: TcpStream, host: &str) -> io::Result<Stream> {
        let name = self.name(host).map_err(io::Error::other)?;
        let session = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        Ok(Stream::new(socket, session.into()))
    }

    /// The name that this host's certificate has.
    ///
    /// # Errors
    /// No certificate can have it.
    pub(crate) fn name(&self, host: &str) -> Result<ServerName<'static>, Unusable> {
        self.name.clone().map_or_else(|| name(host), Ok)
    }
}

fn name(name: &str) -> Result<ServerName<'static>, Unusable> {
    ServerName::try_from(name.to_owned()).map_err(|_| Unusable::Name { name: name.to_owned() })
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("name", &self.name).finish_non_exhaustive()
    }
}
