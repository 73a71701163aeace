//! What is done with a video: four steps in a folder of its own.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use entourage::{
    queue::Item,
    workqueue::{
        Attempt, CommandWorker, ExitPolicy, Folders, ItemName, MultiWorker, Outcome, Worker, worker_fn,
    },
};
use serde_json::Value;

use crate::{
    board::{Board, shown},
    ffmpeg::{FILTER, QUIET},
    place::{Place, pictures_in},
    publish::publish,
};

/// The video, and where its pictures are made, in the folder of an item.
const VIDEO: &str = "video";
const PICTURES: &str = "pictures";

/// When something of ours went wrong, and not of the video.
const LATER: Duration = Duration::from_secs(1);

/// The worker: what one step has done, a next attempt does not do again.
pub fn worker(place: Place, board: &Board) -> MultiWorker {
    MultiWorker::new("thumbnailer")
        .folders(Folders::kept_under(place.work()))
        .step("link", worker_fn("link", |item, attempt| beside(attempt, move |attempt| link(&item, attempt))))
        .step("measure", measure(board.clone()))
        .step("cut", shown(board.clone(), cut(), PICTURES))
        .step(
            "publish",
            worker_fn("publish", move |item, attempt| {
                let place = place.clone();
                beside(attempt, move |attempt| finish(&place, &item, attempt))
            }),
        )
}

/// Makes the video that the item names stand in its folder: a path is then no option of ffmpeg's,
/// and its colons are no protocol.
fn link(item: &Item, attempt: &Attempt) -> Result<Outcome> {
    let folder = folder(attempt)?;
    let data: Value = serde_json::from_slice(item.payload())?;
    let path = data["path"].as_str().context("the item has no path")?;
    // A killed attempt may have come as far as this.
    remove_link(&folder.join(VIDEO))?;
    symlink(path, folder.join(VIDEO))?;
    fs::create_dir_all(folder.join(PICTURES))?;
    Ok(Outcome::Done)
}

/// Asks for the number of frames. It is only for the length of a bar: any answer will do.
fn measure(board: Board) -> impl Worker {
    let wanted = "stream=nb_frames";
    CommandWorker::new("ffprobe")
        .args(["-v", "quiet", "-protocol_whitelist", "file", "-select_streams", "v:0"])
        .args(["-show_entries", wanted, "-of", "csv=p=0", VIDEO])
        .time_limit(Duration::from_secs(30))
        .exit_policy(ExitPolicy::new().done(0..=255))
        .on_report(move |report| {
            if let Some(frames) = report.stdout.last_line().and_then(|line| line.parse().ok()) {
                board.measured(report.item.as_str(), frames);
            }
        })
}

/// One frame in every hundred, by ffmpeg, which opens no address that a video names.
fn cut() -> CommandWorker {
    let pictures = format!("{PICTURES}/thumb%d.png");
    CommandWorker::new("ffmpeg")
        .args(QUIET)
        // One thread each: there are as many at a time as there are cores.
        .args(["-y", "-threads", "1", "-protocol_whitelist", "file", "-i", VIDEO])
        .args(["-map", "0:v:0", "-vf", FILTER, "-r", "25", "-threads", "1", &pictures])
        // What ffmpeg refuses once it refuses always; a signal is no word of its own.
        .exit_policy(ExitPolicy::new().others_dead())
}

/// Moves the pictures to where they are seen.
fn finish(place: &Place, item: &Item, attempt: &Attempt) -> Result<Outcome> {
    let made = folder(attempt)?.join(PICTURES);
    let name = ItemName::new(item.id().as_str())?;
    let seen = place.pictures(&name);
    if made.exists() && pictures_in(&made, 0) == 0 {
        return Ok(Outcome::Dead("there is no frame in it".to_owned()));
    }
    publish(&made, &seen)?;
    Ok(Outcome::Done)
}

fn folder(attempt: &Attempt) -> Result<PathBuf> {
    attempt.folder().context("the item has no folder")
}

fn remove_link(link: &Path) -> io::Result<()> {
    match fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Does what waits for the disk beside the runtime's threads. What fails is tried again.
async fn beside(
    attempt: Attempt,
    work: impl FnOnce(&Attempt) -> Result<Outcome> + Send + 'static,
) -> Outcome {
    let held = attempt.clone();
    match tokio::task::spawn_blocking(move || work(&held)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => attempt.retry(LATER, format!("{error:#}")),
        Err(panicked) => attempt.retry(LATER, panicked.to_string()),
    }
}
