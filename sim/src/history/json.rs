//! Events as JSON.

use serde_json::{Map, Value, json};

use crate::history::event::{Event, Op, Taken, What};

/// A line that is not of the schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not an event: {why}")]
pub struct Malformed {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

pub(super) fn write(event: &Event) -> Value {
    let t = event.t;
    match &event.what {
        What::Acquire { res, holder, token } => {
            json!({"t": t, "e": "acquire", "res": res, "holder": holder, "token": token})
        }
        What::Lose { res, holder, token } => {
            json!({"t": t, "e": "lose", "res": res, "holder": holder, "token": token})
        }
        What::Sink { res, holder, token, ok } => {
            json!({"t": t, "e": "sink", "res": res, "holder": holder, "token": token, "ok": ok})
        }
        What::Fault { kind, worker: None } => json!({"t": t, "e": "fault", "kind": kind}),
        What::Fault { kind, worker: Some(worker) } => {
            json!({"t": t, "e": "fault", "kind": kind, "worker": worker})
        }
        What::Enqueue { id, key, res } => {
            let res = match res {
                Taken::Ok => "ok",
                Taken::Fail => "fail",
                Taken::Unknown => "unknown",
            };
            match key {
                Some(key) => json!({"t": t, "e": "enq", "id": id, "key": key, "res": res}),
                None => json!({"t": t, "e": "enq", "id": id, "res": res}),
            }
        }
        What::Start { id, worker, attempt } => {
            json!({"t": t, "e": "start", "id": id, "worker": worker, "attempt": attempt})
        }
        What::Effect { id, worker, attempt, ok } => {
            json!({"t": t, "e": "effect", "id": id, "worker": worker, "attempt": attempt, "ok": ok})
        }
        What::Ack { id, worker, ok } => json!({"t": t, "e": "ack", "id": id, "worker": worker, "ok": ok}),
        What::Dead { id } => json!({"t": t, "e": "dead", "id": id}),
        What::Kill { worker } => json!({"t": t, "e": "kill", "worker": worker}),
        What::Invoke { p, op } => match op {
            Op::Read { k } => json!({"t": t, "e": "invoke", "p": p, "op": "r", "k": k, "v": null}),
            Op::Write { k, v } => json!({"t": t, "e": "invoke", "p": p, "op": "w", "k": k, "v": v}),
            Op::Cas { k, old, new } => {
                json!({"t": t, "e": "invoke", "p": p, "op": "c", "k": k, "v": [old, new]})
            }
        },
        What::Ok { p, v: Some(v) } => json!({"t": t, "e": "ok", "p": p, "v": v}),
        What::Ok { p, v: None } => json!({"t": t, "e": "ok", "p": p}),
        What::Fail { p } => json!({"t": t, "e": "fail", "p": p}),
        What::Info { p } => json!({"t": t, "e": "info", "p": p}),
    }
}

pub(super) fn read(line: usize, text: &str) -> Result<Event, Malformed> {
    let malformed = |why: String| Malformed { line, why };
    let value: Value = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    let object = value.as_object().ok_or_else(|| malformed("it is not an object".to_owned()))?;
    let fields = Fields { object };
    let read = || -> Result<Event, String> { Ok(Event { t: fields.number("t")?, what: fields.what()? }) };
    read().map_err(malformed)
}

struct Fields<'a> {
    object: &'a Map<String, Value>,
}

impl Fields<'_> {
    fn value(&self, name: &str) -> Result<&Value, String> {
        self.object.get(name).ok_or_else(|| format!("it has no {name:?}"))
    }

    /// Names may be numbers too, as other recorders write them.
    fn name(&self, name: &str) -> Result<String, String> {
        match self.value(name)? {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            other => Err(format!("{name:?} is {other}, not a name")),
        }
    }

    fn perhaps(&self, name: &str) -> Result<Option<String>, String> {
        self.object.contains_key(name).then(|| self.name(name)).transpose()
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        let value = self.value(name)?;
        value.as_u64().ok_or_else(|| format!("{name:?} is {value}, not a number from 0"))
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        let value = self.value(name)?;
        value.as_bool().ok_or_else(|| format!("{name:?} is {value}, not true or false"))
    }

    fn what(&self) -> Result<What, String> {
        let lease = || Ok::<_, String>((self.name("res")?, self.name("holder")?, self.number("token")?));
        let attempt = || Ok::<_, String>((self.name("id")?, self.name("worker")?, self.number("attempt")?));
        Ok(match self.name("e")?.as_str() {
            "acquire" => {
                let (res, holder, token) = lease()?;
                What::Acquire { res, holder, token }
            }
            "lose" => {
                let (res, holder, token) = lease()?;
                What::Lose { res, holder, token }
            }
            "sink" => {
                let (res, holder, token) = lease()?;
                What::Sink { res, holder, token, ok: self.flag("ok")? }
            }
            "fault" => What::Fault { kind: self.name("kind")?, worker: self.perhaps("worker")? },
            "enq" => {
                let key = self.perhaps("key")?;
                let res = match self.name("res")?.as_str() {
                    "ok" => Taken::Ok,
                    "fail" => Taken::Fail,
                    "unknown" => Taken::Unknown,
                    other => return Err(format!("\"res\" is {other:?}, not ok, fail or unknown")),
                };
                What::Enqueue { id: self.name("id")?, key, res }
            }
            "start" => {
                let (id, worker, attempt) = attempt()?;
                What::Start { id, worker, attempt }
            }
            "effect" => {
                let (id, worker, attempt) = attempt()?;
                What::Effect { id, worker, attempt, ok: self.flag("ok")? }
            }
            "ack" => What::Ack { id: self.name("id")?, worker: self.name("worker")?, ok: self.flag("ok")? },
            "dead" => What::Dead { id: self.name("id")? },
            "kill" => What::Kill { worker: self.name("worker")? },
            "invoke" => What::Invoke { p: self.name("p")?, op: self.op()? },
            "ok" => What::Ok { p: self.name("p")?, v: self.object.get("v").cloned() },
            "fail" => What::Fail { p: self.name("p")? },
            "info" => What::Info { p: self.name("p")? },
            other => return Err(format!("\"e\" is {other:?}, which is no event")),
        })
    }

    fn op(&self) -> Result<Op, String> {
        let k = self.name("k")?;
        match self.name("op")?.as_str() {
            "r" => Ok(Op::Read { k }),
            "w" => Ok(Op::Write { k, v: self.value("v")?.clone() }),
            "c" => match self.value("v")?.as_array().map(Vec::as_slice) {
                Some([old, new]) => Ok(Op::Cas { k, old: old.clone(), new: new.clone() }),
                _ => Err("\"v\" of a compare-and-swap is not [old, new]".to_owned()),
            },
            other => Err(format!("\"op\" is {other:?}, not r, w or c")),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::History;

    const LINES: &str = r#"
{"e":"acquire","holder":"a","res":"printer","t":1,"token":7}
{"e":"lose","holder":"a","res":"printer","t":2,"token":7}
{"e":"sink","holder":"a","ok":false,"res":"printer","t":3,"token":7}
{"e":"fault","kind":"pause","t":4}
{"e":"fault","kind":"pause","t":4,"worker":"w"}
{"e":"enq","id":"17","key":"k","res":"unknown","t":5}
{"e":"enq","id":"18","res":"ok","t":5}
{"attempt":1,"e":"start","id":"17","t":6,"worker":"w"}
{"attempt":1,"e":"effect","id":"17","ok":true,"t":7,"worker":"w"}
{"e":"ack","id":"17","ok":true,"t":8,"worker":"w"}
{"e":"dead","id":"17","t":9}
{"e":"kill","t":10,"worker":"w"}
{"e":"invoke","k":"x","op":"r","p":"1","t":11,"v":null}
{"e":"ok","p":"1","t":12,"v":null}
{"e":"invoke","k":"x","op":"w","p":"1","t":13,"v":3}
{"e":"ok","p":"1","t":14}
{"e":"invoke","k":"x","op":"c","p":"1","t":15,"v":[3,4]}
{"e":"fail","p":"1","t":16}
{"e":"info","p":"1","t":17}
"#;

    #[test]
    fn every_event_is_written_as_it_was_read() {
        let events = History::parse(LINES).unwrap();
        assert_eq!(events.len(), 19);
        let written: String = events.iter().map(|event| format!("{event}\n")).collect();
        assert_eq!(written.trim(), LINES.trim());
    }

    #[test]
    fn a_line_that_is_no_event_is_named() {
        for (line, why) in [
            ("{", "EOF"),
            ("7", "not an object"),
            (r#"{"t":1}"#, "no \"e\""),
            (r#"{"t":-1,"e":"dead","id":"a"}"#, "not a number"),
            (r#"{"t":1,"e":"party"}"#, "no event"),
            (r#"{"t":1,"e":"enq","id":"a","res":"perhaps"}"#, "not ok, fail or unknown"),
            (r#"{"t":1,"e":"invoke","p":"a","op":"c","k":"x","v":[1]}"#, "not [old, new]"),
        ] {
            let error = History::parse(&format!("\n{line}")).unwrap_err();
            assert!(error.line == 2 && error.why.contains(why), "{error}");
        }
    }
}
