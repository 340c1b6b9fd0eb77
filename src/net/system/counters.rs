//! The network stack's own counters, and those of connection tracking.

#![deny(clippy::indexing_slicing)]

use std::collections::BTreeMap;

use super::{number, read};

/// Counters of this network namespace by the names that `nstat` uses: `IpOutDiscards`,
/// `TcpExtListenOverflows`, `TcpExtIPReversePathFilter`, `Ip6InReceives`. They count for all programs: compare
/// the rise with what was sent, and more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<String, u64>);

impl Counters {
    /// The value of one; `None` if this kernel has no such counter.
    pub fn value(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    /// How far one has risen since an earlier snapshot; `None` if either lacks it.
    pub fn rise_since(&self, earlier: &Self, name: &str) -> Option<u64> {
        Some(self.value(name)?.saturating_sub(earlier.value(name)?))
    }

    /// All that rose since an earlier snapshot, and by how much.
    pub fn delta(&self, earlier: &Self) -> BTreeMap<String, u64> {
        self.0
            .keys()
            .filter_map(|name| Some((name.clone(), self.rise_since(earlier, name)?)))
            .filter(|&(_, rise)| rise > 0)
            .collect()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, &value)| (name.as_str(), value))
    }

    fn add_table(&mut self, text: &str) {
        let mut lines = text.lines();
        while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
            let (Some((group, names)), Some((same, values))) =
                (names.split_once(':'), values.split_once(':'))
            else {
                return;
            };
            if group != same {
                return;
            }
            let pairs = names.split_whitespace().zip(values.split_whitespace());
            // What is negative, such as "no limit", is no counter.
            let numbers = pairs.filter_map(|(name, value)| Some((name, value.parse().ok()?)));
            self.0
                .extend(numbers.map(|(name, value)| (format!("{group}{name}"), value)));
        }
    }

    fn add_list(&mut self, text: &str) {
        let pairs = text.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
        });
        self.0.extend(pairs);
    }
}

/// A snapshot of `/proc/net/snmp`, `netstat` and `snmp6`; empty where there are none.
pub fn counters() -> Counters {
    let mut counters = Counters::default();
    for path in [
        "/proc/thread-self/net/snmp",
        "/proc/thread-self/net/netstat",
    ] {
        counters.add_table(&read(path).unwrap_or_default());
    }
    counters.add_list(&read("/proc/thread-self/net/snmp6").unwrap_or_default());
    counters
}

/// Sockets in use in this network namespace (`/proc/net/sockstat`, `sockstat6`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketUse {
    /// TCP sockets over IPv4, open or listening.
    pub tcp: Option<u64>,
    /// TCP sockets over IPv6.
    pub tcp6: Option<u64>,
    /// TCP sockets that no process holds any more.
    pub tcp_orphan: Option<u64>,
    /// TCP tuples in `TIME_WAIT`, both families.
    pub tcp_time_wait: Option<u64>,
    /// UDP sockets over IPv4.
    pub udp: Option<u64>,
    /// UDP sockets over IPv6.
    pub udp6: Option<u64>,
}

/// A snapshot of the sockets in use.
pub fn socket_use() -> SocketUse {
    let v4 = read("/proc/thread-self/net/sockstat").unwrap_or_default();
    let v6 = read("/proc/thread-self/net/sockstat6").unwrap_or_default();
    parse_socket_use(&v4, &v6)
}

fn parse_socket_use(v4: &str, v6: &str) -> SocketUse {
    fn field(text: &str, group: &str, name: &str) -> Option<u64> {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(group)?.strip_prefix(':'))?;
        let mut words = line.split_whitespace();
        words.by_ref().find(|&word| word == name)?;
        words.next()?.parse().ok()
    }
    SocketUse {
        tcp: field(v4, "TCP", "inuse"),
        tcp6: field(v6, "TCP6", "inuse"),
        tcp_orphan: field(v4, "TCP", "orphan"),
        tcp_time_wait: field(v4, "TCP", "tw"),
        udp: field(v4, "UDP", "inuse"),
        udp6: field(v6, "UDP6", "inuse"),
    }
}

/// Connection tracking in this network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conntrack {
    /// Entries now.
    pub count: u64,
    /// Entries at most.
    pub max: u64,
    /// Packets dropped since the table was made because it was full or the entry could not be made; `None`
    /// where the file is missing.
    pub dropped: Option<u64>,
    /// Entries thrown out early to make room.
    pub early_dropped: Option<u64>,
}

/// A snapshot of connection tracking; `None` when it is not loaded or not visible here.
pub fn conntrack() -> Option<Conntrack> {
    let statistics = read("/proc/thread-self/net/stat/nf_conntrack").unwrap_or_default();
    Some(Conntrack {
        count: number("/proc/sys/net/netfilter/nf_conntrack_count")?,
        max: number("/proc/sys/net/netfilter/nf_conntrack_max")?,
        dropped: sum_column(&statistics, "drop"),
        early_dropped: sum_column(&statistics, "early_drop"),
    })
}

/// Adds up a column of a table with a row of hexadecimal numbers for each processor.
fn sum_column(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines();
    let column = lines.next()?.split_whitespace().position(|n| n == name)?;
    let values = lines.filter_map(|line| {
        let word = line.split_whitespace().nth(column)?;
        u64::from_str_radix(word, 16).ok()
    });
    Some(values.fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_those_of_nstat() {
        let mut counters = Counters::default();
        counters.add_table("Ip: OutDiscards InReceives\nIp: 3 9\nTcp: MaxConn\nTcp: -1\n");
        counters.add_list("Ip6InReceives                   \t12\n");
        assert_eq!(counters.value("IpOutDiscards"), Some(3));
        assert_eq!(counters.value("Ip6InReceives"), Some(12));
        assert_eq!(counters.value("TcpMaxConn"), None);
    }

    #[test]
    fn only_what_rose_is_in_the_delta() {
        let (mut then, mut now) = (Counters::default(), Counters::default());
        then.add_table("Ip: A B\nIp: 3 9\n");
        now.add_table("Ip: A B\nIp: 5 9\n");
        assert_eq!(now.delta(&then), BTreeMap::from([("IpA".to_owned(), 2)]));
    }

    #[test]
    fn a_column_is_added_up_over_the_processors() {
        let text = "entries drop\n00000001 0000000a\n00000001 00000006\n";
        assert_eq!(sum_column(text, "drop"), Some(16));
        assert_eq!(sum_column(text, "early_drop"), None);
    }

    #[test]
    fn time_wait_is_read_from_its_line() {
        let text = "sockets: used 14\nTCP: inuse 1 orphan 0 tw 7 alloc 1 mem 399\n";
        let found = parse_socket_use(text, "TCP6: inuse 2\n");
        assert_eq!((found.tcp, found.tcp6), (Some(1), Some(2)));
        assert_eq!((found.tcp_time_wait, found.udp), (Some(7), None));
    }

    #[test]
    fn this_machine_has_counters() {
        assert!(counters().value("IpInReceives").is_some());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-zA-Z0-9 :\\n-]{0,120}") {
            let mut counters = Counters::default();
            counters.add_table(&text);
            counters.add_list(&text);
            let _ = sum_column(&text, "drop");
            let _ = parse_socket_use(&text, &text);
        }
    }
}
