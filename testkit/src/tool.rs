//! The system's own tools.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    path::PathBuf,
    process::Command,
};

/// What a tool of the system prints; demands its success.
pub(crate) fn run(tool: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<String, String> {
    let output = Command::new(tool).args(args).env("PATH", path()).env("LC_ALL", "C").output();
    let output = output.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{tool} is not installed"),
        _ => format!("cannot run {tool}: {error}"),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{tool} failed ({}): {}", output.status, said.trim()))
}

/// Where a tool of the system lies.
pub(crate) fn find(tool: &str) -> Option<PathBuf> {
    env::split_paths(&path()).map(|directory| directory.join(tool)).find(|file| file.is_file())
}

/// The administrator's tools are not in everybody's `PATH`.
fn path() -> OsString {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}
