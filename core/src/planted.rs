//! Faults that a promise's test switches on, to prove that it can fail.

/// Whether the fault of this name is planted in this run.
///
/// Always false, and compiled away, without the feature `planted`, which no build of a user
/// has. With it, the fault is named at run time by `ENTOURAGE_PLANTED`, so that one build
/// serves every row of `docs/PROMISES.md`.
#[inline]
#[must_use]
pub fn planted(fault: &str) -> bool {
    #[cfg(feature = "planted")]
    {
        static NAMED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        let named = NAMED.get_or_init(|| std::env::var("ENTOURAGE_PLANTED").ok());
        named.as_deref() == Some(fault)
    }
    #[cfg(not(feature = "planted"))]
    {
        let _ = fault;
        false
    }
}
