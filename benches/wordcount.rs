//! The word count against a plain loop: what durability costs.
//!
//! `cargo bench --features full --bench wordcount [-- --mib 256] [--rounds 5]`
//!
//! Writes Zipf text (300,000 different words, exponent 1, one seed) once, and counts it in turn
//! with the example, durable, `--workers 2`, and with two plain threads that share nothing: the
//! same tokenizer, hasher and page size, one map a thread, merged at the end. Both are whole
//! processes; the median of the rounds' ratios is what counts. Peak memory is `VmHWM`.

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

const PAGE: u64 = 256 * 1024;
const DIFFERENT: u64 = 300_000;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let value =
        |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1)).cloned();
    if let Some(file) = value("--plain") {
        return plain(Path::new(&file));
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

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let out = folder.join("counts.json");
        let mut durable = Command::new(&example);
        durable
            .arg(&text)
            .args(["--workers", "2", "--top", "0", "--state"])
            .arg(folder.join(format!("{round}.db")));
        durable.arg("--out").arg(&out);
        let mut alone = Command::new(&this);
        alone.arg("--plain").arg(&text);
        let (a, b) = if round % 2 == 0 {
            let a = timed(&mut durable);
            (a, timed(&mut alone))
        } else {
            let b = timed(&mut alone);
            (timed(&mut durable), b)
        };
        let counted = fs::read_to_string(&out).expect("the example wrote its counts");
        let total = format!("\"total\":{}", b.2.trim());
        assert!(counted.contains(&total), "the two counts differ: {total} is not in {}", out.display());
        println!("round {}: durable {:.3} s, {} MiB; plain {:.3} s, {} MiB", round + 1, a.0, a.1, b.0, b.1);
        ours.push(a.0);
        theirs.push(b.0);
    }
    // Round by round, because the machine's speed drifts.
    let mut ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| theirs / ours).collect();
    let (ours, theirs, ratio) = (median(&mut ours), median(&mut theirs), median(&mut ratios));
    println!("durable {ours:.3} s, plain {theirs:.3} s, medians; {ratio:.2} of the plain loop's speed");
    fs::remove_dir_all(&folder).expect("the folder is ours");
}

fn median(times: &mut [f64]) -> f64 {
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

/// What anybody would write first.
fn plain(path: &Path) {
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

    let file = File::open(path).expect("the text was written");
    let size = file.metadata().expect("an open file has a size").len();
    let next = AtomicU64::new(0);
    let count = || {
        let (mut map, mut window) = (Map::default(), Vec::new());
        loop {
            let offset = next.fetch_add(1, Ordering::Relaxed) * PAGE;
            if offset >= size {
                return map;
            }
            let from = offset.saturating_sub(words::BEFORE as u64);
            let end = (offset + PAGE).min(size);
            window.resize(((end + words::BEYOND as u64).min(size) - from) as usize, 0);
            file.read_exact_at(&mut window, from).expect("the text is readable");
            words::of_page(&window, (offset - from) as usize, (end - from) as usize, &mut map)
                .expect("it is UTF-8");
        }
    };
    let maps: Vec<Map> = thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(count)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a counter does not panic")).collect()
    });
    let mut all = HashMap::<Box<str>, u64, FixedState>::default();
    for (word, count) in maps.into_iter().flat_map(|map| map.0) {
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
