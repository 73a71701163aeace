//! The example of several workers as one: what it finished is judged by its pixels, and what it
//! did by what each run has written down.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use entourage_testkit::{Program, Rng, Scratch};

use crate::{DEADLINE, media::run};

const STEPS: [&str; 6] = ["link", "decode", "detect", "tag", "blur", "publish"];

/// The pixels of an image, row by row, as three bytes each.
fn pixels(path: &Path) -> Vec<[u8; 3]> {
    let path = path.to_str().expect("it is UTF-8");
    let raw =
        run("ffmpeg", &["-loglevel", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]);
    raw.as_chunks::<3>().0.to_vec()
}

/// How much neighbours in a row of a box differ, on average.
fn contrast(pixels: &[[u8; 3]], width: usize, [x, y, across, down]: [usize; 4]) -> f64 {
    let at = |x: usize, y: usize| pixels[y * width + x].iter().map(|shade| f64::from(*shade)).sum::<f64>();
    let pairs = (y..y + down).flat_map(|row| (x..x + across - 1).map(move |column| (column, row)));
    let differences: Vec<f64> = pairs.map(|(x, y)| (at(x, y) - at(x + 1, y)).abs()).collect();
    differences.iter().sum::<f64>() / differences.len() as f64
}

/// Judges one result; gives how many faces it has.
fn judge(image: &Path, result: &Path) -> usize {
    let text = fs::read_to_string(result.join("faces.txt")).unwrap();
    let numbers = |line: &str| -> Vec<usize> { line.split(' ').map(|word| word.parse().unwrap()).collect() };
    let mut lines = text.lines().map(numbers);
    let width = lines.next().unwrap()[0];
    let faces: Vec<[usize; 4]> = lines.map(|line| line.try_into().unwrap()).collect();
    let (before, after) = (pixels(image), pixels(&result.join("blurred.png")));
    assert_eq!(before.len(), after.len());
    for (place, (old, new)) in before.iter().zip(&after).enumerate() {
        let (column, row) = (place % width, place / width);
        let is_in = |[x, y, across, down]: &[usize; 4]| {
            (*x..x + across).contains(&column) && (*y..y + down).contains(&row)
        };
        assert!(old == new || faces.iter().any(is_in), "{}: {column}, {row} has changed", image.display());
    }
    for face in &faces {
        let (old, new) = (contrast(&before, width, *face), contrast(&after, width, *face));
        assert!(new * 2.0 < old, "{}: {face:?} is not blurred: {old}, then {new}", image.display());
    }
    let tags: serde_json::Value =
        serde_json::from_slice(&fs::read(result.join("tags.json")).unwrap()).unwrap();
    assert_eq!(tags["faces"].as_array().unwrap().len(), faces.len());
    assert_eq!(tags["image"], image.file_name().unwrap().to_str().unwrap());
    faces.len()
}

pub(crate) fn steps_that_were_finished_before_a_kill_are_not_done_again(_: Rng) {
    let scratch = Scratch::new();
    let program = Program::example("multi-worker").env("TMPDIR", scratch.path());
    let finished = program.start().wait(DEADLINE).succeeded();
    let folder = fs::read_dir(scratch.path()).unwrap().next().unwrap().unwrap().path();
    let images: BTreeSet<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .collect();
    let result = |image: &PathBuf| folder.join("blurred").join(image.file_name().unwrap());
    let faces: usize = images.iter().map(|image| judge(image, &result(image))).sum();
    assert!(images.len() == 6 && faces >= 10, "{} images with {faces} faces", images.len());

    // Three runs, of which the first two were killed: each image's steps in their order, and none
    // behind the next one.
    let log = fs::read_to_string(folder.join("blurred/.steps.log")).unwrap();
    let mut runs = BTreeSet::new();
    let mut last: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    let mut repeated = 0;
    for line in log.lines() {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let step = STEPS.iter().position(|step| *step == words[1]).unwrap();
        runs.insert(words[0]);
        match last.insert(words[2], (step, words[0])) {
            None => assert_eq!(step, 0, "{line}"),
            Some((before, run)) if step == before => {
                assert_ne!(run, words[0], "{line}: twice in one run\n{}", finished.stdout);
                repeated += 1;
            }
            Some((before, _)) => assert_eq!(step, before + 1, "{line}\n{}", finished.stdout),
        }
    }
    assert_eq!((runs.len(), last.len()), (3, 6));
    assert!(last.values().all(|(step, _)| *step == STEPS.len() - 1), "{last:?}");
    // A kill meets each image in one step: of two images at a time, and of two kills.
    assert!(repeated <= 4, "{repeated} steps were repeated\n{}", finished.stdout);
}

pub(crate) fn an_image_that_is_none_is_a_dead_letter_and_the_others_are_done(_: Rng) {
    let scratch = Scratch::new();
    let (images, output) = (scratch.join("images"), scratch.join("output"));
    fs::create_dir(&images).unwrap();
    let good = images.join("good.png");
    run(
        "ffmpeg",
        &[
            "-loglevel",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=64x48",
            "-frames:v",
            "1",
            good.to_str().unwrap(),
        ],
    );
    fs::write(images.join("none.png"), "To be, or not to be").unwrap();
    let program = Program::example("multi-worker").arg(&images).arg("--output").arg(&output);
    let finished = program.start().wait(DEADLINE);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert!(
        finished.stdout.contains("none.png could not be done: step decode: exit status 1: "),
        "{}",
        finished.stdout
    );
    judge(&good, &output.join("good.png"));
}
