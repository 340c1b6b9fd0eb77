//! Local ports: which may be had, which are taken, and by whom.

#![deny(clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::Path;

use super::{number, read};
use crate::net::privilege::seeing_other_processes;
use crate::net::tcp_info::TcpState;

/// Which local ports there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortSettings {
    /// Ports that the kernel chooses from, both ends included (`ip_local_port_range`; both families).
    pub ephemeral: Option<(u16, u16)>,
    /// First port that an ordinary user may bind (`ip_unprivileged_port_start`).
    pub unprivileged_start: Option<u16>,
    /// Ports that the kernel does not choose (`ip_local_reserved_ports`).
    pub reserved: Vec<RangeInclusive<u16>>,
}

impl PortSettings {
    /// How many ports the kernel can choose from; `None` where the range is unknown.
    pub fn available(&self) -> Option<usize> {
        let (first, last) = self.ephemeral?;
        let reserved = |port: u16| self.reserved.iter().any(|range| range.contains(&port));
        Some((first..=last).filter(|&port| !reserved(port)).count())
    }
}

/// Reads which local ports there are.
pub fn port_settings() -> PortSettings {
    let sysctl = |name: &str| Path::new("/proc/sys/net/ipv4").join(name);
    PortSettings {
        ephemeral: read(sysctl("ip_local_port_range")).and_then(|text| pair(&text)),
        unprivileged_start: number(sysctl("ip_unprivileged_port_start"))
            .and_then(|port| u16::try_from(port).ok()),
        reserved: read(sysctl("ip_local_reserved_ports"))
            .map(|text| ranges(&text))
            .unwrap_or_default(),
    }
}

fn pair(text: &str) -> Option<(u16, u16)> {
    let mut words = text.split_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

fn ranges(text: &str) -> Vec<RangeInclusive<u16>> {
    text.trim()
        .split(',')
        .filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
        })
        .collect()
}

/// Protocols with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A process, and never its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its short name, at most 15 bytes. Any user can choose it: untrusted.
    pub comm: String,
}

/// A socket that holds a local port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its local address and port.
    pub local: SocketAddr,
    /// Its remote end; `None` for a listener and an unconnected datagram socket.
    pub remote: Option<SocketAddr>,
    /// State; [`TcpState::Listen`] is a listener, [`TcpState::TimeWait`] belongs to no process.
    /// UDP shows [`TcpState::Close`] unconnected and [`TcpState::Established`] connected.
    pub state: TcpState,
    /// User who owns it.
    pub uid: u32,
    /// The process; `None` if it may not be seen. That of another user takes `CAP_SYS_PTRACE` and
    /// `CAP_DAC_READ_SEARCH`.
    pub process: Option<Process>,
    inode: u64,
}

/// Who keeps us from binding `address` and `port`: a listener before connections, connections before what is
/// only left over. `None` if nobody is seen to.
pub fn holder_of_local_port(transport: Transport, address: IpAddr, port: u16) -> Option<Holder> {
    let mut holders: Vec<Holder> = table(transport)
        .into_iter()
        .filter(|socket| socket.local.port() == port && overlap(socket.local.ip(), address))
        .collect();
    holders.sort_by_key(|socket| match socket.state {
        TcpState::Listen => 0,
        TcpState::TimeWait => 2,
        _ => 1,
    });
    let mut holder = holders.into_iter().next()?;
    holder.process = seeing_other_processes(|| process_of(holder.inode));
    Some(holder)
}

/// Whether two local addresses can't both be bound to one port: equal, or one of them is "any".
fn overlap(a: IpAddr, b: IpAddr) -> bool {
    let (a, b) = (a.to_canonical(), b.to_canonical());
    match (a, b) {
        _ if a == b => true,
        // An IPv6 "any" also takes IPv4, unless it was told not to, which is not shown.
        (IpAddr::V6(any), _) | (_, IpAddr::V6(any)) if any.is_unspecified() => true,
        (IpAddr::V4(a), IpAddr::V4(b)) => a.is_unspecified() || b.is_unspecified(),
        _ => false,
    }
}

/// Local addresses on which something listens on `port`; for UDP: is bound and not connected. `None` where sockets are not listed: there
/// is no `/proc`.
pub fn listeners(transport: Transport, port: u16) -> Option<Vec<SocketAddr>> {
    let listening = match transport {
        Transport::Tcp => TcpState::Listen,
        Transport::Udp => TcpState::Close,
    };
    let sockets = tables(transport)?.into_iter();
    let ours = sockets.filter(|socket| socket.local.port() == port && socket.state == listening);
    Some(ours.map(|socket| socket.local).collect())
}

/// How many TCP sockets there are in each state, both families. Costs as long as the tables are.
pub fn tcp_states() -> BTreeMap<TcpState, usize> {
    let mut states = BTreeMap::new();
    for socket in table(Transport::Tcp) {
        *states.entry(socket.state).or_insert(0) += 1;
    }
    states
}

fn table(transport: Transport) -> Vec<Holder> {
    tables(transport).unwrap_or_default()
}

/// The sockets of both families; `None` where the tables of neither can be read.
fn tables(transport: Transport) -> Option<Vec<Holder>> {
    let files = match transport {
        Transport::Tcp => ["tcp", "tcp6"],
        Transport::Udp => ["udp", "udp6"],
    };
    let base = Path::new("/proc/thread-self/net");
    let texts: Vec<String> = files
        .iter()
        .filter_map(|name| read(base.join(name)))
        .collect();
    let rows = texts.iter().flat_map(|text| parse_table(text)).collect();
    (!texts.is_empty()).then_some(rows)
}

fn parse_table(text: &str) -> Vec<Holder> {
    text.lines().skip(1).filter_map(parse_row).collect()
}

/// `sl local remote st queues timer retransmits uid timeout inode …` (`net/ipv4/tcp_ipv4.c`
/// `tcp4_seq_show`).
fn parse_row(line: &str) -> Option<Holder> {
    let mut words = line.split_whitespace().skip(1);
    let local = endpoint(words.next()?)?;
    let remote = endpoint(words.next()?)?;
    let state = u8::from_str_radix(words.next()?, 16).ok()?;
    let uid = words.nth(3)?.parse().ok()?;
    let inode = words.nth(1)?.parse().ok()?;
    Some(Holder {
        local,
        remote: (remote.port() != 0).then_some(remote),
        state: TcpState::from_code(state),
        uid,
        process: None,
        inode,
    })
}

/// `0100007F:0016`: 32-bit words of the address as this machine's byte order reads them, then the port.
fn endpoint(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |index: usize| {
        let digits = address.get(index * 8..index * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let octets: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The process that has the socket with this inode open, as far as we may look.
fn process_of(inode: u64) -> Option<Process> {
    if inode == 0 {
        return None;
    }
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    for entry in processes {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let Ok(files) = fs::read_dir(entry.path().join("fd")) else {
            continue;
        };
        let holds = files
            .flatten()
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|target| target.as_os_str() == wanted.as_str());
        if holds {
            let comm = read(entry.path().join("comm")).unwrap_or_default();
            let comm = comm.trim_end_matches('\n').to_owned();
            return Some(Process { pid, comm });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{TcpListener, UdpSocket};

    #[test]
    fn a_port_that_we_hold_is_ours() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let local = listener.local_addr().unwrap();
            let holder = holder_of_local_port(Transport::Tcp, local.ip(), local.port()).unwrap();
            assert_eq!((holder.local, holder.remote), (local, None));
            assert_eq!(holder.state, TcpState::Listen);
            assert_eq!(holder.process.unwrap().pid, std::process::id());
            assert_eq!(listeners(Transport::Tcp, local.port()), Some(vec![local]));
        }
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let holder = holder_of_local_port(Transport::Udp, any, port).unwrap();
        assert_eq!(holder.process.unwrap().pid, std::process::id());
    }

    #[test]
    fn addresses_that_can_share_a_port_do_not_overlap() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(overlap(ip("127.0.0.1"), ip("0.0.0.0")));
        assert!(overlap(ip("::"), ip("127.0.0.1")));
        assert!(overlap(ip("::ffff:127.0.0.1"), ip("127.0.0.1")));
        assert!(!overlap(ip("127.0.0.1"), ip("127.0.0.2")));
        assert!(!overlap(ip("::1"), ip("127.0.0.1")));
        assert!(!overlap(ip("0.0.0.0"), ip("::1")));
    }

    #[test]
    fn reserved_ports_are_not_counted() {
        let settings = PortSettings {
            ephemeral: Some((100, 109)),
            unprivileged_start: None,
            reserved: ranges("103,105-107,x,8-\n"),
        };
        assert_eq!(settings.reserved, [103..=103, 105..=107]);
        assert_eq!(settings.available(), Some(6));
    }

    #[test]
    fn this_machine_has_ports_to_choose_from() {
        assert!(port_settings().available().is_some_and(|ports| ports > 0));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,120}", row in "[0-9A-F: ]{0,160}") {
            let _ = (pair(&text), ranges(&text), endpoint(&text), endpoint(&row));
            let _ = (parse_row(&text), parse_table(&format!("\n{row}")));
        }
    }
}
