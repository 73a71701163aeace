//! What the comparisons share: a folder of their own, alternating rounds, medians and ratios.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use entourage::core::{Clock, Moment, SystemClock};

/// How a bench was started.
#[derive(Debug)]
pub struct Asked {
    /// How long each turn of a contender takes; a taste is enough everywhere but under `cargo bench`.
    pub turn: Duration,
    folder: PathBuf,
}

impl Asked {
    /// Reads this program's arguments: `[DIRECTORY]`, where the files lie meanwhile.
    #[must_use]
    pub fn new() -> Self {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let taste = !arguments.iter().any(|argument| argument == "--bench");
        let directory = arguments.iter().find(|argument| !argument.starts_with('-'));
        let turn = Duration::from_millis(if taste { 20 } else { 400 });
        Self { turn, folder: directory.map_or_else(env::temp_dir, PathBuf::from) }
    }

    /// An empty folder of this process.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn scratch(&self, name: &str) -> io::Result<Scratch> {
        let folder = self.folder.join(format!("entourage-rivals-{name}-{}", process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Scratch(folder))
    }
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

    /// What it took to get so much done.
    #[must_use]
    pub fn figure(&self, done: usize) -> Figure {
        let done = done as f64;
        let seconds = self.clock.now().since(self.since).as_secs_f64();
        Figure { rate: done / seconds, cpu: (cpu() - self.cpu).as_secs_f64() / done }
    }
}

/// The time that the processor has spent on this process, its threads and their system calls.
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

    fn median(&self, column: usize, of: impl Fn(&Figure) -> f64) -> f64 {
        median(self.rounds.iter().map(|round| of(&round[column])))
    }
}

/// Prints for each contender and column the medians of its rate and of its processor time, and
/// how many times its rate ours is: the median of the ratios round by round, because the
/// machine's speed drifts.
pub fn print(columns: &[&str], ours: &Contender, theirs: &[Contender]) {
    let width = theirs.iter().map(|one| one.name.len()).max().unwrap_or(0).max(ours.name.len());
    let line = |name: &str, cell: &dyn Fn(usize) -> String| {
        let cells: Vec<String> = (0..columns.len()).map(|column| format!("{:>28}", cell(column))).collect();
        println!("{name:width$}{}", cells.concat());
    };
    let figures = |one: &Contender, column| {
        let (rate, cpu) = (one.median(column, |figure| figure.rate), one.median(column, |figure| figure.cpu));
        format!("{rate:.0}/s {:.0} us", cpu * 1e6)
    };
    line("", &|column| columns[column].to_owned());
    line(ours.name, &|column| figures(ours, column) + "        ");
    for one in theirs {
        line(one.name, &|column| {
            let pairs = ours.rounds.iter().zip(&one.rounds);
            let ratio = median(pairs.map(|(ours, theirs)| ours[column].rate / theirs[column].rate));
            format!("{} x {ratio:5.2}", figures(one, column))
        });
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
