//! How much and how long is fetched, run and sent.

use std::time::Duration;

/// How much a [`FileWorker`](crate::FileWorker) fetches and sends, and how long it waits.
///
/// # Examples
/// ```
/// use entourage_workqueue::FileLimits;
///
/// let videos = FileLimits::new().with_input_bytes(50 << 30).with_outputs(100_000);
/// # drop(videos);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileLimits {
    /// Bytes of a file that is fetched.
    pub input_bytes: u64,
    /// How long one fetch may take; what has come by then is kept for the next attempt.
    pub fetch_time: Duration,
    /// How long a server may be silent: say nothing, or take nothing.
    ///
    /// Within it an output of at most 64 KiB is sent and answered. A larger one goes on as long as the
    /// system takes bytes of it; only the last of it, what the system still holds (on Linux up to 4 MiB,
    /// `tcp_wmem`), and the answer have to come within one. So at worst a server has to take 410 KiB/s
    /// by default: bear a longer silence where servers are slow.
    pub silence: Duration,
    /// Bytes a second of a fetch that come at least, over each stretch of `silence`.
    pub rate: u64,
    /// Files that a script leaves.
    pub outputs: usize,
    /// Bytes of all these files together.
    pub output_bytes: u64,
}

impl FileLimits {
    /// A file of 1 GiB within an hour, at no less than 1 KiB a second over 10 s; 10,000 outputs of
    /// 1 GiB together.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            input_bytes: 1 << 30,
            fetch_time: Duration::from_secs(60 * 60),
            silence: Duration::from_secs(10),
            rate: 1024,
            outputs: 10_000,
            output_bytes: 1 << 30,
        }
    }

    /// With files of at most this many bytes.
    #[must_use]
    pub const fn with_input_bytes(mut self, bytes: u64) -> Self {
        self.input_bytes = bytes;
        self
    }

    /// With a fetch that ends within this time, or goes on in the next attempt.
    #[must_use]
    pub const fn with_fetch_time(mut self, time: Duration) -> Self {
        self.fetch_time = time;
        self
    }

    /// With servers that may be silent for so long, at least a millisecond.
    #[must_use]
    pub const fn with_silence(mut self, silence: Duration) -> Self {
        self.silence = if silence.as_millis() == 0 { Duration::from_millis(1) } else { silence };
        self
    }

    /// With at least so many bytes a second; zero for any that are not silent.
    #[must_use]
    pub const fn with_rate(mut self, bytes: u64) -> Self {
        self.rate = bytes;
        self
    }

    /// With at most so many output files.
    #[must_use]
    pub const fn with_outputs(mut self, files: usize) -> Self {
        self.outputs = files;
        self
    }

    /// With output files of at most this many bytes together.
    #[must_use]
    pub const fn with_output_bytes(mut self, bytes: u64) -> Self {
        self.output_bytes = bytes;
        self
    }
}

impl Default for FileLimits {
    fn default() -> Self {
        Self::new()
    }
}
