//! How a network is laid: what the system's tools are told.

use std::{
    fmt::Write as _,
    fs::{self, File},
    net::Ipv4Addr,
    path::Path,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use super::host::Host;
use crate::{scratch::Scratch, tool::run};

/// Where `ip` keeps the names of namespaces.
const NAMES: &str = "/run/netns";
/// More than a bridge's ports suffice for, and than the last number of an address.
const MOST: usize = 200;

/// The port of the bridge that the cable of the host at this place ends in.
pub(super) fn hub_port(place: usize) -> String {
    format!("port{place}")
}

fn address(place: usize) -> Ipv4Addr {
    let last = u8::try_from(place + 1).expect("there are few hosts");
    Ipv4Addr::new(10, 0, 0, last)
}

/// A hardware address of local administration.
fn hardware(place: usize) -> String {
    format!("02:00:00:00:00:{:02x}", place + 1)
}

/// Namespaces with names, which go when it is dropped.
pub(super) struct Layout<'h> {
    hosts: &'h [String],
    /// The bridge's first, then one for each host.
    names: Vec<String>,
}

impl<'h> Layout<'h> {
    /// Makes the namespaces, and the cables between them.
    pub(super) fn make(hosts: &'h [String]) -> Result<Self, String> {
        assert!(hosts.len() <= MOST, "a network has {MOST} hosts at most, not {}", hosts.len());
        for (place, host) in hosts.iter().enumerate() {
            assert!(!hosts[..place].contains(host), "there are two hosts named {host}");
        }
        static NETWORKS: AtomicU64 = AtomicU64::new(0);
        let prefix = format!("entourage-{}-{}", process::id(), NETWORKS.fetch_add(1, Ordering::Relaxed));
        let mut layout = Self { hosts, names: Vec::new() };
        for number in 0..=hosts.len() {
            let name = format!("{prefix}-{number}");
            // An earlier process of this number may have been killed here.
            if Path::new(NAMES).join(&name).exists() {
                run("ip", ["netns", "delete", &name])?;
            }
            run("ip", ["netns", "add", &name])?;
            layout.names.push(name);
        }
        let scratch = Scratch::new();
        let tell = |name: &str, commands: &str| {
            let batch = scratch.join("batch");
            fs::write(&batch, commands)
                .map_err(|error| format!("cannot write {}: {error}", batch.display()))?;
            run("ip", [Path::new("-n"), Path::new(name), Path::new("-batch"), &batch]).map(drop)
        };
        tell(&layout.names[0], &layout.hub())?;
        for place in 0..hosts.len() {
            tell(&layout.names[place + 1], &layout.host(place))?;
        }
        Ok(layout)
    }

    /// The bridge, and the cables that begin in it.
    fn hub(&self) -> String {
        let mut commands = "link add hub type bridge\nlink set hub up\n".to_owned();
        for (place, name) in self.names[1..].iter().enumerate() {
            let port = hub_port(place);
            let _ = write!(
                commands,
                "link add {port} type veth peer name eth0 netns {name}\nlink set {port} master hub up\n"
            );
        }
        commands
    }

    /// A host's end of its cable, and whom it knows. What is asked for is asked in vain while it is
    /// cut off, and that would be an error: so everybody is known from the start.
    fn host(&self, place: usize) -> String {
        let mut commands = format!(
            "link set lo up\nlink set eth0 address {}\naddress add {}/24 dev eth0\nlink set eth0 up\n",
            hardware(place),
            address(place)
        );
        for other in (0..self.hosts.len()).filter(|other| *other != place) {
            let (address, hardware) = (address(other), hardware(other));
            let _ = writeln!(commands, "neighbour add {address} lladdr {hardware} nud permanent dev eth0");
        }
        commands
    }

    /// The bridge's namespace and the hosts.
    pub(super) fn open(self) -> Result<(Host, Vec<Host>), String> {
        let open = |name: &String| {
            let path = Path::new(NAMES).join(name);
            File::open(&path).map_err(|error| format!("cannot open {}: {error}", path.display()))
        };
        let hub = Host::new("the hub", Ipv4Addr::UNSPECIFIED, open(&self.names[0])?);
        let host = |(place, name): (usize, &String)| -> Result<Host, String> {
            Ok(Host::new(&self.hosts[place], address(place), open(name)?))
        };
        let hosts = self.names[1..].iter().enumerate().map(host).collect::<Result<_, _>>()?;
        Ok((hub, hosts))
    }
}

impl Drop for Layout<'_> {
    /// What has a file open in it, or a process, goes on without its name.
    fn drop(&mut self) {
        for name in &self.names {
            if let Err(why) = run("ip", ["netns", "delete", name]) {
                eprintln!("{why}");
            }
        }
    }
}
