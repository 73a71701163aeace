//! `entourage queue`: topics for shell scripts.

mod commands;
mod publishing;
mod receiving;
mod usage;

use std::time::Duration;

use entourage_testkit::{Finished, Program, Redis, Requirement, Scratch};

use crate::entourage;

const PATIENCE: Duration = Duration::from_secs(60);
const TOPIC: &str = "mail";

/// A queue, and a shell with the binary in `$ENTOURAGE` beside it.
struct Site {
    url: String,
    scratch: Scratch,
    _redis: Option<Redis>,
}

impl Site {
    fn sqlite() -> Self {
        let scratch = Scratch::new();
        let url = format!("sqlite:{}", scratch.join("queue.db").display());
        Self { url, scratch, _redis: None }
    }

    /// One of each backend that this machine has.
    fn each() -> Vec<Self> {
        let mut sites = vec![Self::sqlite()];
        if Requirement::from(Redis::available()).is_met("redis") {
            let redis = Redis::start();
            let url = format!("redis://{}/jobs", redis.endpoint());
            sites.push(Self { url, scratch: Scratch::new(), _redis: Some(redis) });
        }
        sites
    }

    /// `entourage queue COMMAND …` on the topic.
    fn queue(&self, command: &str, arguments: &[&str]) -> Program {
        let program = entourage().env("ENTOURAGE_QUEUE", &self.url).env("ENTOURAGE_LOG", "error");
        program.args(["queue", command, TOPIC]).args(arguments)
    }

    fn ran(&self, command: &str, arguments: &[&str]) -> Finished {
        self.queue(command, arguments).start().wait(PATIENCE)
    }

    /// A shell script; `q COMMAND …` is the binary's.
    fn sh(&self, script: &str) -> Program {
        let script =
            format!("q() {{ verb=$1; shift; \"$ENTOURAGE\" queue \"$verb\" {TOPIC} \"$@\"; }}\n{script}");
        let program = Program::new("sh").args(["-ec", &script]).env("ENTOURAGE_QUEUE", &self.url);
        program.env("ENTOURAGE", env!("CARGO_BIN_EXE_entourage")).current_dir(self.scratch.path())
    }

    /// Ready, waiting, in flight, dead.
    fn counts(&self) -> [u64; 4] {
        let said = self.ran("stats", &["--json"]).succeeded().stdout;
        let said: serde_json::Value = serde_json::from_str(&said).expect("it is JSON");
        ["ready", "waiting", "in_flight", "dead"].map(|name| said[name].as_u64().expect("it is a number"))
    }
}

fn words(text: &str, word: &str) -> usize {
    text.lines().filter(|line| line.starts_with(word)).count()
}
