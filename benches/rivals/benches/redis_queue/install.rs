//! Programs in other languages and what they need, installed in the folder where cargo builds.
//!
//! Versions are pinned in `node/package.json` and `python/requirements.txt`. What is there already
//! is not installed again.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Outcome;

/// Starts BullMQ's program; installs it before, if it is not there.
pub fn bullmq(endpoint: &str, is_taste: bool) -> Outcome<Command> {
    let folder = folder("node")?;
    let program = folder.join("bullmq.mjs");
    fs::write(&program, include_str!("../../node/bullmq.mjs"))?;
    let manifest = include_str!("../../node/package.json");
    once(&folder, "package.json", manifest, is_taste, || {
        let flags = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"];
        let patience = ["--fetch-retries=1", "--fetch-timeout=20000", "--loglevel=error"];
        run(Command::new("npm").arg("install").args(flags).args(patience).current_dir(&folder))
    })?;
    Ok(program_of(OsStr::new("node"), &[], &program, endpoint))
}

/// Starts Celery's program; installs it before, if it is not there.
pub fn celery(endpoint: &str, is_taste: bool) -> Outcome<Command> {
    let folder = folder("python")?;
    let program = folder.join("celery_queue.py");
    fs::write(&program, include_str!("../../python/celery_queue.py"))?;
    let (requirements, python) = ("requirements.txt", folder.join("venv/bin/python"));
    once(&folder, requirements, include_str!("../../python/requirements.txt"), is_taste, || {
        run(Command::new("python3").args(["-m", "venv", "--clear", "venv"]).current_dir(&folder))?;
        let flags = ["-m", "pip", "install", "--quiet", "--retries=1", "--timeout=20", "-r", requirements];
        run(Command::new(&python).args(flags).current_dir(&folder))
    })?;
    // It warns of the superuser, and has nothing else to say.
    Ok(program_of(python.as_os_str(), &["-W", "ignore"], &program, endpoint))
}

fn folder(name: &str) -> Outcome<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rivals").join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn program_of(interpreter: &OsStr, flags: &[&str], program: &Path, endpoint: &str) -> Command {
    let (host, port) = endpoint.rsplit_once(':').unwrap_or((endpoint, "6379"));
    let mut command = Command::new(interpreter);
    command.args(flags).arg(program).args([host, port]);
    command
}

/// Installs what `manifest` says, unless that was done; never for a taste.
fn once(folder: &Path, name: &str, manifest: &str, is_taste: bool, install: impl Fn() -> Outcome) -> Outcome {
    let installed = folder.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == manifest) {
        return Ok(());
    }
    if is_taste {
        return Err("it is installed only by `scripts/bench`".into());
    }
    fs::write(folder.join(name), manifest)?;
    install()?;
    // Last, so that one that was ended in the middle begins again.
    fs::write(installed, manifest)?;
    Ok(())
}

fn run(command: &mut Command) -> Outcome {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command.output().map_err(|error| format!("{program} cannot be run: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(format!("{program} failed ({}): {said}", done.status).into())
}
