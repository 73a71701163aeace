//! The script that is run on each file, given when the program starts.

use std::{ffi::OsString, path::Path, sync::Arc};

use super::InvalidFileWorker;
use crate::digest::{base32, sha256};

/// The script that is run on each file: chosen at run time, as by a mounted `ConfigMap`.
///
/// # Examples
/// ```
/// use entourage_workqueue::Script;
///
/// let mounted = Script::at("/etc/worker/script.sh");
/// let given = Script::text("#!/bin/sh\nsha256sum < \"$INPUT_FILE\" > \"$OUTPUT_DIR/sum\"\n")?;
/// let served = Script::url("http://scripts.example/thumbnail.py")?;
/// assert!(Script::text("no interpreter").is_err());
/// # drop((mounted, given, served));
/// # Ok::<_, entourage_workqueue::InvalidFileWorker>(())
/// ```
#[derive(Clone, Debug)]
pub struct Script(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A program that is there, and is run as it is.
    At(OsString),
    /// A text, to be written for each item.
    Text(Text),
    /// Where its text is.
    Url(String),
}

/// A script's text, and what runs it.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) text: Arc<str>,
    interpreter: Vec<String>,
}

impl Script {
    /// The program at this path, or of this name in `PATH`.
    pub fn at(program: impl Into<OsString>) -> Self {
        Self(Kind::At(program.into()))
    }

    /// A script of this text, at most 1 MiB, whose first line names what runs it: `#!/bin/sh`.
    ///
    /// It is written into the item's folder, mode 0700, and given to that interpreter as a file, so
    /// that it also runs where nothing may be executed from the disk.
    ///
    /// # Errors
    /// [`InvalidFileWorker::Script`], which says what is missing.
    pub fn text(text: impl Into<String>) -> Result<Self, InvalidFileWorker> {
        Text::new(text.into()).map(|text| Self(Kind::Text(text)))
    }

    /// The script that a server has at `http://…`, asked for once when it is first needed; its host
    /// has to be [allowed](crate::FileWorker::with_hosts).
    ///
    /// # Errors
    /// [`InvalidFileWorker::Script`] for what is no such address.
    pub fn url(url: impl Into<String>) -> Result<Self, InvalidFileWorker> {
        let url = url.into();
        match super::location::Location::parse(&url) {
            Ok(super::location::Location::Http { .. }) => Ok(Self(Kind::Url(url))),
            _ => Err(InvalidFileWorker::Script("its address is not of http".to_owned())),
        }
    }
}

impl Text {
    /// The most, in bytes: as much as a Kubernetes `ConfigMap` holds.
    pub(super) const MAX_BYTES: usize = 1024 * 1024;

    pub(super) fn new(text: String) -> Result<Self, InvalidFileWorker> {
        let refuse = |why: &str| Err(InvalidFileWorker::Script(why.to_owned()));
        if text.len() > Self::MAX_BYTES {
            return refuse("it has more than 1 MiB");
        }
        let first = text.split('\n').next().unwrap_or_default();
        let Some(line) = first.strip_prefix("#!") else {
            return refuse("its first line has to name what runs it, as #!/bin/sh does");
        };
        if line.ends_with('\r') {
            return refuse("its first line ends with a carriage return; save it with line feeds alone");
        }
        // As the kernel reads it: a path, and at most one argument.
        let line = line.trim();
        let (path, argument) = match line.split_once([' ', '\t']) {
            Some((path, argument)) => (path, Some(argument.trim())),
            None => (line, None),
        };
        if !path.starts_with('/') || line.contains('\0') {
            return refuse("the interpreter in its first line has to be a path from the root");
        }
        let interpreter = [Some(path), argument].into_iter().flatten().map(str::to_owned).collect();
        Ok(Self { text: text.into(), interpreter })
    }

    /// What is started for the script at this path.
    pub(super) fn program(&self, path: &Path) -> Vec<OsString> {
        self.interpreter.iter().map(OsString::from).chain([path.into()]).collect()
    }

    /// Another for each other text.
    pub(super) fn version(&self) -> String {
        base32(&sha256(self.text.as_bytes()), 32)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Text;

    #[test]
    fn a_first_line_is_read_as_the_kernel_reads_it() {
        let program = |text: &str| Text::new(text.to_owned()).unwrap().program(Path::new("/s"));
        assert_eq!(program("#!/bin/sh\nexit 0"), ["/bin/sh", "/s"]);
        assert_eq!(program("#! /bin/sh -e \n"), ["/bin/sh", "-e", "/s"]);
        assert_eq!(program("#!/usr/bin/env -S python3 -u"), ["/usr/bin/env", "-S python3 -u", "/s"]);
    }

    #[test]
    fn what_names_no_interpreter_is_refused() {
        for text in
            ["", "exit 0\n", "#!\n", "#!sh\n", "#!/bin/sh\r\nexit 0\r\n", "\u{feff}#!/bin/sh\n", "\x7fELF"]
        {
            assert!(Text::new(text.to_owned()).is_err(), "{text:?}");
        }
        assert!(Text::new(format!("#!/bin/sh\n{}", "x".repeat(1 << 20))).is_err());
    }
}
