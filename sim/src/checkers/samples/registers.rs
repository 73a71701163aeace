//! Histories of registers, right and wrong.

use crate::checkers::samples::Sample;

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
            "NotLinearizable",
            "a read after a write is stale",
            r#"{"t":1,"e":"invoke","p":"a","op":"w","k":"x","v":1}
               {"t":2,"e":"ok","p":"a"}
               {"t":3,"e":"invoke","p":"b","op":"r","k":"x"}
               {"t":4,"e":"ok","p":"b","v":null}"#,
        ),
        Sample::wrong(
            "NotLinearizable",
            "two clients swap the same value",
            r#"{"t":1,"e":"invoke","p":"a","op":"c","k":"x","v":[null,1]}
               {"t":2,"e":"invoke","p":"b","op":"c","k":"x","v":[null,2]}
               {"t":3,"e":"ok","p":"a"}
               {"t":4,"e":"ok","p":"b"}"#,
        ),
        Sample::wrong(
            "NotLinearizable",
            "a value is read that nobody wrote",
            r#"{"t":1,"e":"invoke","p":"a","op":"r","k":"x"}
               {"t":2,"e":"ok","p":"a","v":9}"#,
        ),
        Sample::wrong(
            "NotLinearizable",
            "a failed write is read",
            r#"{"t":1,"e":"invoke","p":"a","op":"w","k":"x","v":1}
               {"t":2,"e":"fail","p":"a"}
               {"t":3,"e":"invoke","p":"b","op":"r","k":"x"}
               {"t":4,"e":"ok","p":"b","v":1}"#,
        ),
        Sample::wrong(
            "NotLinearizable",
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
            "NotLinearizable",
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
            "NotLinearizable",
            "a swap with an unknown outcome happens twice",
            r#"{"t":1,"e":"invoke","p":"a","op":"c","k":"x","v":[null,1]}
               {"t":2,"e":"info","p":"a"}
               {"t":3,"e":"invoke","p":"b","op":"c","k":"x","v":[1,null]}
               {"t":4,"e":"ok","p":"b"}
               {"t":5,"e":"invoke","p":"b","op":"r","k":"x"}
               {"t":6,"e":"ok","p":"b","v":1}"#,
        ),
        Sample::wrong("Malformed", "a client is answered that has not asked", r#"{"t":1,"e":"ok","p":"a"}"#),
        Sample::wrong(
            "Malformed",
            "a client asks again before it is answered",
            r#"{"t":1,"e":"invoke","p":"a","op":"r","k":"x","v":null}
               {"t":2,"e":"invoke","p":"a","op":"r","k":"x","v":null}"#,
        ),
        Sample::wrong(
            "Malformed",
            "a client is answered twice",
            r#"{"t":1,"e":"invoke","p":"a","op":"w","k":"x","v":1}
               {"t":2,"e":"ok","p":"a"}
               {"t":3,"e":"info","p":"a"}"#,
        ),
    ]
}
