//! Histories of queues, right and wrong.

use crate::checkers::samples::Sample;

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
        Sample::wrong("Lost", "an accepted item is lost", r#"{"t":1,"e":"enq","id":"1","res":"ok"}"#),
        Sample::wrong(
            "Lost",
            "an item is settled without an effect",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":false}
               {"t":4,"e":"ack","id":"1","worker":"w","ok":true}"#,
        ),
        Sample::wrong(
            "DoneAndDead",
            "an item is done and dead",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"ack","id":"1","worker":"w","ok":true}
               {"t":5,"e":"dead","id":"1"}"#,
        ),
        Sample::wrong(
            "Phantom",
            "a refused publication is worked on",
            r#"{"t":1,"e":"enq","id":"1","res":"fail"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}"#,
        ),
        Sample::wrong(
            "SettledTwice",
            "two attempts settle one item",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":2,"e":"start","id":"1","worker":"v","attempt":2}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"ack","id":"1","worker":"w","ok":true}
               {"t":5,"e":"ack","id":"1","worker":"v","ok":true}"#,
        ),
        Sample::wrong(
            "EffectTwice",
            "an item has its effect twice",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"start","id":"1","worker":"v","attempt":2}
               {"t":5,"e":"effect","id":"1","worker":"v","attempt":2,"ok":true}
               {"t":6,"e":"ack","id":"1","worker":"v","ok":true}"#,
        ),
        Sample::wrong(
            "NeverStarted",
            "an effect comes from an attempt that never began",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":2,"ok":true}"#,
        ),
        Sample::wrong(
            "OutOfOrder",
            "the later item of a key has its effect first",
            r#"{"t":1,"e":"enq","id":"1","key":"k","res":"ok"}
               {"t":2,"e":"enq","id":"2","key":"k","res":"ok"}
               {"t":3,"e":"start","id":"2","worker":"w","attempt":1}
               {"t":4,"e":"effect","id":"2","worker":"w","attempt":1,"ok":true}
               {"t":5,"e":"start","id":"1","worker":"w","attempt":2}
               {"t":6,"e":"effect","id":"1","worker":"w","attempt":2,"ok":true}"#,
        ),
        Sample::wrong("Phantom", "a dead letter was never published", r#"{"t":1,"e":"dead","id":"1"}"#),
        Sample::wrong(
            "NeverStarted",
            "an attempt has its effect before it begins",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":3,"e":"start","id":"1","worker":"w","attempt":1}"#,
        ),
    ]
}

/// What a checker of queues must tell apart, with a sink that lets every effect through.
#[must_use]
pub fn repeat_samples() -> Vec<Sample> {
    vec![
        Sample::right(
            "the first worker of an item dies between the two effects",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"kill","worker":"w"}
               {"t":5,"e":"start","id":"1","worker":"v","attempt":2}
               {"t":6,"e":"effect","id":"1","worker":"v","attempt":2,"ok":true}"#,
        ),
        Sample::right(
            "the first worker of an item was cut off",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"fault","kind":"partition","worker":"w"}
               {"t":5,"e":"start","id":"1","worker":"v","attempt":2}
               {"t":6,"e":"effect","id":"1","worker":"v","attempt":2,"ok":true}"#,
        ),
        Sample::right(
            "everybody was cut off",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"fault","kind":"partition"}
               {"t":5,"e":"start","id":"1","worker":"v","attempt":2}
               {"t":6,"e":"effect","id":"1","worker":"v","attempt":2,"ok":true}"#,
        ),
        Sample::wrong(
            "Unexplained",
            "a second effect for no reason",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":5,"e":"start","id":"1","worker":"v","attempt":2}
               {"t":6,"e":"effect","id":"1","worker":"v","attempt":2,"ok":true}"#,
        ),
        Sample::wrong(
            "Unexplained",
            "a second effect, and it was the second worker that died",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"kill","worker":"v"}
               {"t":5,"e":"start","id":"1","worker":"v","attempt":2}
               {"t":6,"e":"effect","id":"1","worker":"v","attempt":2,"ok":true}"#,
        ),
        Sample::wrong(
            "Unexplained",
            "a second effect, and only a third worker was paused",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":4,"e":"fault","kind":"pause","worker":"u"}
               {"t":5,"e":"start","id":"1","worker":"v","attempt":2}
               {"t":6,"e":"effect","id":"1","worker":"v","attempt":2,"ok":true}"#,
        ),
        Sample::wrong(
            "Unexplained",
            "a second effect, and the first worker had died before it began",
            r#"{"t":1,"e":"enq","id":"1","res":"ok"}
               {"t":1,"e":"kill","worker":"w"}
               {"t":2,"e":"start","id":"1","worker":"w","attempt":1}
               {"t":3,"e":"effect","id":"1","worker":"w","attempt":1,"ok":true}
               {"t":5,"e":"start","id":"1","worker":"v","attempt":2}
               {"t":6,"e":"effect","id":"1","worker":"v","attempt":2,"ok":true}"#,
        ),
    ]
}
