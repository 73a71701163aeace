use std::fs;

use super::load::Run;

/// The clock of `/proc`, in ticks a second.
const TICKS: f64 = 100.0;

/// What one round cost.
pub(crate) struct Round {
    pub(crate) per_second: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// CPU seconds of the proxy for a million requests.
    pub(crate) cpu: f64,
    /// MiB that the proxy has, after the round.
    pub(crate) rss: f64,
}

/// Reads what a process has used.
pub(crate) struct Meter {
    process: u32,
    before: f64,
}

impl Meter {
    pub(crate) fn start(process: u32) -> Self {
        Self { process, before: cpu(process) }
    }

    pub(crate) fn end(self, run: Run, requests: usize) -> Round {
        let Run { per_second, p50, p99 } = run;
        let cpu = (cpu(self.process) - self.before) / requests as f64 * 1e6;
        Round { per_second, p50, p99, cpu, rss: rss(self.process) }
    }
}

/// User and system seconds of a process.
fn cpu(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    // Behind the name, which may hold anything: the 14th and 15th field are the 12th and 13th.
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).expect("the name stands in brackets");
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS
}

fn rss(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse().unwrap_or_default();
    kib / 1024.0
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
