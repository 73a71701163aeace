//! The flags that nutcracker has, so that its command line goes on working.

use std::path::{Path, PathBuf};

use clap::Args;
use tracing_subscriber::filter::LevelFilter;

use crate::exit::Usage;

/// What nutcracker's command line may say beside the file.
#[derive(Args)]
pub(crate) struct Classic {
    /// Check the configuration as nutcracker does, say so in its words, and exit with 0 or 1; `--check` exits with 2
    #[arg(short, long, env = "ENTOURAGE_TEST_CONF")]
    pub(super) test_conf: bool,
    /// The port of the statistics: whoever connects gets one JSON object; 0 for any free port, which the log names
    #[arg(short, long, env = "ENTOURAGE_STATS_PORT", value_name = "PORT", default_value = "22222")]
    pub(super) stats_port: u16,
    /// The address of the statistics; nutcracker's default is 0.0.0.0, where anybody may ask without a password
    #[arg(short = 'a', long, env = "ENTOURAGE_STATS_ADDR", value_name = "HOST", default_value = "127.0.0.1")]
    pub(super) stats_addr: String,
    /// Accepted and not needed: the statistics are those of the moment they are asked for [default: none]
    #[arg(short = 'i', long, env = "ENTOURAGE_STATS_INTERVAL", value_name = "MSEC")]
    stats_interval: Option<u64>,
    /// Accepted and not needed: there are no chunks of a fixed size, in bytes [default: none]
    #[arg(short, long, env = "ENTOURAGE_MBUF_SIZE", value_name = "BYTES")]
    mbuf_size: Option<u64>,
    /// The level of the log in nutcracker's numbers, 0 to 11, in place of --log: 0 to 3 error, 4 warn, 5 and 6 info, 7 debug, above it trace [default: --log]
    #[arg(short, long, visible_alias = "verbosity", env = "ENTOURAGE_VERBOSE", value_name = "N", value_parser = clap::value_parser!(u8).range(0..=11))]
    verbose: Option<u8>,
    /// The file that the log is appended to, opened anew at SIGHUP [default: standard error]
    #[arg(short, long, env = "ENTOURAGE_OUTPUT", value_name = "FILE")]
    output: Option<PathBuf>,
    /// The file that has the process' number while it serves [default: none]
    #[arg(short, long, env = "ENTOURAGE_PID_FILE", value_name = "FILE")]
    pub(super) pid_file: Option<PathBuf>,
    /// Refused: this program stays in the foreground, where systemd or a container looks after it
    #[arg(short, long, env = "ENTOURAGE_DAEMONIZE")]
    daemonize: bool,
    /// Print what the statistics mean, and exit
    #[arg(short = 'D', long, env = "ENTOURAGE_DESCRIBE_STATS")]
    pub(super) describe_stats: bool,
}

impl Classic {
    pub(super) fn level(&self) -> Option<LevelFilter> {
        self.verbose.map(|verbosity| match verbosity {
            0..=3 => LevelFilter::ERROR,
            4 => LevelFilter::WARN,
            5 | 6 => LevelFilter::INFO,
            7 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        })
    }

    pub(super) fn output(&self) -> Option<&Path> {
        self.output.as_deref()
    }

    /// Refuses what is not done here, and says what does nothing here.
    ///
    /// # Errors
    /// [`Usage`] for a daemon.
    pub(super) fn check(&self) -> Result<(), Usage> {
        if self.daemonize {
            let why = "--daemonize: it stays in the foreground; leave the flag out, and let systemd \
                       (Type=exec), a container or `setsid … &` keep it in the background";
            return Err(Usage(why.to_owned()));
        }
        if self.stats_interval.is_some() {
            tracing::info!("--stats-interval is not needed: the statistics are always those of the moment");
        }
        if self.mbuf_size.is_some() {
            tracing::info!("--mbuf-size is not needed: there are no chunks of a fixed size");
        }
        Ok(())
    }
}
