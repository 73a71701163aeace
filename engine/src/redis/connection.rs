//! One connection to the server.

use std::{fmt, future::Future, io, pin::Pin, pin::pin, sync::Arc, time::Duration};

use ::redis::{
    AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisResult, Value, aio::MultiplexedConnection,
};
use entourage_core::{Elapsed, planted, timeout};
use tokio::{net::TcpStream, task::JoinHandle};

use super::{
    answer,
    fault::{self, Fault, Intent, Mishap, Result},
    options::RedisOptions,
};

/// No connection could be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to {address}")]
struct Unreachable {
    address: String,
    #[source]
    source: io::Error,
}

/// A connection that is one caller's, and goes on only while it is asked.
///
/// Dropped, at whatever moment, it is closed: it has no task.
pub(super) struct Line {
    client: MultiplexedConnection,
    /// What reads and writes; none once the connection has ended.
    driver: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Line {
    /// Connects within a time: logs in, and gives the connection a name for operators.
    pub(super) async fn dial(options: &RedisOptions, limit: Duration) -> Result<Self> {
        let limit = limit.min(options.connect_timeout);
        match timeout(&*options.clock, limit, Box::pin(Self::connect(options))).await {
            Ok(dialled) => dialled,
            Err(elapsed) => Err(unreachable(options, io::Error::new(io::ErrorKind::TimedOut, elapsed))),
        }
    }

    async fn connect(options: &RedisOptions) -> Result<Self> {
        let stream = TcpStream::connect((options.host.as_str(), options.port)).await;
        let stream = stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        let stream = stream.map_err(|error| unreachable(options, error))?;
        // From 7.2 on the server tells its operators; an older one does not know the command.
        let mut info = RedisConnectionInfo::default().set_lib_name("entourage", env!("CARGO_PKG_VERSION"));
        if let Some(user) = options.user() {
            info = info.set_username(user);
        }
        if let Some(password) = options.password() {
            info = info.set_password(password);
        }
        // All deadlines are ours: the client's default of 500 ms ends what blocks on purpose.
        let limit = planted("redis-client-has-time-outs").then_some(Duration::from_millis(500));
        let config = AsyncConnectionConfig::new().set_response_timeout(limit).set_connection_timeout(None);
        let connected = MultiplexedConnection::new_with_config(&info, stream, config).await;
        let (client, driver) = connected.map_err(|error| fault::of_connecting(error, &options.key()))?;
        let mut line = Self { client, driver: Some(Box::pin(driver)) };
        let mut name = Cmd::with_capacity(3, 64);
        name.arg("CLIENT").arg("SETNAME").arg(format!("entourage/{}", std::process::id()));
        let named = line.ask(&name).await.map_err(|error| fault::of_connecting(error, &options.key()))?;
        answer::read(named).map_err(|error| Mishap::of_server(&error, &options.key()))?;
        Ok(line)
    }

    /// The server's answer, however long it takes.
    pub(super) async fn ask(&mut self, command: &Cmd) -> RedisResult<Value> {
        let mut client = self.client.clone();
        let mut answer = pin!(client.send_packed_command(command));
        let Some(driver) = &mut self.driver else {
            return Err(io::Error::from(io::ErrorKind::NotConnected).into());
        };
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            () = driver => {
                self.driver = None;
                // The answer may have come before the end did.
                answer.await
            }
        }
    }

    /// Lets many callers use it.
    fn share(self) -> Option<Connection> {
        let driver = tokio::spawn(self.driver?);
        Some(Connection { client: self.client, driver })
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("is_open", &self.driver.is_some()).finish_non_exhaustive()
    }
}

/// A connection of many callers, whose commands share it.
///
/// It is closed when the last of them has dropped it.
pub(super) struct Connection {
    client: MultiplexedConnection,
    driver: JoinHandle<()>,
}

impl Connection {
    pub(super) async fn dial(options: &RedisOptions, limit: Duration) -> Result<Arc<Self>> {
        let line = Line::dial(options, limit).await?;
        let ended = || unreachable(options, io::ErrorKind::ConnectionAborted.into());
        line.share().map(Arc::new).ok_or_else(ended)
    }

    /// Whether the server, the network or the runtime that it lived on has ended it.
    pub(super) fn has_ended(&self) -> bool {
        self.driver.is_finished()
    }

    /// The server's answer, however long it takes.
    pub(super) async fn ask(&self, command: &Cmd) -> RedisResult<Value> {
        self.client.clone().send_packed_command(command).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("has_ended", &self.has_ended()).finish_non_exhaustive()
    }
}

/// What the answer to a call that was sent means, or its absence.
pub(super) fn meaning(
    answer: Result<RedisResult<Value>, Elapsed>,
    intent: Intent,
    prefix: &Arc<str>,
) -> Result<answer::Answer, Mishap> {
    match answer {
        Ok(Ok(value)) => answer::read(value).map_err(|error| Mishap::of_server(&error, prefix)),
        Ok(Err(error)) => Err(Mishap::of(&error, intent, prefix)),
        Err(elapsed) => Err(Mishap::Fault { fault: Fault::unanswered(elapsed, intent), broken: true }),
    }
}

fn unreachable(options: &RedisOptions, source: io::Error) -> Fault {
    Fault::unavailable(Unreachable { address: options.address(), source })
}
