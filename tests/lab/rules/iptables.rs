//! Random rule sets for `iptables-restore`: for both families, one text each.

use std::fmt::Write as _;

use super::dice::Dice;

/// The lines of one family.
pub(super) fn script(dice: &mut Dice, v6: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for table in ["raw", "mangle", "nat", "filter"] {
        if table != "filter" && !dice.percent(35) {
            continue;
        }
        lines.push(format!("*{table}"));
        let chains: &[&str] = match table {
            "raw" => &["PREROUTING", "OUTPUT"],
            "mangle" => &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
            "nat" => &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
            _ => &["INPUT", "FORWARD", "OUTPUT"],
        };
        for chain in chains {
            let policy = if table == "filter" && dice.percent(30) {
                "DROP"
            } else {
                "ACCEPT"
            };
            lines.push(format!(":{chain} {policy} [0:0]"));
        }
        let own = dice.below(4);
        for number in 0..own {
            lines.push(format!(":own{number} - [0:0]"));
        }
        for chain in chains {
            if *chain == "FORWARD" {
                continue;
            }
            if dice.percent(30) && table == "filter" {
                let open = dice.of(&[
                    "-m conntrack --ctstate RELATED,ESTABLISHED",
                    "-m state --state NEW,ESTABLISHED",
                ]);
                lines.push(format!("-A {chain} {open} -j ACCEPT"));
            }
            for _ in 0..dice.below(5) {
                let line = rule(dice, table, chain, (0, own), v6);
                lines.push(line);
            }
        }
        for number in 0..own {
            for _ in 0..=dice.below(3) {
                let line = rule(dice, table, &format!("own{number}"), (number + 1, own), v6);
                lines.push(line);
            }
        }
        lines.push("COMMIT".to_owned());
    }
    lines
}

fn rule(dice: &mut Dice, table: &str, chain: &str, below: (usize, usize), v6: bool) -> String {
    let mut rule = format!("-A {chain}");
    let not = |dice: &mut Dice| if dice.percent(15) { "! " } else { "" };
    if dice.percent(35) {
        let all: &[&str] = if v6 {
            &["fd09::2", "fd09::/64", "::1", "fd09::3"]
        } else {
            &[
                "10.9.0.2",
                "10.9.0.0/24",
                "127.0.0.0/8",
                "10.0.0.3/255.0.0.255",
            ]
        };
        let _ = write!(
            rule,
            " {}{} {}",
            not(dice),
            dice.of(&["-s", "-d", "-d"]),
            dice.of(all)
        );
    }
    if chain == "INPUT" || chain == "PREROUTING" {
        if dice.percent(20) {
            let _ = write!(
                rule,
                " {}-i {}",
                not(dice),
                dice.of(&["eth0", "lo", "eth+"])
            );
        }
    } else if (chain == "OUTPUT" || chain == "POSTROUTING") && dice.percent(20) {
        let _ = write!(
            rule,
            " {}-o {}",
            not(dice),
            dice.of(&["eth0", "lo", "eth+"])
        );
    }
    let tcp = dice.percent(40);
    if tcp || dice.percent(40) {
        let protocol = if tcp { "tcp" } else { "udp" };
        let _ = write!(rule, " -p {protocol}");
        match dice.below(6) {
            0 => {
                let _ = write!(
                    rule,
                    " -m {protocol} {}--dport {}",
                    not(dice),
                    dice.of(&["80", "443", "1:100", "400:"])
                );
            }
            1 => {
                let _ = write!(
                    rule,
                    " -m multiport {}{} {}",
                    not(dice),
                    dice.of(&["--dports", "--ports", "--sports"]),
                    dice.of(&["80,443", "1:79,7", "400:500,53"])
                );
            }
            2 if tcp => {
                let _ = write!(
                    rule,
                    " -m tcp {}",
                    dice.of(&[
                        "--syn",
                        "! --syn",
                        "--tcp-flags SYN,ACK SYN,ACK",
                        "--tcp-flags ALL SYN"
                    ])
                );
            }
            3 => {
                let _ = write!(rule, " -m {protocol} --sport 1024:65535");
            }
            _ => {}
        }
    } else if dice.percent(30) {
        rule.push_str(match (v6, dice.below(3)) {
            (false, 0) => " -p icmp -m icmp --icmp-type 8",
            (false, 1) => " -p icmp -m icmp --icmp-type 0",
            (false, _) => " -p icmp",
            (true, 0) => " -p ipv6-icmp -m icmp6 --icmpv6-type 128",
            (true, 1) => " -p ipv6-icmp -m icmp6 --icmpv6-type 129",
            (true, _) => " ! -p ipv6-icmp",
        });
    }
    if dice.percent(30) {
        let _ = write!(
            rule,
            " {}",
            dice.of(&[
                "-m conntrack --ctstate NEW",
                "-m conntrack ! --ctstate NEW",
                "-m conntrack --ctstate INVALID,UNTRACKED",
                "-m conntrack --ctstate DNAT",
                "-m conntrack ! --ctstate SNAT",
                "-m conntrack --ctdir ORIGINAL",
                "-m mark --mark 0x1/0x1",
                "-m mark ! --mark 0x2",
                "-m connmark --mark 0x1/0x1",
                "-m addrtype --dst-type LOCAL",
                "-m addrtype ! --src-type LOCAL",
                "-m addrtype --dst-type UNICAST",
                "-m comment --comment \"-j DROP or \\\"not\\\"\"",
                "-m limit --limit 1/day",
                "-m statistic --mode random --probability 0.5",
                "-m owner --uid-owner 0",
                "-m owner ! --uid-owner 1000",
            ])
        );
    }
    let _ = write!(rule, " {}", target(dice, table, chain, below, v6));
    rule
}

fn target(
    dice: &mut Dice,
    table: &str,
    chain: &str,
    (first, end): (usize, usize),
    v6: bool,
) -> String {
    if first < end && dice.percent(25) {
        let number = first + dice.below(end - first);
        return format!("{} own{number}", dice.of(&["-j", "-j", "-g"]));
    }
    match (table, chain) {
        ("raw", _) if dice.percent(30) => "-j CT --notrack".to_owned(),
        ("mangle", _) if dice.percent(60) => dice
            .of(&[
                "-j MARK --set-xmark 0x1/0x1",
                "-j MARK --set-mark 0x2",
                "-j CONNMARK --save-mark",
                "-j CONNMARK --restore-mark",
                "-j CONNMARK --set-mark 0x1",
            ])
            .to_owned(),
        ("nat", "OUTPUT") if dice.percent(70) => dice
            .of(if v6 {
                &["-j DNAT --to-destination fd09::3", "-j REDIRECT"][..]
            } else {
                &["-j DNAT --to-destination 10.9.0.3", "-j REDIRECT"][..]
            })
            .to_owned(),
        ("nat", "POSTROUTING") if dice.percent(50) => "-j MASQUERADE".to_owned(),
        ("filter", _) if dice.percent(15) => dice
            .of(if v6 {
                &["-p tcp -j REJECT --reject-with tcp-reset", "-j REJECT"][..]
            } else {
                &["-j REJECT --reject-with icmp-admin-prohibited", "-j REJECT"][..]
            })
            .to_owned(),
        ("nat", _) => dice.of(&["-j ACCEPT", "-j RETURN", ""]).to_owned(),
        _ => dice
            .of(&[
                "-j ACCEPT",
                "-j ACCEPT",
                "-j DROP",
                "-j DROP",
                "-j RETURN",
                "",
            ])
            .to_owned(),
    }
}
