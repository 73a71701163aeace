//! The clients' side.

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use rustls::{
    ServerConfig, ServerConnection,
    server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use tokio::net::TcpStream;

use super::{
    Stream, Unusable,
    files::{authorities, chain, key, provider},
};

/// How clients are spoken to in TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerTls {
    /// The file of the certificate, and behind it those that lead to its authority, in PEM.
    pub certificate: PathBuf,
    /// The file of its key, in PEM and without a password.
    pub key: PathBuf,
    /// The file of the authorities of clients, in PEM: whoever has no certificate of one of them is not
    /// let in. `None`: nobody is asked for one.
    pub client_ca: Option<PathBuf>,
    /// How long a client may take for its handshake; 10 s unless said.
    pub handshake: Duration,
}

impl ServerTls {
    /// This certificate and key, and no authority for clients.
    #[must_use]
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let (certificate, key) = (certificate.into(), key.into());
        Self { certificate, key, client_ca: None, handshake: Duration::from_secs(10) }
    }

    /// Reads the files, and whether they fit each other.
    pub(crate) fn load(&self) -> Result<Acceptor, Unusable> {
        let provider = provider();
        let verifier = match &self.client_ca {
            None => Arc::new(NoClientAuth) as Arc<dyn ClientCertVerifier>,
            Some(_) if entourage_core::planted("tls-asks-no-client") => Arc::new(NoClientAuth),
            Some(path) => {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(authorities(path)?, Arc::clone(&provider));
                verifier.build().map_err(|error| Unusable::Malformed {
                    path: path.clone(),
                    what: "certificate of an authority",
                    source: error.into(),
                })?
            }
        };
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has ciphers for both versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain(&self.certificate)?, key(&self.key)?)
            .map_err(|error| Unusable::Pair {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
                source: error.into(),
            })?;
        Ok(Acceptor { config: Arc::new(config), handshake: self.handshake })
    }
}

/// Speaks TLS with clients.
#[derive(Clone)]
pub(crate) struct Acceptor {
    config: Arc<ServerConfig>,
    handshake: Duration,
}

impl Acceptor {
    /// A connection of a client, whose handshake is still to come.
    pub(crate) fn accept(&self, socket: TcpStream) -> io::Result<Stream> {
        let session = ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
        Ok(Stream::new(socket, session.into()))
    }

    /// How long a client may take for its handshake.
    pub(crate) const fn patience(&self) -> Duration {
        self.handshake
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}
