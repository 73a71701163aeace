//! A dozen videos of a few seconds, for who has none at hand.

use std::{
    env, fs,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use rustix::process::geteuid;

use crate::ffmpeg::QUIET;

const VIDEOS: u32 = 12;

/// The folder of the videos, which are made where they are not there yet.
pub async fn made() -> Result<PathBuf> {
    tokio::task::spawn_blocking(make).await?
}

fn make() -> Result<PathBuf> {
    let folder = env::temp_dir().join(format!("entourage-thumbnailer-{}", geteuid().as_raw()));
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.with_context(|| format!("cannot make {}; name a MEDIA_PATH", folder.display()))?;
    let found = fs::symlink_metadata(&folder)?;
    // Its name is known to everybody.
    let is_ours = found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0;
    ensure!(is_ours, "{} is not ours alone; name a MEDIA_PATH", folder.display());
    for number in 1..=VIDEOS {
        video(&folder, number)?;
    }
    println!("{VIDEOS} test videos are in {}", folder.display());
    Ok(folder)
}

/// A test pattern or a flight into a fractal: three hundred frames and a few more.
fn video(folder: &Path, number: u32) -> Result<()> {
    let path = folder.join(format!("video-{number:02}.mp4"));
    if path.exists() {
        return Ok(());
    }
    let frames = (300 + number * 8).to_string();
    let pattern = match number % 2 {
        0 => format!("mandelbrot=size=320x180:rate=25:start_x=-0.7{number:02}"),
        _ => "testsrc2=size=320x180:rate=25".to_owned(),
    };
    let hidden = folder.join(format!(".video-{number:02}-{}.mp4", std::process::id()));
    let made = Command::new("ffmpeg")
        .args(QUIET)
        .args(["-y", "-f", "lavfi", "-i", &pattern, "-frames:v", &frames, "-c:v", "mpeg4"])
        .arg(&hidden)
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&made.stderr);
    ensure!(made.status.success(), "ffmpeg could not make {}: {}", path.display(), said.trim());
    fs::rename(&hidden, &path)?;
    Ok(())
}
