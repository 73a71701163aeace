//! What happens to a queue, as the harness and the sink see it: one JSON object a line.
//!
//! `t` is the harness's monotonic time in nanoseconds, `asked` is the same clock before a worker
//! asked for what it then started.

use std::fmt;

use serde_json::Value;

/// Something that has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    pub(crate) t: u64,
    pub(crate) what: What<'a>,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What<'a> {
    /// A run begins; how long a worker may be silent, in nanoseconds.
    Run { backend: &'a str, lease: u64 },
    /// A producer has published, or nobody knows whether it has.
    Enq { id: &'a str, res: Res },
    /// A worker has received.
    Start { id: &'a str, worker: &'a str, attempt: u64, epoch: u64, asked: u64 },
    /// A worker asked for an effect, and the sink decided.
    Effect { id: &'a str, worker: &'a str, attempt: u64, epoch: u64, fenced: bool, ok: bool },
    /// A worker has settled, or was refused.
    Ack { id: &'a str, worker: &'a str, epoch: u64, verb: Verb, ok: bool },
    /// The item is a dead letter.
    Dead { id: &'a str },
    /// The process was killed, or the task dropped.
    Kill { worker: &'a str },
    /// The process stands still.
    Pause { worker: &'a str },
    /// It goes on.
    Resume { worker: &'a str },
    /// The server, or everything that has the file open, was killed.
    Down,
    /// It is there again.
    Up,
}

/// What a producer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Res {
    Ok,
    Fail,
    Unknown,
}

/// How an attempt was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Accept,
    Retry,
    Reject,
}

impl Verb {
    pub(crate) const ALL: [Self; 3] = [Self::Accept, Self::Retry, Self::Reject];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Retry => "retry",
            Self::Reject => "reject",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }
}

impl Res {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// A text as JSON has it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
            return write!(f, "\"{}\"", self.0);
        }
        write!(f, "{}", Value::from(self.0))
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"{{"t":{},"e":"#, self.t)?;
        match self.what {
            What::Run { backend, lease } => {
                write!(f, r#""run","backend":{},"lease":{lease}}}"#, Quoted(backend))
            }
            What::Enq { id, res } => write!(f, r#""enq","id":{},"res":"{}"}}"#, Quoted(id), res.name()),
            What::Start { id, worker, attempt, epoch, asked } => write!(
                f,
                r#""start","id":{},"worker":{},"attempt":{attempt},"epoch":{epoch},"asked":{asked}}}"#,
                Quoted(id),
                Quoted(worker)
            ),
            What::Effect { id, worker, attempt, epoch, fenced, ok } => write!(
                f,
                r#""effect","id":{},"worker":{},"attempt":{attempt},"epoch":{epoch},"fenced":{fenced},"ok":{ok}}}"#,
                Quoted(id),
                Quoted(worker)
            ),
            What::Ack { id, worker, epoch, verb, ok } => write!(
                f,
                r#""ack","id":{},"worker":{},"epoch":{epoch},"verb":"{}","ok":{ok}}}"#,
                Quoted(id),
                Quoted(worker),
                verb.name()
            ),
            What::Dead { id } => write!(f, r#""dead","id":{}}}"#, Quoted(id)),
            What::Kill { worker } => write!(f, r#""kill","worker":{}}}"#, Quoted(worker)),
            What::Pause { worker } => write!(f, r#""fault","kind":"pause","worker":{}}}"#, Quoted(worker)),
            What::Resume { worker } => write!(f, r#""fault","kind":"resume","worker":{}}}"#, Quoted(worker)),
            What::Down => f.write_str(r#""fault","kind":"down"}"#),
            What::Up => f.write_str(r#""fault","kind":"up"}"#),
        }
    }
}

impl<'a> Event<'a> {
    /// What a line says, or nothing if it is no event.
    pub(crate) fn of(line: &'a Value) -> Option<Self> {
        let text = |name: &str| line.get(name).and_then(Value::as_str);
        let number = |name: &str| line.get(name).and_then(Value::as_u64);
        let is = |name: &str| line.get(name).and_then(Value::as_bool);
        let (id, worker) = (text("id"), text("worker"));
        let what = match text("e")? {
            "run" => What::Run { backend: text("backend")?, lease: number("lease")? },
            "enq" => {
                let known = [Res::Ok, Res::Fail, Res::Unknown];
                let res = text("res")?;
                What::Enq { id: id?, res: known.into_iter().find(|one| one.name() == res)? }
            }
            "start" => What::Start {
                id: id?,
                worker: worker?,
                attempt: number("attempt")?,
                epoch: number("epoch")?,
                asked: number("asked")?,
            },
            "effect" => What::Effect {
                id: id?,
                worker: worker?,
                attempt: number("attempt")?,
                epoch: number("epoch")?,
                fenced: is("fenced")?,
                ok: is("ok")?,
            },
            "ack" => What::Ack {
                id: id?,
                worker: worker?,
                epoch: number("epoch")?,
                verb: Verb::parse(text("verb")?)?,
                ok: is("ok")?,
            },
            "dead" => What::Dead { id: id? },
            "kill" => What::Kill { worker: worker? },
            "fault" => match text("kind")? {
                "pause" => What::Pause { worker: worker? },
                "resume" => What::Resume { worker: worker? },
                "down" => What::Down,
                "up" => What::Up,
                _ => return None,
            },
            _ => return None,
        };
        Some(Self { t: number("t")?, what })
    }
}
