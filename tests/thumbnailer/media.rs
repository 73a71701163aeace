//! Real videos, and what is to be made of them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use entourage::workqueue::ItemName;
use entourage_testkit::{Program, Rng};

/// Whether this machine has ffmpeg.
pub(crate) fn available() -> Result<(), String> {
    for program in ["ffmpeg", "ffprobe"] {
        let ran = Command::new(program).arg("-version").output();
        if !ran.is_ok_and(|ran| ran.status.success()) {
            return Err(format!("{program} is not installed"));
        }
    }
    Ok(())
}

/// What `program` prints with these arguments.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let ran = Command::new(program).args(arguments).stdin(Stdio::null()).output().expect("it is installed");
    assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}

/// Makes so many videos below `folder`; gives how many thumbnails each is to have.
pub(crate) fn videos(folder: &Path, count: u64, rng: &mut Rng) -> BTreeMap<String, usize> {
    fs::create_dir_all(folder.join("clips")).expect("it can be made");
    let base = folder.join(".base.mp4");
    let base = base.to_str().expect("it is UTF-8");
    let quiet = ["-nostdin", "-loglevel", "error"];
    let pattern = ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25", "-c:v", "mpeg4"];
    run("ffmpeg", &[&quiet[..], &pattern, &["-frames:v", "420", base]].concat());
    let mut expected = BTreeMap::new();
    for number in 0..count {
        let name = match number % 4 {
            0 => format!("clips/a clip {number}.mp4"),
            1 => format!("-{number}:ß.MP4"),
            _ => format!("{number}.mkv"),
        };
        // At a boundary, too: of 201 frames the last is the third picture.
        let frames = [200, 201, 300, 301][number as usize % 4] + rng.between(0..3) * 40;
        let path = folder.join(&name);
        let path = format!("file:{}", path.to_str().expect("it is UTF-8"));
        run(
            "ffmpeg",
            &[&quiet[..], &["-i", base, "-c", "copy", "-frames:v", &frames.to_string(), &path]].concat(),
        );
        expected.insert(name, frames_of(&path).div_ceil(100));
    }
    fs::remove_file(base).expect("it is there");
    expected
}

/// How many frames are in a video: every one is decoded.
fn frames_of(path: &str) -> usize {
    let shown = ["-v", "error", "-count_frames", "-select_streams", "v:0"];
    let wanted = ["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", path];
    let said = String::from_utf8(run("ffprobe", &[shown, wanted].concat())).expect("it is a number");
    said.trim().trim_end_matches(',').parse().expect("it is a number")
}

/// How many pictures each video has that has a folder; nothing else is to be seen in the output.
pub(crate) fn published(output: &Path, expected: &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    let folders =
        || fs::read_dir(output).expect("it is there").map(|entry| entry.expect("it is there").path());
    let file_name = |name: &str| ItemName::new(name).expect("it is one").file_name();
    let by_folder: BTreeMap<_, _> =
        expected.keys().map(|name| (output.join(file_name(name)), name)).collect();
    let seen = folders().filter(|path| !is_hidden(path)).map(|folder| {
        let name = by_folder.get(&folder).unwrap_or_else(|| panic!("{} is no video's", folder.display()));
        ((*name).clone(), pictures(&folder))
    });
    seen.collect()
}

/// How many pictures are in a folder: whole ones, numbered from 1, and nothing else.
fn pictures(folder: &Path) -> usize {
    let files = fs::read_dir(folder).expect("it is there").count();
    for number in 1..=files {
        let picture = folder.join(format!("thumb{number}.png"));
        let bytes = fs::read(&picture).unwrap_or_else(|error| panic!("{}: {error}", picture.display()));
        let is_whole = bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.ends_with(b"IEND\xaeB`\x82");
        assert!(is_whole, "{} is no whole picture", picture.display());
    }
    files
}

/// What is hidden in the output, but for the ledger.
pub(crate) fn hidden(output: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(output).expect("it is there").map(|entry| entry.expect("it is there").path());
    let is_ledger = |path: &PathBuf| path.to_string_lossy().contains("/.ledger.db");
    paths.filter(|path| is_hidden(path) && !is_ledger(path)).collect()
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// The thumbnailer on these videos.
pub(crate) fn thumbnailer(media: &Path, output: &Path) -> Program {
    Program::example("thumbnailer").arg(media).arg("--output").arg(output).args([
        "--parallelism",
        "2",
        "--settle",
        "0",
    ])
}
