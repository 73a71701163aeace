//! `entourage ring`: where keys go, and what a change moves.

mod diff;
mod explain;
mod hostile;

use std::{ffi::OsStr, fs, path::Path, time::Duration};

use entourage_testkit::{Finished, Program, Scratch};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// Each key of these lines, as the pool of a file has it.
pub(crate) fn explained(file: &Path, keys: &str) -> Vec<Value> {
    let args = [OsStr::new("explain"), OsStr::new("-c"), file.as_os_str()];
    lines(&ring(args, keys.as_bytes()).succeeded().stdout)
}

/// `entourage ring …` with this on standard input.
fn ring<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, input: &[u8]) -> Finished {
    let scratch = Scratch::new();
    let file = scratch.join("keys");
    fs::write(&file, input).expect("it can be written");
    piped("exec \"$ENTOURAGE\" ring \"$@\" < \"$0\"").arg(file).args(args).start().wait(PATIENCE)
}

/// A shell script, with the binary as `$ENTOURAGE`.
fn piped(script: &str) -> Program {
    let program = Program::new("sh").args(["-c", script]).env("ENTOURAGE_LOG", "error");
    program.env("ENTOURAGE", env!("CARGO_BIN_EXE_entourage"))
}

fn lines(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// A configuration of one pool.
fn pool(name: &str, more: &str, servers: &[&str]) -> String {
    let servers: String = servers.iter().map(|server| format!("   - {server}\n")).collect();
    format!("{name}:\n  listen: 127.0.0.1:22121\n{more}  servers:\n{servers}")
}
