//! Firewalls: what a host or router drops, rejects and rewrites, said in nft's own language.
//!
//! Each call makes a table of its own and hands back its name, so that a fault can be taken away again. `matches` is
//! nft text such as `tcp dport 443` or `ip daddr 10.0.3.2 udp dport 53`; empty matches everything.

use std::{
    io::Write as _,
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::{
    ability::{bare, program},
    net::Namespace,
};

/// Where a rule looks at packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    /// Those for this host
    Input,
    /// Those of this host
    Output,
    /// Those that pass through
    Forward,
}

impl Hook {
    fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::Forward => "forward",
        }
    }
}

/// A table of rules in a namespace; see [`Namespace::delete_table`].
#[derive(Clone, Debug)]
pub(crate) struct Table(String);

impl Namespace {
    /// Runs nft with this text as its input.
    #[track_caller]
    pub(crate) fn nft(&self, text: &str) {
        run_nft(self, text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", self.name()));
    }

    /// Adds one rule: `firewall(Hook::Forward, "tcp dport 443", "reject with icmpx admin-prohibited")`.
    #[track_caller]
    pub(crate) fn firewall(&self, hook: Hook, matches: &str, verdict: &str) -> Table {
        let hook = hook.name();
        self.table(&format!(
            "chain rules {{ type filter hook {hook} priority filter; policy accept; {matches} {verdict}; }}"
        ))
    }

    /// Drops without a word.
    #[track_caller]
    pub(crate) fn drops(&self, hook: Hook, matches: &str) -> Table {
        self.firewall(hook, matches, "drop")
    }

    /// Rejects with an ICMP error: `port-unreachable`, `admin-prohibited`, `host-unreachable` or `no-route`.
    #[track_caller]
    pub(crate) fn rejects(&self, hook: Hook, matches: &str, code: &str) -> Table {
        self.firewall(hook, matches, &format!("reject with icmpx {code}"))
    }

    /// Rejects TCP with a reset.
    #[track_caller]
    pub(crate) fn resets(&self, hook: Hook, matches: &str) -> Table {
        let matches = format!("meta l4proto tcp {matches}");
        self.firewall(hook, &matches, "reject with tcp reset")
    }

    /// Loses each packet that matches with this chance, at random.
    #[track_caller]
    pub(crate) fn loses(&self, hook: Hook, matches: &str, percent: u8) -> Table {
        let matches = format!("{matches} numgen random mod 100 < {percent}");
        self.drops(hook, &matches)
    }

    /// Loses the first `lost` of every `of` packets that match: the same ones each time.
    #[track_caller]
    pub(crate) fn loses_first(&self, hook: Hook, matches: &str, lost: u32, of: u32) -> Table {
        let matches = format!("{matches} numgen inc mod {of} < {lost}");
        self.drops(hook, &matches)
    }

    /// Never says that a packet's time ran out: a hop that does not answer.
    #[track_caller]
    pub(crate) fn silent(&self) -> Table {
        self.table(
            "chain rules { type filter hook output priority filter; policy accept;
                icmp type time-exceeded drop; icmpv6 type time-exceeded drop; }",
        )
    }

    /// Does not answer echo requests.
    #[track_caller]
    pub(crate) fn drops_echo(&self, hook: Hook) -> Table {
        let hook = hook.name();
        self.table(&format!(
            "chain rules {{ type filter hook {hook} priority filter; policy accept;
                icmp type echo-request drop; icmpv6 type echo-request drop; }}"
        ))
    }

    /// Drops and says nothing of packets that are too big: with a small MTU on a link, the black hole of path MTU discovery.
    #[track_caller]
    pub(crate) fn hides_packet_too_big(&self) -> Table {
        self.table(
            "chain rules { type filter hook output priority filter; policy accept;
                icmp type destination-unreachable icmp code frag-needed drop; icmpv6 type packet-too-big drop; }",
        )
    }

    /// Sends what matches to another address and port: `forwards_port("tcp dport 443", "10.0.3.2:8443")`, IPv6 as `[fd00::1]:443`.
    #[track_caller]
    pub(crate) fn forwards_port(&self, matches: &str, to: &str) -> Table {
        let family = if to.starts_with('[') { "ip6" } else { "ip" };
        self.table(&format!(
            "chain rules {{ type nat hook prerouting priority dstnat; policy accept; {matches} dnat {family} to {to}; }}"
        ))
    }

    /// Hides who sends: packets that leave by `device` get its address.
    #[track_caller]
    pub(crate) fn masquerades(&self, device: &str) -> Table {
        self.table(&format!(
            "chain rules {{ type nat hook postrouting priority srcnat; policy accept; oifname \"{device}\" masquerade; }}"
        ))
    }

    /// A table of the family inet with these chains.
    #[track_caller]
    pub(crate) fn table(&self, chains: &str) -> Table {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("lab{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.nft(&format!("table inet {name} {{\n{chains}\n}}\n"));
        Table(name)
    }

    /// Takes rules away again.
    #[track_caller]
    pub(crate) fn delete_table(&self, table: &Table) {
        self.nft(&format!("delete table inet {}", table.0));
    }
}

/// Why no rules can be set in this namespace.
pub(crate) fn try_nft(namespace: &Namespace) -> Result<(), String> {
    run_nft(
        namespace,
        "table inet trial {
            chain rules { type filter hook forward priority filter; tcp dport 1 reject with icmpx admin-prohibited; }
        }",
    )
}

fn run_nft(namespace: &Namespace, text: &str) -> Result<(), String> {
    let mut command = bare(&program("nft")?);
    command
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = namespace.run(|| {
        let mut child = command.spawn()?;
        let input = child.stdin.take();
        input.map_or(Ok(()), |mut input| input.write_all(text.as_bytes()))?;
        child.wait_with_output()
    });
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "nft: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Err(format!("nft: {error}")),
    }
}
