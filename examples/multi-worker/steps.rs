//! The steps, each a worker that can be used without the others.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use entourage::{
    queue::Item,
    workqueue::{
        Attempt, CommandWorker, ExitPolicy, Folders, ItemName, MultiWorker, Outcome, Worker, worker_fn,
    },
};
use rustix::process::{Signal, getpid, kill_process};

use crate::{
    detect::{faces, to_text},
    image::Image,
    log::Log,
    publish::publish,
};

/// The steps, in their order.
pub const STEPS: [&str; 6] = ["link", "decode", "detect", "tag", "blur", "publish"];

/// Programs for the shell that is everywhere; other languages do as well.
const TAG: &str = include_str!("tag.sh");
const BLUR: &str = include_str!("blur.sh");

/// What is done around each step.
#[derive(Clone, Debug)]
pub struct Manner {
    pub log: Log,
    /// Before which step this program kills itself.
    pub kill_before: Option<String>,
}

/// The steps as one worker, whose results go to `output`.
pub fn worker(output: &Path, manner: &Manner) -> MultiWorker {
    let target = output.to_owned();
    let closures: [(&'static str, Arc<dyn Worker>); 3] = [
        ("link", Arc::new(beside("link", link))),
        ("detect", Arc::new(beside("detect", detect))),
        ("publish", Arc::new(beside("publish", move |item, attempt| finish(&target, item, attempt)))),
    ];
    let [link, detect, publish] = closures.map(|(name, worker)| noted(manner, name, worker));
    let commands = [("decode", decode()), ("tag", sh("tag", TAG)), ("blur", sh("blur", BLUR))];
    let [decode, tag, blur] = commands.map(|(name, command)| noted(manner, name, Arc::new(command)));
    MultiWorker::new("faces")
        .folders(Folders::kept_under(output.join(".work")))
        .step("link", link)
        .step("decode", decode)
        .step("detect", detect)
        .step("tag", tag)
        .step("blur", blur)
        .step("publish", publish)
}

/// Makes the image stand in its folder, whatever its path is.
fn link(item: &Item, attempt: &Attempt) -> Result<()> {
    let folder = folder(attempt)?;
    let data: serde_json::Value = serde_json::from_slice(item.payload())?;
    let path = data["path"].as_str().context("the item has no path")?;
    match fs::remove_file(folder.join("image")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => symlink(path, folder.join("image"))?,
    }
    Ok(fs::create_dir_all(folder.join("result"))?)
}

/// A command: what ffmpeg refuses once it refuses always.
fn decode() -> CommandWorker {
    CommandWorker::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-protocol_whitelist", "file"])
        .args(["-i", "image", "-frames:v", "1", "-pix_fmt", "rgb24", "pixels.ppm"])
        .exit_policy(ExitPolicy::new().others_dead())
}

/// A closure, in this process.
fn detect(_: &Item, attempt: &Attempt) -> Result<()> {
    let folder = folder(attempt)?;
    let image = Image::read(&fs::read(folder.join("pixels.ppm"))?)?;
    Ok(fs::write(folder.join("result/faces.txt"), to_text(&image, &faces(&image)))?)
}

/// A command in another language.
fn sh(name: &str, script: &str) -> CommandWorker {
    CommandWorker::new("/bin/sh").arg("-c").arg(script).arg(name).time_limit(Duration::from_secs(60))
}

fn finish(output: &Path, item: &Item, attempt: &Attempt) -> Result<()> {
    let seen = output.join(ItemName::new(item.id().as_str())?.file_name());
    Ok(publish(&folder(attempt)?.join("result"), &seen)?)
}

fn folder(attempt: &Attempt) -> Result<PathBuf> {
    attempt.folder().context("the item has no folder")
}

/// A worker that does what waits for the disk beside the runtime's threads; what fails is tried
/// again.
fn beside<F>(name: &'static str, work: F) -> impl Worker
where
    F: Fn(&Item, &Attempt) -> Result<()> + Send + Sync + 'static,
{
    let work = Arc::new(work);
    worker_fn(name, move |item, attempt: Attempt| {
        let (work, held) = (Arc::clone(&work), attempt.clone());
        async move {
            let later = Duration::from_millis(200);
            match tokio::task::spawn_blocking(move || work(&item, &held)).await {
                Ok(Ok(())) => Outcome::Done,
                Ok(Err(error)) => attempt.retry(later, format!("{error:#}")),
                Err(panicked) => attempt.retry(later, panicked.to_string()),
            }
        }
    })
}

/// A worker that is written down before it begins, and before which the program may die.
fn noted(manner: &Manner, name: &'static str, worker: Arc<dyn Worker>) -> impl Worker {
    let manner = manner.clone();
    worker_fn(name, move |item, attempt| {
        let (manner, worker) = (manner.clone(), Arc::clone(&worker));
        async move {
            if manner.kill_before.as_deref() == Some(name) {
                // Nothing gets a chance to tidy up, as with `kill -9`.
                let _ = kill_process(getpid(), Signal::KILL);
            }
            if let Err(error) = manner.log.begin(name, item.id().as_str()) {
                return attempt.retry(Duration::from_secs(1), format!("the log: {error}"));
            }
            worker.work(&item, &attempt).await
        }
    })
}
