//! The word count against a plain loop: what durability costs.
//!
//! `cargo bench --features full --bench wordcount [-- --mib 256] [--rounds 5]`
//!
//! Writes Zipf text (300,000 different words, exponent 1, one seed) once, and counts it in turn
//! with the example, durable, `--workers 2`, and with two plain threads that share nothing: the
//! same tokenizer, hasher and page size, one map a thread, merged at the end. All are whole
//! processes; the median of the rounds' ratios is what counts. Peak memory is `VmHWM`.
//!
//! The example is the faster one where its table, which keeps words and counts close together,
//! outweighs the standard map. So a third contender is the plain loop with that table: the ratio
//! to it is the price of durability alone.

use std::{
    collections::HashMap,
    env, fs,
    fs::File,
    io::{BufWriter, Write as _},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use entourage::core::{Clock, SystemClock};
use foldhash::fast::FixedState;

// The bench must count with the very tokenizer that the example has.
#[path = "../examples/wordcount/words.rs"]
#[expect(dead_code, unreachable_pub, reason = "the module is the example's, tests and all")]
mod words;

#[path = "../examples/wordcount/run.rs"]
#[expect(dead_code, unreachable_pub, unused_imports, reason = "the module is the example's, tests and all")]
mod run;

#[path = "../examples/wordcount/table.rs"]
#[expect(dead_code, unreachable_pub, unused_imports, reason = "the module is the example's, tests and all")]
mod table;

const PAGE: u64 = 256 * 1024;
const DIFFERENT: u64 = 300_000;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let value =
        |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1)).cloned();
    if let Some(file) = value("--plain") {
        return plain::<Map>(Path::new(&file));
    }
    if let Some(file) = value("--table") {
        return plain::<table::Table>(Path::new(&file));
    }
    // `cargo test` builds benches too and runs them with `--test`: then a taste is enough.
    let smoke = !arguments.iter().any(|a| a == "--bench");
    let number = |name: &str, usual: u64| value(name).and_then(|n| n.parse().ok()).unwrap_or(usual);
    let (mib, rounds) =
        (number("--mib", if smoke { 1 } else { 256 }), number("--rounds", if smoke { 1 } else { 5 }));

    let folder = env::temp_dir().join(format!("entourage-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the temporary directory is writable");
    let text = folder.join("zipf.txt");
    zipf(&text, mib << 20).expect("there is room for the text");
    let (example, this) = (example(), env::current_exe().expect("a running program has a path"));
    println!("{mib} MiB of Zipf text, {DIFFERENT} different words, {rounds} alternating rounds");

    let mut seconds = [const { Vec::new() }; 3];
    for round in 0..rounds {
        let out = folder.join("counts.json");
        let mut durable = Command::new(&example);
        durable
            .arg(&text)
            .args(["--workers", "2", "--top", "0", "--state"])
            .arg(folder.join(format!("{round}.db")));
        durable.arg("--out").arg(&out);
        let [mut plain, mut table] = ["--plain", "--table"].map(|which| {
            let mut alone = Command::new(&this);
            alone.arg(which).arg(&text);
            alone
        });
        let mut contenders = [(0, &mut durable), (1, &mut plain), (2, &mut table)];
        contenders.rotate_left(round as usize % 3);
        let mut found = [const { (0.0, 0, String::new()) }; 3];
        for (contender, command) in contenders {
            found[contender] = timed(command);
        }
        let counted = fs::read_to_string(&out).expect("the example wrote its counts");
        for (_, _, total) in &found[1..] {
            let total = format!("\"total\":{}", total.trim());
            assert!(counted.contains(&total), "the counts differ: {total} is not in {}", out.display());
        }
        let [(a, x, _), (b, y, _), (c, z, _)] = &found;
        println!(
            "round {}: durable {a:.3} s, {x} MiB; plain {b:.3} s, {y} MiB; with the table {c:.3} s, {z} MiB",
            round + 1
        );
        seconds.iter_mut().zip(&found).for_each(|(seconds, found)| seconds.push(found.0));
    }
    // Round by round, because the machine's speed drifts.
    let ratio = |alone: &[f64]| median(alone.iter().zip(&seconds[0]).map(|(alone, ours)| alone / ours));
    let (to_plain, to_table) = (ratio(&seconds[1]), ratio(&seconds[2]));
    let [durable, plain, table] = seconds.map(|seconds| median(seconds.into_iter()));
    println!("durable {durable:.3} s, plain {plain:.3} s, with the table {table:.3} s, medians");
    println!("{to_plain:.2} of the plain loop's speed, {to_table:.2} of that with the table");
    fs::remove_dir_all(&folder).expect("the folder is ours");
}

fn median(times: impl Iterator<Item = f64>) -> f64 {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The example that the same build made.
fn example() -> PathBuf {
    let this = env::current_exe().expect("a running program has a path");
    let profile = this.ancestors().nth(2).expect("cargo runs benches from target/PROFILE/deps");
    let example = profile.join("examples/wordcount");
    assert!(
        example.exists(),
        "no {}: cargo build --release --features full --example wordcount",
        example.display()
    );
    example
}

/// Seconds, peak memory in MiB, and what the command printed.
fn timed(command: &mut Command) -> (f64, u64, String) {
    let clock = SystemClock::new();
    let began = clock.now();
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let watcher = thread::spawn(move || {
        let mut peak = 0;
        while let Ok(status) = fs::read_to_string(&status) {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(now) = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())
            else {
                break;
            };
            peak = peak.max(now);
            thread::park_timeout(Duration::from_millis(5));
        }
        peak / 1024
    });
    let output = child.wait_with_output().expect("the program ends");
    let seconds = clock.now().since(began).as_secs_f64();
    assert!(output.status.success(), "{command:?} ended with {}", output.status);
    (seconds, watcher.join().unwrap_or(0), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a thread counts in.
trait Counter: words::Sink + Default + Send {
    fn counts(self) -> HashMap<Box<str>, u64, FixedState>;
}

/// What anybody would write first.
#[derive(Default)]
struct Map(HashMap<Box<str>, u64, FixedState>);

impl words::Sink for Map {
    fn word(&mut self, word: &str) {
        match self.0.get_mut(word) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(word.into(), 1)),
        }
    }

    fn overlong(&mut self, _: usize) {}
}

impl Counter for Map {
    fn counts(self) -> HashMap<Box<str>, u64, FixedState> {
        self.0
    }
}

impl words::Sink for table::Table {
    fn word(&mut self, word: &str) {
        self.add(word);
    }

    fn overlong(&mut self, _: usize) {}
}

impl Counter for table::Table {
    fn counts(mut self) -> HashMap<Box<str>, u64, FixedState> {
        self.take().0.iter().map(|(word, count)| (word.into(), count)).collect()
    }
}

/// Two threads that share nothing but the file, and no thought of what may fail.
fn plain<C: Counter>(path: &Path) {
    let file = File::open(path).expect("the text was written");
    let size = file.metadata().expect("an open file has a size").len();
    let next = AtomicU64::new(0);
    let count = || {
        let (mut counter, mut window) = (C::default(), Vec::new());
        loop {
            let offset = next.fetch_add(1, Ordering::Relaxed) * PAGE;
            if offset >= size {
                return counter.counts();
            }
            let from = offset.saturating_sub(words::BEFORE as u64);
            let end = (offset + PAGE).min(size);
            window.resize(((end + words::BEYOND as u64).min(size) - from) as usize, 0);
            file.read_exact_at(&mut window, from).expect("the text is readable");
            words::of_page(&window, (offset - from) as usize, (end - from) as usize, &mut counter)
                .expect("it is UTF-8");
        }
    };
    let parts: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(count)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a counter does not panic")).collect()
    });
    let mut all = HashMap::<Box<str>, u64, FixedState>::default();
    for (word, count) in parts.into_iter().flatten() {
        *all.entry(word).or_default() += count;
    }
    println!("{}", all.values().sum::<u64>());
}

/// Writes about `bytes` of words whose frequencies follow Zipf's law with exponent 1.
fn zipf(path: &Path, bytes: u64) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let spelt: Vec<String> = (0..DIFFERENT).map(spell).collect();
    let mut sums = Vec::with_capacity(spelt.len());
    let mut sum = 0.0;
    for rank in 1..=DIFFERENT {
        sum += 1.0 / rank as f64;
        sums.push(sum);
    }
    let (mut state, mut written) = (42_u64, 0);
    let mut words = 0_u64;
    while written < bytes {
        // Each word once, so that all are there; then as Zipf has it.
        let rank = if words < DIFFERENT {
            words as usize
        } else {
            let draw = (random(&mut state) >> 11) as f64 / (1_u64 << 53) as f64 * sum;
            sums.partition_point(|&up_to| up_to < draw).min(spelt.len() - 1)
        };
        let end = if words % 12 == 11 { b"\n" } else { b" " };
        out.write_all(spelt[rank].as_bytes())?;
        out.write_all(end)?;
        written += spelt[rank].len() as u64 + 1;
        words += 1;
    }
    out.flush()
}

/// A word of its own for each number: from three letters on, the frequent ones short.
fn spell(number: u64) -> String {
    let mut letters = String::new();
    let mut rest = number + 26 * 26;
    while rest > 0 {
        letters.push(char::from(b'a' + (rest % 26) as u8));
        rest /= 26;
    }
    letters
}

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
