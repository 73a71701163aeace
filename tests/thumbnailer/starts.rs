//! What ffmpeg was started for, written down by what stands in its place.

use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use entourage_testkit::{Program, eventually};
use rustix::process::{Pid, Signal, kill_process};

use crate::DEADLINE;

/// Says for which item it was started, waits for its turn, and is ffmpeg.
const STAND_IN: &str = r#"#!/bin/sh
set -eu
if [ -n "${ENTOURAGE_ITEM:-}" ]; then
    printf '%s\n' "$ENTOURAGE_ITEM" >> "$STARTS/log"
    turn=1
    until mkdir "$STARTS/turn-$turn" 2> /dev/null; do turn=$((turn + 1)); done
    while [ "$turn" -gt "$(cat "$STARTS/allowed")" ]; do sleep 0.02; done
fi
exec "$FFMPEG" "$@"
"#;

/// A folder with the log of a stand-in for ffmpeg.
pub(crate) struct Starts {
    folder: PathBuf,
}

impl Starts {
    pub(crate) fn new(folder: &Path) -> Self {
        let stand_in = folder.join("bin/ffmpeg");
        fs::create_dir_all(folder.join("bin")).expect("it can be made");
        fs::write(&stand_in, STAND_IN).expect("it can be written");
        fs::set_permissions(&stand_in, PermissionsExt::from_mode(0o755)).expect("it is ours");
        fs::write(folder.join("log"), "").expect("it can be written");
        let starts = Self { folder: folder.to_owned() };
        starts.allow(usize::MAX >> 1);
        starts
    }

    /// `program`, with the stand-in for ffmpeg.
    pub(crate) fn watch(&self, program: Program) -> Program {
        let path = env::var_os("PATH").expect("there is one");
        let real = env::split_paths(&path).map(|folder| folder.join("ffmpeg")).find(|file| file.is_file());
        let all = [self.folder.join("bin")].into_iter().chain(env::split_paths(&path));
        program
            .env("PATH", env::join_paths(all).expect("it was one"))
            .env("FFMPEG", real.expect("it is installed"))
            .env("STARTS", &self.folder)
    }

    /// How many more may get through.
    pub(crate) fn allow(&self, more: usize) {
        let names = fs::read_dir(&self.folder).expect("it is there").flatten().map(|entry| entry.file_name());
        // Not the lines of the log: who is killed behind its line has taken no turn.
        let turns = names.filter(|name| name.to_string_lossy().starts_with("turn-")).count();
        // By a rename: whoever reads it reads a number.
        let beside = self.folder.join("allowed.new");
        fs::write(&beside, (turns + more).to_string()).expect("it can be written");
        fs::rename(&beside, self.folder.join("allowed")).expect("it is there");
    }

    /// The items that it was started for, in their order.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join("log")).expect("it is there");
        log.lines().map(str::to_owned).collect()
    }

    /// How often it was started for each item.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        self.log().into_iter().for_each(|item| *counts.entry(item).or_default() += 1);
        counts
    }

    /// Waits until nothing is left of the programs that were watched and killed.
    ///
    /// Their guard ends the commands that they leave, but for one that was started in the very
    /// moment of the kill, of which the guard had not heard: that is promised by nobody, and ended
    /// here.
    pub(crate) fn nothing_runs(&self) {
        const LOOKS: u32 = 60;
        let mut looks = 0;
        eventually(DEADLINE, "nothing is left of a program that was killed", || {
            let left = self.running();
            looks += 1;
            if looks > LOOKS {
                for pid in &left {
                    // It may have ended by itself since.
                    let _ = kill_process(*pid, Signal::KILL);
                }
            }
            left.is_empty().then_some(())
        });
    }

    /// The processes that were told of this folder.
    fn running(&self) -> Vec<Pid> {
        let sign = format!("STARTS={}", self.folder.display());
        let is_ours = |environ: &[u8]| environ.split(|byte| *byte == 0).any(|it| it == sign.as_bytes());
        let processes = fs::read_dir("/proc").expect("it is there").flatten();
        let ours = processes.filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            // Of another user's processes, and of those that end meanwhile, nothing can be read.
            is_ours(&fs::read(process.path().join("environ")).ok()?).then(|| Pid::from_raw(pid)).flatten()
        });
        ours.collect()
    }
}
