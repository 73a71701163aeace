//! What is to be started, and how.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::process::Process;

/// A program to start as a process of our own.
///
/// It inherits the environment, has no input, and leads a process group of its own, so that a
/// Ctrl-C at the terminal reaches the test and not it.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    current_dir: Option<PathBuf>,
    bound: usize,
}

impl Program {
    /// How much of each stream is kept at least, unless [`Program::keeping`] says otherwise.
    const BOUND: usize = 1024 * 1024;

    /// The program at `path`, or of this name in `PATH`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), args: Vec::new(), env: Vec::new(), current_dir: None, bound: Self::BOUND }
    }

    /// The running test binary itself, for tests that are a process of their own.
    ///
    /// # Panics
    /// If the system does not say which it is.
    #[must_use]
    pub fn this_test() -> Self {
        Self::new(this_test())
    }

    /// An example of the same build as the running test, wherever its target directory is.
    ///
    /// # Panics
    /// If it is not built, or from older sources than the test, saying how to build it: cargo
    /// builds no examples for a test that is asked for alone.
    #[must_use]
    pub fn example(name: &str) -> Self {
        let this = this_test();
        // <target>/<profile>/deps/<test>-<hash> stands beside <target>/<profile>/examples.
        let profile = this.parent().and_then(Path::parent).expect("a test lies two directories deep");
        let path = profile.join("examples").join(name);
        let release = if profile.ends_with("release") { " --release" } else { "" };
        let build = format!("run `cargo build{release} --examples --features full`");
        assert!(path.is_file(), "the example {name} is not built: there is no {}; {build}", path.display());
        if let Some(source) = changed_between(&path, &this) {
            panic!("the example {name} is older than the test: {} has changed; {build}", source.display());
        }
        Self::new(path)
    }

    /// With another argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args(self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// With this variable in its environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Without this variable in its environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), None));
        self
    }

    /// Started in this directory.
    #[must_use]
    pub fn current_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.current_dir = Some(path.into());
        self
    }

    /// Keeping at least the newest `bytes` of each of its streams; 1 MiB if not said.
    #[must_use]
    pub const fn keeping(mut self, bytes: usize) -> Self {
        self.bound = bytes;
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use = "the process is killed when it is dropped"]
    #[track_caller]
    pub fn start(&self) -> Process {
        let mut command = Command::new(&self.path);
        command.args(&self.args);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(path) = &self.current_dir {
            command.current_dir(path);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let child =
            command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", self.path.display()));
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        Process::new(name.to_string_lossy().into_owned(), child, self.bound)
    }
}

/// A source of `program` that was written after it was built and before `test` was.
///
/// What was written since both were built is an edit under way, and no business of theirs.
fn changed_between(program: &Path, test: &Path) -> Option<PathBuf> {
    let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let (built, tested) = (written(program)?, written(test)?);
    // Cargo lists beside what it builds the sources of the workspace that went into it.
    let list = fs::read_to_string(program.with_extension("d")).ok()?;
    let is_newer = |source: &PathBuf| written(source).is_some_and(|at| built < at && at < tested);
    sources(&list).into_iter().find(is_newer)
}

/// The files of a dependency list in make's format: `target: source source`.
fn sources(list: &str) -> Vec<PathBuf> {
    let Some((_, sources)) = list.lines().next().and_then(|line| line.split_once(": ")) else {
        return Vec::new();
    };
    // A space within a name is escaped.
    let escaped = sources.replace("\\ ", "\0");
    escaped.split_whitespace().map(|name| PathBuf::from(name.replace('\0', " "))).collect()
}

fn this_test() -> PathBuf {
    env::current_exe().expect("the system says which program runs")
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf, time::Duration};

    use super::{changed_between, sources};
    use crate::{eventually::let_pass, scratch::Scratch};

    #[test]
    fn sources_are_told_apart_by_spaces_that_are_not_escaped() {
        let listed = sources("/t/program: /a/b.rs /a/c\\ d.rs\n");
        assert_eq!(listed, [PathBuf::from("/a/b.rs"), PathBuf::from("/a/c d.rs")]);
        assert!(sources("").is_empty());
    }

    #[test]
    fn a_program_is_stale_if_a_source_is_newer_and_the_test_newer_still() {
        let scratch = Scratch::new();
        let [program, source, test] = ["program", "source", "test"].map(|name| scratch.join(name));
        let write = |paths: &[&PathBuf]| {
            for path in paths {
                // File systems tell times apart that are a tick of the kernel from each other.
                let_pass(Duration::from_millis(20));
                fs::write(path, "").expect("it can be written");
            }
        };
        let list = format!("{}: {}\n", program.display(), source.display());
        fs::write(scratch.join("program.d"), list).expect("it can be written");
        write(&[&program, &source, &test]);
        assert_eq!(changed_between(&program, &test), Some(source.clone()));
        write(&[&source]);
        assert_eq!(changed_between(&program, &test), None, "it has changed since both were built");
        write(&[&program, &test]);
        assert_eq!(changed_between(&program, &test), None, "it was built since");
    }
}
