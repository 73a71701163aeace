//! What the comparisons share: a folder on the disk that is measured, a stopwatch, medians and ratios.

use std::{
    env,
    fmt::Display,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use entourage::core::{Clock, Moment, SystemClock};

/// What `statfs` calls a file system in memory.
const TMPFS: rustix::fs::FsWord = 0x0102_1994;

/// How a bench was started.
#[derive(Debug)]
pub struct Asked {
    /// Only whether it runs is asked: everywhere but under `cargo bench`.
    pub is_taste: bool,
    /// For how long a contender works before another has its turn.
    pub turn: Duration,
    folder: PathBuf,
}

impl Asked {
    /// Reads this program's arguments: `[DIRECTORY]`, where the files lie meanwhile.
    #[must_use]
    pub fn new() -> Self {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let is_taste = !arguments.iter().any(|argument| argument == "--bench");
        let directory = arguments.iter().find(|argument| !argument.starts_with('-'));
        let turn = Duration::from_millis(if is_taste { 20 } else { 400 });
        Self { is_taste, turn, folder: directory.map_or_else(env::temp_dir, PathBuf::from) }
    }

    /// An empty folder of this process; where it is is printed.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn scratch(&self, name: &str) -> io::Result<Scratch> {
        let folder = self.folder.join(format!("entourage-rivals-{name}-{}", process::id()));
        fs::create_dir_all(&self.folder)?;
        fs::create_dir(&folder)?;
        say_where(&folder)?;
        Ok(Scratch(folder))
    }

    /// Where the files lie: for a bench whose files another program makes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Prints where files lie, with a warning if that is memory.
///
/// # Errors
/// Those of the file system.
pub fn say_where(folder: &Path) -> io::Result<()> {
    println!("files in {}", folder.display());
    if rustix::fs::statfs(folder)?.f_type == TMPFS {
        println!("which is memory, where durability costs nothing: name a DIRECTORY on a disk");
    }
    Ok(())
}

/// Prints a figure beside its bar, and whether it is missed.
pub fn judge(what: &str, measured: impl Display, bar: impl Display, is_met: bool) {
    // Formatted first: what is formatted piece by piece takes no width.
    let (measured, bar) = (measured.to_string(), bar.to_string());
    println!("{what:60}{measured:>24}   {bar}{}", if is_met { "" } else { "   MISSED" });
}

impl Default for Asked {
    fn default() -> Self {
        Self::new()
    }
}

/// A folder that is gone when this is.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Puts on the disk what earlier turns left to the kernel, so that the next does not pay for it.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn settle(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(&self.0)?)?)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind, it harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How long work has run, and whether its turn is over.
#[derive(Debug)]
pub struct Stopwatch {
    clock: SystemClock,
    since: Moment,
    cpu: Duration,
}

impl Stopwatch {
    /// From now on.
    #[must_use]
    pub fn start() -> Self {
        let clock = SystemClock::new();
        let since = clock.now();
        Self { clock, since, cpu: cpu() }
    }

    /// Whether it has run for less than `turn`.
    #[must_use]
    pub fn within(&self, turn: Duration) -> bool {
        self.clock.now().since(self.since) < turn
    }

    /// How fast so much was done, and what it cost.
    #[must_use]
    pub fn figure(&self, done: usize) -> Figure {
        let done = done as f64;
        let seconds = self.clock.now().since(self.since).as_secs_f64();
        Figure { rate: done / seconds, cpu: (cpu() - self.cpu).as_secs_f64() / done }
    }
}

/// The processor time of this process: of all its threads, also of their system calls.
fn cpu() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(spent).expect("a process has not spent less than nothing")
}

/// What one contender got done in one turn.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// A second.
    pub rate: f64,
    /// Seconds of processor time for one.
    pub cpu: f64,
}

impl Figure {
    /// Of what is done first like this and then like `other`, one item after the other.
    #[must_use]
    pub fn then(self, other: Self) -> Self {
        Self { rate: 1.0 / (1.0 / self.rate + 1.0 / other.rate), cpu: self.cpu + other.cpu }
    }
}

/// The figures of one contender: rounds of columns.
#[derive(Debug)]
pub struct Contender {
    name: &'static str,
    rounds: Vec<Vec<Figure>>,
}

impl Contender {
    /// None yet.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, rounds: Vec::new() }
    }

    /// Adds a round: a figure for each column.
    pub fn push(&mut self, round: impl Into<Vec<Figure>>) {
        self.rounds.push(round.into());
    }

    /// How many times the other's rate this one's is: the median of the ratios round by round,
    /// because the machine's speed drifts.
    #[must_use]
    pub fn times(&self, column: usize, other: &Self) -> f64 {
        let pairs = self.rounds.iter().zip(&other.rounds);
        median(pairs.map(|(own, other)| own[column].rate / other[column].rate))
    }

    /// The median of its processor time for one, in seconds.
    #[must_use]
    pub fn cpu(&self, column: usize) -> f64 {
        self.median(column, |figure| figure.cpu)
    }

    fn median(&self, column: usize, of: impl Fn(&Figure) -> f64) -> f64 {
        median(self.rounds.iter().map(|round| of(&round[column])))
    }
}

/// Prints for each contender and column the medians of its rate a second and of its processor
/// time for one, and how many [times](Contender::times) its rate ours is.
pub fn print(columns: &[&str], ours: &Contender, theirs: &[Contender]) {
    let width = theirs.iter().map(|one| one.name.len()).max().unwrap_or(0).max(ours.name.len());
    let line = |name: &str, cell: &dyn Fn(usize) -> String| {
        let cells: Vec<String> = (0..columns.len()).map(|column| format!("{:>28}", cell(column))).collect();
        println!("{name:width$}{}", cells.concat());
    };
    let figures = |one: &Contender, column| {
        let (rate, cpu) = (one.median(column, |figure| figure.rate), one.cpu(column) * 1e6);
        // Where a hundred share a call, one takes a few.
        if cpu < 10.0 { format!("{rate:.0}/s {cpu:.1} us") } else { format!("{rate:.0}/s {cpu:.0} us") }
    };
    line("", &|column| columns[column].to_owned());
    line(ours.name, &|column| figures(ours, column) + "        ");
    for one in theirs {
        line(one.name, &|column| format!("{} x {:5.2}", figures(one, column), ours.times(column, one)));
    }
}

/// The middle one of the values; not a number if there are none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
