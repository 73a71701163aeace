//! A connection of the crate `redis` as the service of one shard.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use entourage_ambassador::linked::{Command, Reply};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, RedisResult, Value, aio::MultiplexedConnection,
};
use tower_service::Service;

/// A connection that many share; clones are the same connection.
#[derive(Clone)]
pub(crate) struct Connection(MultiplexedConnection);

impl Connection {
    /// To the server at this `host:port`.
    pub(crate) async fn to(endpoint: &str) -> Self {
        // A busy machine is no reason to give up.
        let patient = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let client = Client::open(format!("redis://{endpoint}")).expect("it is a URL");
        let connection = client.get_multiplexed_async_connection_with_config(&patient).await;
        Self(connection.expect("somebody listens"))
    }
}

impl Service<Command> for Connection {
    type Response = Reply;
    type Error = RedisError;
    type Future = Pin<Box<dyn Future<Output = RedisResult<Reply>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<RedisResult<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, command: Command) -> Self::Future {
        let mut connection = self.0.clone();
        Box::pin(async move {
            let mut request = Cmd::new();
            request.arg(command.name());
            command.args().for_each(|argument| {
                request.arg(argument);
            });
            match connection.send_packed_command(&request).await {
                Ok(value) => Ok(reply(value)),
                Err(error) => refusal(&error).ok_or(error),
            }
        })
    }
}

/// The reply that the crate has made this value of.
fn reply(value: Value) -> Reply {
    match value {
        Value::Nil => Reply::null(),
        Value::Int(integer) => Reply::integer(integer),
        Value::BulkString(bytes) => Reply::bulk(bytes),
        Value::Array(elements) => Reply::array(elements.into_iter().map(reply)),
        Value::SimpleString(text) => Reply::status(&text),
        Value::Okay => Reply::status("OK"),
        Value::ServerError(error) => {
            Reply::error(&format!("{} {}", error.code(), error.details().unwrap_or_default()))
        }
        other => panic!("{other:?} is not of RESP2"),
    }
}

/// The reply that the crate has made this error of; `None` where it is of the connection.
fn refusal(error: &RedisError) -> Option<Reply> {
    let is_of_the_server = matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension);
    let text = format!("{} {}", error.code()?, error.detail().unwrap_or_default());
    is_of_the_server.then(|| Reply::error(&text))
}
