//! A program that is to be there before anything begins.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, absolute},
};

use anyhow::Result;

use crate::exit::Usage;

/// The program as each item's own folder can start it: a path is made absolute.
///
/// # Errors
/// [`Usage`] for one that is not there, or cannot be executed.
pub(super) fn found(program: &OsStr) -> Result<OsString> {
    let refused = |why: &str| Usage(format!("the worker {} {why}", program.display()));
    if program.is_empty() {
        return Err(Usage("the worker has no name; name a program".to_owned()).into());
    }
    if program.as_bytes().contains(&b'/') {
        let path = absolute(program)?;
        return match fs::metadata(&path) {
            Ok(_) if is_executable(&path) => Ok(path.into_os_string()),
            Ok(_) => Err(refused("cannot be executed; make it a program with chmod +x").into()),
            Err(error) => Err(refused(&format!("is not there: {error}; name a program by its path")).into()),
        };
    }
    let directories = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&directories).any(|directory| is_executable(&directory.join(program))) {
        return Ok(program.to_owned());
    }
    Err(refused("is no program in PATH; install it, or name it by its path").into())
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::found;

    #[test]
    fn what_is_no_program_is_refused_and_says_so() {
        let refused = |program: &str| found(OsStr::new(program)).unwrap_err().to_string();
        assert_eq!(found(OsStr::new("sh")).unwrap(), "sh");
        assert_eq!(found(OsStr::new("/bin/sh")).unwrap(), "/bin/sh");
        assert!(refused("no-such-program-anywhere").contains("PATH"));
        assert!(refused("./no/such/program").contains("is not there"));
        assert!(refused("/etc/passwd").contains("chmod"));
        assert!(refused("/bin/").contains("chmod"));
        assert!(refused("").contains("name a program"));
    }
}
