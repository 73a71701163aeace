//! Clocks of a process that are not the machine's.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use crate::{program::Program, scratch::Scratch, tool::run};

/// What the compiled shim is made of.
const SOURCE: &str = include_str!("clock_shim.c");
/// Where the shim looks for what the clocks are to show.
const FILE: &str = "ENTOURAGE_CLOCK_SHIM";

/// A library of our own that is preloaded into a process and shifts the clocks that it reads;
/// compiled with `cc` when it is made.
///
/// It takes the place of `clock_gettime` in the vDSO, which the kernel maps into every process,
/// because that is where `SystemClock` reads the time (rustix does not ask libc), and `std::time`
/// too, through libc. The process must be dynamically linked. What waits for a span of time (the
/// runtime's timers) waits in true time, and what waits until a moment (a parked thread) until its
/// clock shows that.
#[derive(Clone, Debug)]
pub struct ClockShim {
    built: Arc<Built>,
}

#[derive(Debug)]
struct Built {
    scratch: Scratch,
    library: PathBuf,
    clocks: AtomicU64,
}

impl ClockShim {
    /// Why no clock can be shifted here, if so. Finds out by trying, once per process.
    ///
    /// # Errors
    /// The reason: it needs `cc`, an x86-64 or aarch64 processor, and a kernel that lets a process
    /// write to its own vDSO.
    pub fn available() -> Result<(), String> {
        static AVAILABLE: OnceLock<Result<(), String>> = OnceLock::new();
        let attempt = || {
            let clocks = Self::try_new()?.clocks();
            let tried = clocks.shift(Program::new("true")).start().wait(Duration::from_secs(30));
            match (tried.status.success(), clocks.readers()) {
                (true, 1) => Ok(()),
                (true, _) => Err("the system's programs do not load what is preloaded".to_owned()),
                (false, _) => Err(tried.stderr.trim().to_owned()),
            }
        };
        AVAILABLE.get_or_init(attempt).clone()
    }

    /// Compiles it.
    ///
    /// # Panics
    /// If it cannot be had; ask [`ClockShim::available`] first.
    #[expect(clippy::new_without_default, reason = "a default does not run a compiler")]
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Self::try_new().unwrap_or_else(|why| panic!("no shifted clocks: {why}"))
    }

    /// Clocks that show what the machine's do, until something else is asked of them.
    #[must_use]
    pub fn clocks(&self) -> ShiftedClocks {
        let number = self.built.clocks.fetch_add(1, Ordering::Relaxed);
        ShiftedClocks::new(self.clone(), self.built.scratch.join(format!("clocks-{number}")))
    }

    fn try_new() -> Result<Self, String> {
        let scratch = Scratch::new();
        let (source, library) = (scratch.join("clock_shim.c"), scratch.join("clock_shim.so"));
        std::fs::write(&source, SOURCE)
            .map_err(|error| format!("cannot write {}: {error}", source.display()))?;
        let options = ["-std=gnu11", "-O1", "-Wall", "-Werror", "-fPIC", "-shared", "-o"];
        let files = [library.as_os_str(), source.as_os_str()];
        run("cc", options.map(std::ffi::OsStr::new).into_iter().chain(files).chain(["-ldl".as_ref()]))?;
        Ok(Self { built: Arc::new(Built { scratch, library, clocks: AtomicU64::new(0) }) })
    }
}

/// One of the clocks that a process reads.
#[derive(Clone, Copy)]
enum Clock {
    /// The wall's, which is set by people.
    Real,
    /// That of `std::time::Instant`, which stands still in suspend.
    Monotonic,
    /// That of `SystemClock`, which counts through suspend.
    Boot,
}

impl Clock {
    const ALL: [Self; 3] = [Self::Real, Self::Monotonic, Self::Boot];

    /// What the machine's shows, in nanoseconds.
    fn truth(self) -> i64 {
        let id = match self {
            Self::Real => ClockId::Realtime,
            Self::Monotonic => ClockId::Monotonic,
            Self::Boot => ClockId::Boottime,
        };
        let time = clock_gettime(id);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}

/// How a clock's time follows from the machine's: `ahead` at `since`, and from then on at the rate.
#[derive(Clone, Copy, Debug, Default)]
struct Shift {
    since: i64,
    ahead: i64,
}

/// The clocks of one process, or of several; changed while they run.
///
/// A change is seen by the next look at a clock. Those that go forward may come at any moment.
#[derive(Debug)]
pub struct ShiftedClocks {
    shim: ClockShim,
    path: PathBuf,
    file: File,
    turn: i64,
    /// In millionths of the machine's.
    rate: i64,
    shifts: [Shift; 3],
}

impl ShiftedClocks {
    /// Millionths of the rate of the machine's clocks.
    const TRUE_RATE: i64 = 1_000_000;
    /// Where the number of readers is, behind the turn, the rate and three clocks of two numbers.
    const READERS: u64 = 8 * 8;

    fn new(shim: ClockShim, path: PathBuf) -> Self {
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
        let (rate, shifts) = (Self::TRUE_RATE, Default::default());
        let mut clocks = Self { shim, path, file, turn: 0, rate, shifts };
        clocks.file.set_len(Self::READERS + 8).expect("a file can be made longer");
        clocks.show();
        clocks
    }

    /// `program` with these clocks, and with what it starts.
    #[must_use]
    pub fn shift(&self, program: Program) -> Program {
        program.env("LD_PRELOAD", &self.shim.built.library).env(FILE, &self.path)
    }

    /// How many processes have had these clocks.
    ///
    /// # Panics
    /// If the file cannot be read.
    #[must_use]
    pub fn readers(&self) -> u64 {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, Self::READERS).expect("it was made as long");
        u64::from_ne_bytes(bytes)
    }

    /// Sets all clocks ahead: from now on they show a time that is later by `time`.
    pub fn advance(&mut self, time: Duration) {
        self.add(&Clock::ALL, nanos(time));
    }

    /// As if the machine had slept for `time` just now, and the world had not: the wall's clock and
    /// the boot clock are ahead, and that of `std::time::Instant` has not noticed.
    pub fn suspend(&mut self, time: Duration) {
        self.add(&[Clock::Real, Clock::Boot], nanos(time));
    }

    /// As if the machine had slept while `time` passed for the world: that of `std::time::Instant`
    /// has not counted it. The process has to have been paused for as long, and to be still.
    pub fn slept(&mut self, time: Duration) {
        self.add(&[Clock::Monotonic], -nanos(time));
    }

    /// Lets all clocks run `rate` times as fast as the machine's, from what they show now.
    ///
    /// # Panics
    /// If the rate is not between 0.001 and 1,000.
    pub fn run_at(&mut self, rate: f64) {
        assert!((0.001..=1000.0).contains(&rate), "a clock that runs at {rate} is no clock");
        for clock in Clock::ALL {
            let (now, shift) = (clock.truth(), &mut self.shifts[clock as usize]);
            let gained = i128::from(now - shift.since) * i128::from(self.rate - Self::TRUE_RATE);
            let gained = gained / i128::from(Self::TRUE_RATE);
            shift.ahead += i64::try_from(gained).expect("a test does not last for centuries");
            shift.since = now;
        }
        self.rate = (rate * Self::TRUE_RATE as f64).round() as i64;
        self.show();
    }

    fn add(&mut self, clocks: &[Clock], nanos: i64) {
        for clock in clocks {
            self.shifts[*clock as usize].ahead += nanos;
        }
        self.show();
    }

    /// Writes it down for whoever reads; the numbers and their order are those of `clock_shim.c`.
    fn show(&mut self) {
        let shifts = self.shifts.iter().flat_map(|shift| [shift.since, shift.ahead]);
        let rest: Vec<u8> = [self.rate].into_iter().chain(shifts).flat_map(i64::to_ne_bytes).collect();
        let write = |turn: i64| self.file.write_all_at(&turn.to_ne_bytes(), 0);
        let shown: io::Result<()> = write(self.turn + 1)
            .and_then(|()| self.file.write_all_at(&rest, 8))
            .and_then(|()| write(self.turn + 2));
        shown.unwrap_or_else(|error| panic!("cannot write {}: {error}", self.path.display()));
        self.turn += 2;
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).expect("a clock is not set by centuries")
}
