//! nginx on this machine, as a peer to be compared with.

use std::{fs, net::SocketAddr};

use crate::{
    daemon::{self, Daemon},
    loopback::placed,
    process::Process,
    program::Program,
    scratch::Scratch,
    tool,
};

/// A real nginx on loopback, of one process; killed when it is dropped.
///
/// ```no_run
/// use entourage_testkit::Nginx;
///
/// let nginx = Nginx::start("server { listen {listen}; return 200 hello; }");
/// println!("curl http://{}/", nginx.endpoint());
/// ```
#[derive(Debug)]
pub struct Nginx {
    // Before the directory, so that it is dead when that is removed.
    process: Process,
    endpoints: Vec<SocketAddr>,
    _scratch: Scratch,
}

impl Nginx {
    /// Whether this machine has `nginx`.
    ///
    /// # Errors
    /// That it has not.
    pub fn available() -> Result<(), String> {
        tool::run("nginx", ["-v"]).map(drop)
    }

    /// Starts it with what stands in its `http` block, in which each `{listen}` becomes an address of
    /// its own.
    ///
    /// Returns when all of them take connections.
    ///
    /// # Panics
    /// If it cannot be started, refuses the configuration, or is not ready in time.
    #[must_use = "it is killed when it is dropped"]
    #[track_caller]
    pub fn start(http: &str) -> Self {
        daemon::start("nginx", |_| {
            let scratch = Scratch::new();
            let (http, endpoints) = placed(http);
            let file = scratch.join("nginx.conf");
            fs::write(&file, whole(&http, &scratch)).expect("a temporary directory can be written to");
            let program = Program::new(tool::find("nginx").expect("nginx is installed"))
                .arg("-c")
                .arg(&file)
                .arg("-p")
                .arg(scratch.join(""))
                // Before it has read where its log goes.
                .args(["-e", "stderr"]);
            Self { process: program.start(), endpoints, _scratch: scratch }
        })
    }

    /// Where clients find its first server, as `host:port`.
    ///
    /// # Panics
    /// If none listens at a `{listen}`.
    #[must_use]
    #[track_caller]
    pub fn endpoint(&self) -> String {
        self.endpoints.first().expect("a server listens at an address of its own").to_string()
    }

    /// Where clients find its servers, in the order of the text.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        self.endpoints.iter().map(ToString::to_string).collect()
    }
}

/// The configuration: one process that stays in the foreground, and nothing in the system's directories.
fn whole(http: &str, scratch: &Scratch) -> String {
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let kept = kinds.map(|kind| format!("{kind}_temp_path {};\n", scratch.join(kind).display())).concat();
    let pid = scratch.join("pid").display().to_string();
    format!(
        "daemon off;\nmaster_process off;\npid {pid};\nerror_log stderr crit;\n\
         events {{ worker_connections 4096; }}\nhttp {{\naccess_log off;\n{kept}{http}\n}}\n"
    )
}

impl Daemon for Nginx {
    fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn is_ready(&self) -> bool {
        self.endpoints.iter().all(|address| std::net::TcpStream::connect(address).is_ok())
    }

    fn has_lost_its_port(&self) -> bool {
        self.said().contains("Address already in use")
    }

    fn said(&self) -> String {
        self.process.stderr()
    }
}
