//! Histories of leases, right and wrong.

use crate::checkers::samples::Sample;

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
        Sample::right(
            "a holder with a slow clock believes for too long",
            r#"{"t":0,"e":"fault","kind":"clock","worker":"a"}
               {"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":3,"e":"lose","res":"x","holder":"a","token":1}
               {"t":4,"e":"lose","res":"x","holder":"b","token":2}"#,
        ),
        Sample::right(
            "a successor with a fast clock takes over too early",
            r#"{"t":0,"e":"fault","kind":"clock","worker":"b"}
               {"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":3,"e":"lose","res":"x","holder":"a","token":1}"#,
        ),
        Sample::wrong(
            "NotAbove",
            "a token is granted twice",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"acquire","res":"x","holder":"b","token":1}"#,
        ),
        Sample::wrong(
            "NotAbove",
            "tokens go backwards",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":9}
               {"t":2,"e":"acquire","res":"x","holder":"b","token":2}"#,
        ),
        Sample::wrong(
            "Overtaken",
            "a former holder overwrites its successor",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":3,"e":"sink","res":"x","holder":"b","token":2,"ok":true}
               {"t":4,"e":"sink","res":"x","holder":"a","token":1,"ok":true}"#,
        ),
        Sample::wrong(
            "NeverGranted",
            "a write has a token that nobody was granted",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"sink","res":"x","holder":"a","token":3,"ok":true}"#,
        ),
        Sample::wrong(
            "Stolen",
            "a write has another's token",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"sink","res":"x","holder":"b","token":1,"ok":true}"#,
        ),
        Sample::wrong(
            "Overlap",
            "two believe at once and nothing explains it",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"fault","kind":"partition"}
               {"t":3,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":4,"e":"lose","res":"x","holder":"a","token":1}"#,
        ),
        Sample::wrong(
            "Overlap",
            "two believe at once and only a third was paused",
            r#"{"t":1,"e":"fault","kind":"pause","worker":"c"}
               {"t":2,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":3,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":4,"e":"lose","res":"x","holder":"a","token":1}"#,
        ),
        Sample::wrong(
            "Overlap",
            "the second of two who believe at once is overtaken as well, and was never paused",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"fault","kind":"pause","worker":"a"}
               {"t":3,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":4,"e":"lose","res":"x","holder":"a","token":1}
               {"t":5,"e":"acquire","res":"x","holder":"c","token":3}
               {"t":6,"e":"lose","res":"x","holder":"b","token":2}"#,
        ),
        Sample::wrong(
            "Overlap",
            "somebody still believes whom a successor with a fast clock has hidden",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"fault","kind":"clock","worker":"b"}
               {"t":3,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":4,"e":"lose","res":"x","holder":"b","token":2}
               {"t":5,"e":"acquire","res":"x","holder":"c","token":3}
               {"t":6,"e":"lose","res":"x","holder":"a","token":1}"#,
        ),
        Sample::wrong(
            "Overlap",
            "another's death ends nobody's belief",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"kill","worker":"c"}
               {"t":3,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":4,"e":"lose","res":"x","holder":"a","token":1}"#,
        ),
    ]
}

/// What a checker of grants must tell apart, besides what is told apart in [`fence_samples`].
#[must_use]
pub fn grant_samples() -> Vec<Sample> {
    vec![
        Sample::right(
            "a holder writes until its successor is granted",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"sink","res":"x","holder":"a","token":1,"ok":true}
               {"t":3,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":4,"e":"sink","res":"x","holder":"a","token":1,"ok":false}
               {"t":5,"e":"sink","res":"x","holder":"b","token":2,"ok":true}"#,
        ),
        Sample::wrong(
            "Stale",
            "an issuer accepts a former holder's token before its successor has shown one",
            r#"{"t":1,"e":"acquire","res":"x","holder":"a","token":1}
               {"t":2,"e":"acquire","res":"x","holder":"b","token":2}
               {"t":3,"e":"sink","res":"x","holder":"a","token":1,"ok":true}"#,
        ),
    ]
}
