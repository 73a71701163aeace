//! The programs that do the work.

use std::{
    io::ErrorKind,
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

/// One frame in every hundred, at 25 of them a second, so that none is made twice or left out to
/// keep a rate.
pub const FILTER: &str = r"select=not(mod(n\,100)),setpts=N/(25*TB)";

/// How `ffmpeg` is told that nobody answers it, and to say nothing but what went wrong.
pub const QUIET: [&str; 4] = ["-nostdin", "-hide_banner", "-loglevel", "error"];

/// Makes sure that both programs are there.
pub fn is_installed() -> Result<()> {
    for program in ["ffmpeg", "ffprobe"] {
        let ran = Command::new(program).arg("-version").stdin(Stdio::null()).output();
        match ran {
            Ok(ran) if ran.status.success() => {}
            Ok(ran) => bail!("{program} -version fails ({}); reinstall ffmpeg", ran.status),
            Err(error) if error.kind() == ErrorKind::NotFound => bail!(
                "{program} is not installed: `apt-get install ffmpeg`, `brew install ffmpeg`, \
                 or see https://ffmpeg.org/download.html"
            ),
            Err(error) => bail!("cannot run {program}: {error}"),
        }
    }
    Ok(())
}
