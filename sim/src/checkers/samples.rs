//! Histories that a checker must accept or reject: a checker counts only with those.

use crate::history::{Event, History, Malformed};

/// A history that a checker must accept or reject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// What happened.
    pub says: &'static str,
    /// The events, one JSON object a line.
    pub lines: &'static str,
    /// Whether a checker must accept it.
    pub right: bool,
}

impl Sample {
    const fn right(says: &'static str, lines: &'static str) -> Self {
        Self { says, lines, right: true }
    }

    const fn wrong(says: &'static str, lines: &'static str) -> Self {
        Self { says, lines, right: false }
    }

    /// The events.
    ///
    /// # Errors
    /// [`Malformed`] never: the samples of this crate are of the schema.
    pub fn events(&self) -> Result<Vec<Event>, Malformed> {
        History::parse(self.lines)
    }
}

/// What a checker of registers must tell apart.
#[must_use]
pub fn register_samples() -> Vec<Sample> {
    vec![
        Sample::right("nothing happened", ""),
        Sample::right(
            "a read during a write sees either value",
            r#"{"t":1,"e":"invoke","p":"a","op":"w","k":"x","v":1}
               {"t":2,"e":"invoke","p":"b","op":"r","k":"x"}
               {"t":3,"e":"ok","p":"b","v":null}
               {"t":4,"e":"invoke","p":"b","op":"r","k":"x"}
               {"t":5,"e":"ok","p":"b","v":1}
               {"t":6,"e":"ok","p":"a"}"#,
        ),
        Sample::right(
            "a write with an unknown outcome happens late",
            r#"{"t":1,"e":"invoke","p":"a","op":"w","k":"x","v":1}
               {"t":2,"e":"info","p":"a"}
               {"t":3,"e":"invoke","p":"b","op":"r","k":"x"}
               {"t":4,"e":"ok","p":"b","v":null}
               {"t":5,"e":"invoke","p":"b","op":"r","k":"x"}
               {"t":6,"e":"ok","p":"b","v":1}"#,
        ),
        Sample::right(
            "a write with an unknown outcome never happens",
            r#"{"t":1,"e":"invoke","p":"a","op":"w","k":"x","v":1}
               {"t":2,"e":"info","p":"a"}
               {"t":3,"e":"invoke","p":"b","op":"r","k":"x"}
               {"t":4,"e":"ok","p":"b","v":null}"#,
        ),
        Sample::right(
            "two swaps follow each other although they overlap",
            r#"{"t":1,"e":"invoke","p":"a","op":"c","k":"x","v":[1,2]}
               {"t":2,"e":"invoke","p":"b","op":"c","k":"x","v":[null,1]}
               {"t":3,"e":"ok","p":"a"}
               {"t":4,"e":"ok","p":"b"}"#,
        ),
        Sample::right(
            "what failed did not happen, and keys have nothing to do with each other",
            r#"{"t":1,"e":"invoke","p":"a","op":"c","k":"x","v":[7,8]}
               {"t":2,"e":"fail","p":"a"}
               {"t":3,"e":"invoke","p":"a","op":"w","k":"y","v":7}
               {"t":4,"e":"ok","p":"a"}
               {"t":5,"e":"invoke","p":"a","op":"r","k":"x"}
               {"t":6,"e":"ok","p":"a","v":null}"#,
        ),
        Sample::wrong(
            "a read after a write is stale",
            r#"{"t":1,"e":"invoke","p":"a","op":"w","k":"x","v":1}
               {"t":2,"e":"ok","p":"a"}
               {"t":3,"e":"invoke","p":"b","op":"r","k":"x"}
               {"t":4,"e":"ok","p":"b","v":null}"#,
        ),
        Sample::wrong(
            "two clients swap the same value",
            r#"{"t":1,"e":"invoke","p":"a","op":"c","k":"x","v":[null,1]}
               {"t":2,"e":"invoke","p":"b","op":"c","k":"x","v":[null,2]}
               {"t":3,"e":"ok","p":"a"}
               {"t":4,"e":"ok","p":"b"}"#,
        ),
        Sample::wrong(
            "a value is read that nobody wrote",
            r#"{"t":1,"e":"invoke","p":"a","op":"r","k":"x"}
               {"t":2,"e":"ok","p":"a","v":9}"#,
        ),
        Sample::wrong(
            "a failed write is read",
            r#"{"t":1,"e":"invoke","p":"a","op":"w","k":"x","v":1}
               {"t":2,"e":"fail","p":"a"}
               {"t":3,"e":"invoke","p":"b","op":"r","k":"x"}
               {"t":4,"e":"ok","p":"b","v":1}"#,
        ),
        Sample::wrong(
            "a value comes back after it was replaced",
            r#"{"t":1,"e":"invoke","p":"a","op":"w","k":"x","v":1}
               {"t":2,"e":"ok","p":"a"}
               {"t":3,"e":"invoke","p":"a","op":"w","k":"x","v":2}
               {"t":4,"e":"ok","p":"a"}
               {"t":5,"e":"invoke","p":"b","op":"r","k":"x"}
               {"t":6,"e":"ok","p":"b","v":2}
               {"t":7,"e":"invoke","p":"b","op":"r","k":"x"}
               {"t":8,"e":"ok","p":"b","v":1}"#,
        ),
        Sample::wrong(
            "two readers see two writes in two orders",
            r#"{"t":1,"e":"invoke","p":"a","op":"w","k":"x","v":1}
               {"t":2,"e":"invoke","p":"b","op":"w","k":"x","v":2}
               {"t":3,"e":"invoke","p":"c","op":"r","k":"x"}
               {"t":4,"e":"ok","p":"c","v":1}
               {"t":5,"e":"invoke","p":"d","op":"r","k":"x"}
               {"t":6,"e":"ok","p":"d","v":2}
               {"t":7,"e":"invoke","p":"c","op":"r","k":"x"}
               {"t":8,"e":"ok","p":"c","v":1}
               {"t":9,"e":"ok","p":"a"}
               {"t":9,"e":"ok","p":"b"}"#,
        ),
        Sample::wrong(
            "a swap with an unknown outcome happens twice",
            r#"{"t":1,"e":"invoke","p":"a","op":"c","k":"x","v":[null,1]}
               {"t":2,"e":"info","p":"a"}
               {"t":3,"e":"invoke","p":"b","op":"c","k":"x","v":[1,null]}
               {"t":4,"e":"ok","p":"b"}
               {"t":5,"e":"invoke","p":"b","op":"r","k":"x"}
               {"t":6,"e":"ok","p":"b","v":1}"#,
        ),
        Sample::wrong("a client is answered that has not asked", r#"{"t":1,"e":"ok","p":"a"}"#),
    ]
}

/// What a checker of fences must tell apart.
#[must_use]
pub fn fence_samples() -> Vec<Sample> {
    vec![
        Sample::right("nothing happened", ""),
        Sample::right(
            "a former holder is refused",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"fault","kind":"pause"}
               {"t":3,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":4,"e":"sink","res":"x","holder":"b","token":2,"ok":true}
               {"t":5,"e":"sink","res":"x","holder":"a","token":1,"ok":false}
               {"t":6,"e":"lose","res":"x","holder":"a","token":1}"#,
        ),
        Sample::right(
            "a former holder writes before its successor does",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":3,"e":"sink","res":"x","holder":"a","token":1,"ok":true}
               {"t":4,"e":"sink","res":"x","holder":"b","token":2,"ok":true}"#,
        ),
        Sample::right(
            "a dead holder has no belief",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"kill","worker":"a"}
               {"t":3,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":4,"e":"lose","res":"x","holder":"b","token":2}"#,
        ),
        Sample::right(
            "two resources have tokens of their own",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":5}
               {"t":2,"e":"acquire","res":"y","holder":"b","token":2}
               {"t":3,"e":"sink","res":"y","holder":"b","token":2,"ok":true}
               {"t":4,"e":"sink","res":"x","holder":"a","token":5,"ok":true}"#,
        ),
        Sample::wrong(
            "a token is granted twice",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"acquire","res":"x","holder":"b","token":1}"#,
        ),
        Sample::wrong(
            "tokens go backwards",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":9}
               {"t":2,"e":"acquire","res":"x","holder":"b","token":2}"#,
        ),
        Sample::wrong(
            "a former holder overwrites its successor",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":3,"e":"sink","res":"x","holder":"b","token":2,"ok":true}
               {"t":4,"e":"sink","res":"x","holder":"a","token":1,"ok":true}"#,
        ),
        Sample::wrong(
            "a write has a token that nobody was granted",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"sink","res":"x","holder":"a","token":3,"ok":true}"#,
        ),
        Sample::wrong(
            "a write has another's token",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"sink","res":"x","holder":"b","token":1,"ok":true}"#,
        ),
        Sample::wrong(
            "two believe at once and nothing explains it",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"fault","kind":"partition"}
               {"t":3,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":4,"e":"lose","res":"x","holder":"a","token":1}"#,
        ),
    ]
}

/// What a checker of queues must tell apart, with a sink that lets each item's effect through once.
#[must_use]
pub fn queue_samples() -> Vec<Sample> {
    vec![
        Sample::right("nothing happened", ""),
        Sample::right(
            "an item is done",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"ack","id":"1","worker":"w","ok":true}"#,
        ),
        Sample::right(
            "the second attempt of a dead worker's item is refused by the sink and settled",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"kill","worker":"w"}
               {"t":5,"e":"start","id":"1","worker":"v","attempt":2}
               {"t":6,"e":"effect","id":"1","worker":"v","attempt":2,"ok":false}
               {"t":7,"e":"ack","id":"1","worker":"v","ok":true}"#,
        ),
        Sample::right(
            "an item becomes a dead letter after its effect",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"kill","worker":"w"}
               {"t":5,"e":"dead","id":"1"}"#,
        ),
        Sample::right(
            "a publication whose answer was lost is worked on, and another is not",
            r#"{"t":1,"e":"enq","id":"1","res":"unknown"}
               {"t":1,"e":"enq","id":"2","res":"unknown"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"ack","id":"1","worker":"w","ok":false}"#,
        ),
        Sample::wrong("an accepted item is lost", r#"{"t":1,"e":"enq","id":"1","res":"ok"}"#),
        Sample::wrong(
            "an item is settled without an effect",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":false}
               {"t":4,"e":"ack","id":"1","worker":"w","ok":true}"#,
        ),
        Sample::wrong(
            "an item is done and dead",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"ack","id":"1","worker":"w","ok":true}
               {"t":5,"e":"dead","id":"1"}"#,
        ),
        Sample::wrong(
            "a refused publication is worked on",
            r#"{"t":1,"e":"enq","id":"1","res":"fail"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}"#,
        ),
        Sample::wrong(
            "two attempts settle one item",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":2,"e":"start","id":"1","worker":"v","attempt":2}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"ack","id":"1","worker":"w","ok":true}
               {"t":5,"e":"ack","id":"1","worker":"v","ok":true}"#,
        ),
        Sample::wrong(
            "an item has its effect twice",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"start","id":"1","worker":"v","attempt":2}
               {"t":5,"e":"effect","id":"1","worker":"v","attempt":2,"ok":true}
               {"t":6,"e":"ack","id":"1","worker":"v","ok":true}"#,
        ),
        Sample::wrong(
            "an effect comes from an attempt that never began",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":2,"ok":true}"#,
        ),
        Sample::wrong(
            "the later item of a key has its effect first",
            r#"{"t":1,"e":"enq","id":"1","key":"k","res":"ok"}
               {"t":2,"e":"enq","id":"2","key":"k","res":"ok"}
               {"t":3,"e":"start","id":"2","worker":"w","attempt":1}
               {"t":4,"e":"effect","id":"2","worker":"w","attempt":1,"ok":true}
               {"t":5,"e":"start","id":"1","worker":"w","attempt":2}
               {"t":6,"e":"effect","id":"1","worker":"w","attempt":2,"ok":true}"#,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::{BrokenQueue, Effects, check_effects, check_fences, check_grants, check_registers};

    fn judge<E: std::fmt::Debug>(samples: &[Sample], check: impl Fn(&[Event]) -> Result<(), E>) {
        assert!(samples.iter().filter(|sample| !sample.right).count() >= 6);
        for sample in samples {
            let verdict = check(&sample.events().unwrap());
            assert_eq!(verdict.is_ok(), sample.right, "{}: {verdict:?}", sample.says);
        }
    }

    #[test]
    fn registers_are_told_apart() {
        judge(&register_samples(), check_registers);
    }

    #[test]
    fn fences_are_told_apart() {
        judge(&fence_samples(), check_fences);
    }

    #[test]
    fn queues_are_told_apart() {
        judge(&queue_samples(), |events| check_effects(events, Effects::Once));
    }

    #[test]
    fn an_issuer_accepts_no_token_below_one_that_it_granted() {
        let writes_first =
            |sample: &&Sample| sample.says == "a former holder writes before its successor does";
        let sample = fence_samples().iter().find(writes_first).unwrap().events().unwrap();
        assert!(check_fences(&sample).is_ok() && check_grants(&sample).is_err());
    }

    #[test]
    fn a_repeated_effect_needs_a_fault_that_explains_it() {
        let twice = |between: &str| {
            let lines = format!(
                r#"{{"t":1,"e":"enq","id":"1","res":"ok"}}
                   {{"t":2,"e":"start","id":"1","worker":"w","attempt":1}}
                   {{"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}}
                   {between}
                   {{"t":5,"e":"start","id":"1","worker":"v","attempt":2}}
                   {{"t":6,"e":"effect","id":"1","worker":"v","attempt":2,"ok":true}}"#
            );
            check_effects(&History::parse(&lines).unwrap(), Effects::Repeated)
        };
        assert_eq!(twice(r#"{"t":4,"e":"kill","worker":"w"}"#), Ok(()));
        assert_eq!(twice(r#"{"t":4,"e":"fault","kind":"partition"}"#), Ok(()));
        assert_eq!(twice(r#"{"t":4,"e":"fault","kind":"partition","worker":"w"}"#), Ok(()));
        let unexplained = Err(BrokenQueue::Unexplained { id: "1".to_owned(), attempt: 2 });
        assert_eq!(twice(""), unexplained);
        assert_eq!(twice(r#"{"t":4,"e":"kill","worker":"v"}"#), unexplained);
        assert_eq!(twice(r#"{"t":4,"e":"fault","kind":"pause","worker":"u"}"#), unexplained);
    }
}
