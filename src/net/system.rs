//! Load, counters, limits, who holds a port, and what we run on: procfs and sysfs.
//!
//! What it is for: the facts of this machine that explain a connection's failure, read before and after and
//! compared. What it may use: files below `/proc`, `/sys`, `/etc` and `/run`, bounded in size. What it must
//! not do: judge, guess at what can't be read (that is `None`), start a program, or show a command line.
//!
//! No privilege is needed unless said otherwise. Where a file is missing (another system, a sandbox, an old
//! kernel) the answer is `None` or empty. Source: proc(5), `Documentation/networking/ip-sysctl.rst`.

mod counters;
mod group;
mod host;
mod load;
mod modules;
mod ports;

pub use counters::{Conntrack, Counters, SocketUse, conntrack, counters, socket_use};
pub use group::{Group, group};
pub use host::{Container, container, host_name, kernel_release, os_name};
pub use load::{
    CpuTimes, Memory, Pressure, PressureLine, Schedule, cpu_times, memory, pressure, schedule,
};
pub use modules::{Legacy, Presence, legacy_tables, module};
pub use ports::{
    Holder, PortSettings, Process, Transport, holder_of_local_port, listeners, port_settings,
    tcp_states,
};

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// No file that is read here is larger in health; `/proc/net/tcp` has 150 bytes a socket.
const MAX_FILE: u64 = 64 << 20;

/// Resources with a pressure file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Processor.
    Cpu,
    /// Memory.
    Memory,
    /// Input and output.
    Io,
}

/// The text of a file, at most [`MAX_FILE`] bytes of it; `None` if it can't be read.
fn read(path: impl AsRef<Path>) -> Option<String> {
    let file = File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// One number in a file of its own.
fn number(path: impl AsRef<Path>) -> Option<u64> {
    read(path)?.trim().parse().ok()
}

/// How TCP is set up here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpSettings {
    /// SYNs that are sent again before the kernel gives up (`tcp_syn_retries`).
    pub syn_retries: Option<u64>,
    /// How many of them come at 1 s steps before the steps double (`tcp_syn_linear_timeouts`, Linux 6.5).
    pub syn_linear_timeouts: Option<u64>,
    /// Whether the kernel searches the path MTU itself: 0 no, 1 after a black hole, 2 always. It may hide one.
    pub mtu_probing: Option<u64>,
    /// Timestamps: 0 off, 1 on with random offsets, 2 on.
    pub timestamps: Option<u64>,
    /// TTL that IPv4 packets leave with.
    pub default_ttl: Option<u64>,
}

/// Reads how TCP is set up here (`net.ipv4.tcp_*`, which serve IPv6 too).
pub fn tcp_settings() -> TcpSettings {
    let sysctl = |name: &str| number(Path::new("/proc/sys/net/ipv4").join(name));
    TcpSettings {
        syn_retries: sysctl("tcp_syn_retries"),
        syn_linear_timeouts: sysctl("tcp_syn_linear_timeouts"),
        mtu_probing: sysctl("tcp_mtu_probing"),
        timestamps: sysctl("tcp_timestamps"),
        default_ttl: sysctl("ip_default_ttl"),
    }
}

/// Reverse path filtering of IPv4 by interface name, `all` and `default` among them: 0 off, 1 strict, 2
/// loose. What holds for an interface is the larger of its own value and that of `all`. Source:
/// `net/ipv4/fib_frontend.c`, RFC 3704.
pub fn reverse_path_filters() -> BTreeMap<String, u64> {
    let Ok(entries) = fs::read_dir("/proc/sys/net/ipv4/conf") else {
        return BTreeMap::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let value = number(entry.path().join("rp_filter"))?;
            Some((entry.file_name().to_string_lossy().into_owned(), value))
        })
        .collect()
}

/// Whether IPv6 is off for an interface name, or for `all`; `None` where there is no IPv6.
pub fn ipv6_disabled(interface: &str) -> Option<bool> {
    if interface.contains('/') || interface.starts_with('.') {
        return None;
    }
    let base = Path::new("/proc/sys/net/ipv6/conf");
    number(base.join(interface).join("disable_ipv6")).map(|value| value != 0)
}

/// A limit and its ceiling; `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    /// Descriptors that this process may have open.
    pub soft: Option<u64>,
    /// Up to where it may raise that.
    pub hard: Option<u64>,
    /// Descriptors that it has open.
    pub used: Option<usize>,
}

/// How many files this process may open, and has.
pub fn open_files() -> Option<OpenFiles> {
    let mut limits = parse_open_files(&read("/proc/self/limits")?)?;
    // One of them is the listing's own.
    limits.used = fs::read_dir("/proc/self/fd")
        .ok()
        .map(|entries| entries.count().saturating_sub(1));
    Some(limits)
}

fn parse_open_files(text: &str) -> Option<OpenFiles> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    let mut words = line.split_whitespace();
    let mut limit = || match words.next()? {
        "unlimited" => Some(None),
        value => Some(Some(value.parse().ok()?)),
    };
    Some(OpenFiles {
        soft: limit()?,
        hard: limit()?,
        used: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_limit_of_open_files_is_read_with_its_ceiling() {
        let text = "Max open files            1024                 unlimited            files\n";
        let limits = parse_open_files(text).unwrap();
        assert_eq!((limits.soft, limits.hard), (Some(1024), None));
    }

    #[test]
    fn this_machine_can_be_read() {
        assert!(open_files().is_some());
        assert!(tcp_settings().syn_retries.is_some());
        assert!(reverse_path_filters().contains_key("all"));
        assert_eq!(ipv6_disabled("../all"), None);
    }

    proptest! {
        #[test]
        fn no_limits_text_panics(text in "\\PC{0,80}") {
            let _ = parse_open_files(&format!("Max open files{text}"));
        }
    }
}
