//! Encrypted connections, of clients and to servers.

mod clients;
mod log;
mod reload;
mod servers;

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use entourage_ambassador::{
    Options, ShardProxy,
    nutcracker::{Config, Listen},
    tls::{ClientTls, ServerTls},
};
use entourage_testkit::Scratch;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

/// How long an answer may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// An authority, and the files of those whom it vouches for.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    scratch: Scratch,
}

/// The files of a certificate and its key.
#[derive(Clone)]
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("no name is a wrong one");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("there is randomness");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("it can be signed");
        let scratch = Scratch::new();
        fs::write(scratch.join("ca.pem"), issuer.pem()).expect("it can be written");
        Self { issuer, scratch }
    }

    fn file(&self) -> PathBuf {
        self.scratch.join("ca.pem")
    }

    /// Vouches for whoever has this name, until the year 4000.
    fn vouch(&self, name: &str) -> Pair {
        self.vouch_until(name, 4000)
    }

    fn vouch_until(&self, name: &str, year: i32) -> Pair {
        let mut params = CertificateParams::new([name.to_owned()]).expect("it is a name");
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().expect("there is randomness");
        let certificate = params.signed_by(&key, &self.issuer).expect("it can be signed");
        let pair = Pair {
            certificate: self.scratch.join(format!("{name}-{year}.pem")),
            key: self.scratch.join(format!("{name}-{year}.key")),
        };
        fs::write(&pair.certificate, certificate.pem()).expect("it can be written");
        fs::write(&pair.key, key.serialize_pem()).expect("it can be written");
        pair
    }
}

impl Pair {
    fn server(&self) -> ServerTls {
        ServerTls::new(&self.certificate, &self.key)
    }

    fn identity(&self) -> (PathBuf, PathBuf) {
        (self.certificate.clone(), self.key.clone())
    }
}

/// A pool of Redis of these servers.
fn config(servers: &[&str]) -> Config {
    let servers: String = servers.iter().map(|server| format!("   - {server}:1\n")).collect();
    let text =
        format!("pool:\n  listen: 127.0.0.1:1\n  redis: true\n  timeout: 20000\n  servers:\n{servers}");
    let mut config = Config::parse(&text).unwrap_or_else(|invalid| panic!("{invalid}\n{text}"));
    config.pools[0].listen = Listen::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
    config
}

/// How clients of these are spoken to.
fn options(tls: Option<ServerTls>, upstream_tls: Option<ClientTls>) -> Options {
    let mut options = Options::default();
    (options.access.tls, options.access.upstream_tls) = (tls, upstream_tls);
    options
}

/// A proxy, and where it listens.
async fn proxy(config: Config, options: Options) -> (ShardProxy, SocketAddr) {
    let proxy = ShardProxy::start(config, options).await.unwrap_or_else(|error| panic!("{error:?}"));
    let address = proxy.addresses()[0].expect("it listens at a port");
    (proxy, address)
}

/// A server that answers `PING` and has nothing else: a proxy whose own server there is not.
async fn server(tls: ServerTls) -> (ShardProxy, SocketAddr) {
    proxy(config(&["127.0.0.1:1"]), options(Some(tls), None)).await
}

/// What connects to 127.0.0.1 and believes these authorities.
fn client_config(authorities: &[&Authority], identity: Option<&Pair>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.issuer.der().clone()).expect("it is an authority");
    }
    let config = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("it has both")
        .with_root_certificates(roots);
    let config = match identity {
        None => config.with_no_client_auth(),
        Some(pair) => {
            let chain = vec![CertificateDer::from_pem_file(&pair.certificate).expect("it is one")];
            let key = PrivateKeyDer::from_pem_file(&pair.key).expect("it is one");
            config.with_client_auth_cert(chain, key).expect("they fit")
        }
    };
    Arc::new(config)
}

/// A client that speaks TLS.
struct Client(StreamOwned<ClientConnection, TcpStream>);

impl Client {
    fn new(address: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let name = ServerName::from(address.ip());
        let session = ClientConnection::new(Arc::clone(config), name).expect("it is a name");
        Self(StreamOwned::new(session, open(address)))
    }

    /// Sends this, and expects that.
    fn ask(&mut self, request: &str, reply: &str) {
        let answer = self.try_ask(request, reply.len());
        let answer = answer.unwrap_or_else(|error| panic!("{request:?} was not answered: {error}"));
        assert_eq!(String::from_utf8_lossy(&answer), reply, "{request:?}");
    }

    /// Sends this, and reads so many bytes.
    fn try_ask(&mut self, request: &str, len: usize) -> std::io::Result<Vec<u8>> {
        self.0.write_all(request.as_bytes())?;
        let mut answer = vec![0; len];
        self.0.read_exact(&mut answer)?;
        Ok(answer)
    }

    /// What the server has shown.
    fn shown(&self) -> CertificateDer<'static> {
        let shown = self.0.conn.peer_certificates().and_then(|chain| chain.first());
        shown.expect("the handshake is done").clone().into_owned()
    }
}

fn open(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    stream.set_nodelay(true).expect("it is a socket");
    stream
}
