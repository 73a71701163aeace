//! What there is to say in the end.

use std::{fmt, path::PathBuf, time::Duration};

/// What there is to say in the end.
#[derive(Debug, Default)]
pub struct Report {
    pub output: PathBuf,
    /// Videos that have their pictures.
    pub done: usize,
    /// Those that have got them since this run began.
    pub new: usize,
    pub pictures: usize,
    /// What was given up, and why.
    pub dead: Vec<(String, String)>,
    pub took: Duration,
}

impl Report {
    /// Whether every video has its pictures.
    pub fn is_whole(&self) -> bool {
        self.dead.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { output, done, new, pictures, dead, took } = self;
        let seconds = took.as_secs_f64();
        writeln!(
            f,
            "{done} videos have {pictures} thumbnails ({new} videos by this run, in {seconds:.1} s)"
        )?;
        writeln!(f, "they are in {}", output.display())?;
        if !dead.is_empty() {
            writeln!(f, "\n{} could not be done; --retry-dead tries them again:", dead.len())?;
        }
        dead.iter().try_for_each(|(name, why)| writeln!(f, "  {name}: {why}"))
    }
}
