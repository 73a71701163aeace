//! A schema, folders that clean up, clocks of other boots, and processes of our own.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_core::{Bark, Clock, Moment, Sleep, SystemClock, Timeline, Watchdog};
use entourage_engine::sqlite::{Durability, Error, Options, Schema, SqliteFile};
use rusqlite::Connection;

/// Notes, and one row for every reboot that the schema was told of.
pub(crate) const NOTES: Schema = Schema {
    name: "notes",
    version: 1,
    create: "CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, body TEXT UNIQUE) STRICT;
             CREATE TABLE IF NOT EXISTS reboot (at INTEGER NOT NULL) STRICT;",
    rebooted: |connection: &Connection, now: Moment| {
        connection.execute("INSERT INTO reboot (at) VALUES (?1)", [now.as_nanos().cast_signed()]).map(drop)
    },
};

/// A folder that is removed with what is in it.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("entourage-engine-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn open(path: &Path) -> SqliteFile {
    SqliteFile::open(path, &NOTES, Options::new()).unwrap()
}

/// The system's clock, as it reads after another boot.
#[derive(Debug)]
pub(crate) struct OtherBoot(pub(crate) &'static str);

impl Clock for OtherBoot {
    fn now(&self) -> Moment {
        SystemClock::new().now()
    }

    fn timeline(&self) -> Timeline {
        Timeline::new(self.0)
    }

    fn sleep_until(&self, at: Moment) -> Sleep {
        SystemClock::new().sleep_until(at)
    }

    fn watchdog(self: Arc<Self>, at: Moment, bark: Bark) -> Watchdog {
        Arc::new(SystemClock::new()).watchdog(at, bark)
    }
}

/// Adds a note.
pub(crate) async fn note(file: &SqliteFile, durability: Durability, body: String) -> Result<(), Error> {
    let insert = "INSERT INTO note (body) VALUES (?1)";
    file.write(durability, move |tx| Ok(tx.prepare_cached(insert)?.execute([body]).map(drop)?)).await
}

/// One number from a query.
pub(crate) async fn number(file: &SqliteFile, query: &'static str) -> i64 {
    file.read::<_, Error, _>(move |connection| Ok(connection.query_row(query, [], |row| row.get(0))?))
        .await
        .unwrap()
}

pub(crate) async fn sleep(duration: Duration) {
    entourage_core::sleep(&SystemClock::new(), duration).await;
}

/// Waits for a condition, for at most a minute.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let clock = SystemClock::new();
    let until = clock.now() + Duration::from_secs(60);
    while !holds() {
        assert!(clock.now() < until, "not in a minute: {what}");
        sleep(Duration::from_millis(1)).await;
    }
}

/// Where a test that runs as a process of its own finds its file.
const PATH: &str = "ENTOURAGE_ENGINE_TEST_PATH";

/// The file of the process that this test is, if it is one.
pub(crate) fn path_of_process() -> Option<PathBuf> {
    env::var_os(PATH).map(PathBuf::from)
}

/// A test of this binary, run as a process of its own; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(test: &str, path: &Path) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args([test, "--exact", "--nocapture"]).env(PATH, path);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The rest of the next line that says `word`.
    pub(crate) fn says(&mut self, word: &str) -> String {
        let rest = |line: std::io::Result<String>| line.unwrap().strip_prefix(word).map(str::to_owned);
        self.lines.find_map(rest).unwrap_or_else(|| panic!("the process ended without saying {word}"))
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
