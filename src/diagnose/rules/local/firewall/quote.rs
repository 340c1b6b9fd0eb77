//! A packet rule in words, and the commands that show it and let a flow pass it.

use crate::diagnose::scene::{Denial, Scene};
use crate::model::Finding;
use crate::model::firewall::{Direction, Firewall, JudgedFlow, QuotedRule, RuleProgram, Ruling};
use crate::model::text::{count, escape};
use crate::model::topology::TraceProtocol;

/// ``rule 7 in chain `output` of table `inet filter` (nftables)``, ``the policy of chain `INPUT` in table `filter` (iptables)``.
fn place(rule: &QuotedRule) -> String {
    let (chain, table) = (escape(&rule.chain), escape(&rule.table));
    let chain = match rule.handle {
        _ if rule.is_policy => format!("the policy of chain `{chain}` in"),
        Some(handle) if rule.program == RuleProgram::Nft => {
            format!("rule {handle} in chain `{chain}` of")
        }
        _ => format!("a rule in chain `{chain}` of"),
    };
    match rule.program {
        RuleProgram::Nft => {
            let family = escape(&rule.family);
            format!("{chain} table `{family} {table}` (nftables)")
        }
        _ => format!("{chain} table `{table}` ({})", program(rule)),
    }
}

/// The rule itself, after its place: `rule 7 in …: ‘tcp dport 443 drop’`.
fn quoted(rule: &QuotedRule) -> String {
    format!("{}: `{}`", place(rule), escape(&rule.text))
}

/// Because of which rule it can't be told, as it stands after "because of".
pub(crate) fn because_of(ruling: &Ruling) -> String {
    match (&ruling.rule, &ruling.why) {
        (Some(rule), _) => format!("because of {}", quoted(rule)),
        (None, Some(why)) => format!("because {}", escape(why)),
        (None, None) => "from the rules alone".to_owned(),
    }
}

/// That the rules let the flow pass, as a sentence.
pub(crate) fn let_pass(scene: &Scene<'_>, firewall: &Firewall) -> String {
    let rules = match firewall.rules {
        0 => "It has no packet rules".to_owned(),
        1 => "Its one packet rule lets the packets out and their answers in".to_owned(),
        n => format!("Its {n} packet rules let the packets out and their answers in"),
    };
    format!(
        "This machine's own firewall is ruled out for {} to {}. {rules}.",
        scene.service(),
        scene.address()
    )
}

/// Adds that no rule explains what was seen, and where else to look.
pub(super) fn unexplained(finding: Finding, firewall: &Firewall) -> Finding {
    let rules = match firewall.rules {
        0 => "This machine has no packet rules".to_owned(),
        n => format!(
            "By the packet rules of this machine ({}, read when the check began) the flow passes",
            count(n, "rule")
        ),
    };
    finding
        .fact(
            format!(
                "{rules}: something else stops it, such as a BPF program of a control group or of an interface, or a security module."
            ),
            [],
        )
        .command(
            "See which BPF programs filter here:",
            "sudo bpftool cgroup tree; sudo bpftool net",
        )
}

/// Adds which rule it may be.
pub(super) fn perhaps(finding: Finding, firewall: &Firewall, ruling: &Ruling) -> Finding {
    let because = because_of(ruling);
    let finding = finding.fact(
        format!("Whether it is one of the packet rules can't be told {because}."),
        [],
    );
    finding.command(LOOK, look(firewall, ruling))
}

/// What the command of [`look`] is for.
const LOOK: &str = "Look at the rules there:";

/// Adds the rule that stops the flow, and how to look at it and to let the flow pass.
pub(super) fn cite(finding: Finding, denial: &Denial<'_>) -> Finding {
    let Some(rule) = &denial.ruling.rule else {
        return finding;
    };
    let does = match (&denial.ruling.rejects, denial.direction) {
        (Some(_), Direction::Out) => "What rejects the packets on their way out is",
        (None, Direction::Out) => "What drops the packets on their way out is",
        (Some(_), Direction::In) => "What rejects the answers on their way in is",
        (None, Direction::In) => "What drops the answers on their way in is",
    };
    let hook = rule.hook.as_ref().map_or_else(String::new, |hook| {
        format!(", at the {} hook", escape(hook))
    });
    let text = escape(&rule.text);
    let mut finding = finding.fact(format!("{does} {}{hook}: `{text}`.", place(rule)), []);
    finding = finding.command(LOOK, look(denial.firewall, denial.ruling));
    finding = match let_through(denial, rule) {
        Some(command) => finding.command(
            "If the flow is meant to pass, let it through there (until the rules are loaded anew: change the firewall's own configuration, too):",
            command,
        ),
        None => finding.action("If the flow is meant to pass, change that rule."),
    };
    match manager(rule) {
        Some((name, command)) => finding.command(
            format!("These rules are made by {name}, which writes them anew: make the change there to keep it:"),
            command,
        ),
        None => finding,
    }
}

/// The command that shows a rule among its neighbours; all rules where there is none, or one of its names can't stand in a command.
pub(crate) fn look(firewall: &Firewall, ruling: &Ruling) -> String {
    let rule = ruling.rule.as_ref();
    let Some((rule, [family, table, chain])) = rule.and_then(|rule| Some((rule, names(rule)?)))
    else {
        return "sudo nft -a list ruleset".to_owned();
    };
    match rule.program {
        RuleProgram::Nft => format!("sudo nft -a list chain {family} {table} {chain}"),
        _ => format!("sudo {} -t {table} -S {chain}", variant(firewall, rule)),
    }
}

/// Family, table and chain, where they can stand in a command as they are.
fn names(rule: &QuotedRule) -> Option<[&str; 3]> {
    let names = [&*rule.family, &*rule.table, &*rule.chain];
    names.into_iter().all(is_plain).then_some(names)
}

/// The command that lets the flow pass that rule.
fn let_through(denial: &Denial<'_>, rule: &QuotedRule) -> Option<String> {
    let [family, table, chain] = names(rule)?;
    if rule.program == RuleProgram::Nft {
        let before = match rule.handle {
            Some(handle) if !rule.is_policy => format!(" handle {handle}"),
            _ => String::new(),
        };
        let flow = flow_of_nft(denial);
        return Some(format!(
            "sudo nft insert rule {family} {table} {chain}{before} {flow} accept"
        ));
    }
    let program = variant(denial.firewall, rule);
    let flow = flow_of_iptables(denial);
    Some(format!(
        "sudo {program} -t {table} -I {chain} {flow} -j ACCEPT"
    ))
}

/// Whether connection tracking has seen the answer where this rule looks at it, so that it can be told by its state.
fn is_tracked(rule: Option<&QuotedRule>) -> bool {
    let hook = rule.and_then(|rule| rule.hook.as_deref());
    !matches!(hook, Some("prerouting" | "ingress"))
}

fn flow_of_nft(denial: &Denial<'_>) -> String {
    let JudgedFlow {
        endpoint, protocol, ..
    } = denial.flow;
    let ip = endpoint.address.ip();
    let v6 = ip.is_ipv6();
    let header = if v6 { "ip6" } else { "ip" };
    let (end, port, echo) = match denial.direction {
        Direction::Out => ("daddr", "dport", "echo-request"),
        Direction::In => ("saddr", "sport", "echo-reply"),
    };
    let transport = match (protocol, endpoint.port) {
        (TraceProtocol::Icmp, _) => {
            format!(" {} type {echo}", if v6 { "icmpv6" } else { "icmp" })
        }
        (protocol, Some(number)) => format!(" {} {port} {number}", protocol.as_str()),
        (protocol, None) => format!(" meta l4proto {}", protocol.as_str()),
    };
    let state = match denial.direction {
        Direction::In if is_tracked(denial.ruling.rule.as_ref()) => " ct state established",
        _ => "",
    };
    format!("{header} {end} {ip}{transport}{state}")
}

fn flow_of_iptables(denial: &Denial<'_>) -> String {
    let JudgedFlow {
        endpoint, protocol, ..
    } = denial.flow;
    let ip = endpoint.address.ip();
    let v6 = ip.is_ipv6();
    let (end, port, echo) = match denial.direction {
        Direction::Out => ("-d", "--dport", "echo-request"),
        Direction::In => ("-s", "--sport", "echo-reply"),
    };
    let transport = match (protocol, endpoint.port) {
        (TraceProtocol::Icmp, _) if v6 => format!("-p ipv6-icmp --icmpv6-type {echo}"),
        (TraceProtocol::Icmp, _) => format!("-p icmp --icmp-type {echo}"),
        (protocol, Some(number)) => format!("-p {} {port} {number}", protocol.as_str()),
        (protocol, None) => format!("-p {}", protocol.as_str()),
    };
    let state = match denial.direction {
        Direction::In if is_tracked(denial.ruling.rule.as_ref()) => {
            " -m conntrack --ctstate ESTABLISHED"
        }
        _ => "",
    };
    format!("{end} {ip} {transport}{state}")
}

/// What people call the program of a rule.
fn program(rule: &QuotedRule) -> &'static str {
    match (rule.program, rule.family.as_str()) {
        (RuleProgram::Nft, _) => "nft",
        (_, "ip6") => "ip6tables",
        _ => "iptables",
    }
}

/// The command of a rule's program: where there are two of that name, the one that listed it.
fn variant(firewall: &Firewall, rule: &QuotedRule) -> String {
    let name = program(rule);
    let of = match rule.program {
        RuleProgram::IptablesLegacy => "legacy",
        _ => "nft",
    };
    let own = format!("{name}-{of}");
    let listed = firewall
        .programs
        .iter()
        .any(|program| *program == format!("{own}-save"));
    if listed { own } else { name.to_owned() }
}

/// Who writes the rules of a chain, by the names that it gives them, and the command that shows them as it does.
fn manager(rule: &QuotedRule) -> Option<(&'static str, &'static str)> {
    if rule.chain.starts_with("ufw") {
        Some(("ufw", "sudo ufw status numbered"))
    } else if rule.table == "firewalld" {
        Some(("firewalld", "sudo firewall-cmd --list-all"))
    } else {
        None
    }
}

/// Whether a name can stand in a command as it is.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::firewall::Says;

    fn ruling(program: RuleProgram, family: &str, chain: &str) -> Ruling {
        Ruling {
            says: Says::Denies,
            rule: Some(QuotedRule {
                program,
                family: family.to_owned(),
                table: "filter".to_owned(),
                chain: chain.to_owned(),
                hook: None,
                handle: None,
                is_policy: false,
                text: "-A OUTPUT -j DROP".to_owned(),
            }),
            rejects: None,
            why: None,
        }
    }

    /// What lets a flow to this endpoint pass.
    fn command(ruling: &Ruling, endpoint: &str, direction: Direction) -> Option<String> {
        let endpoint: crate::model::Endpoint = endpoint.parse().unwrap();
        let firewall = Firewall {
            programs: vec!["iptables-legacy-save".to_owned()],
            ..Firewall::default()
        };
        let flow = JudgedFlow {
            protocol: match endpoint.port {
                Some(_) => TraceProtocol::Tcp,
                None => TraceProtocol::Icmp,
            },
            endpoint,
            interface: None,
            out: ruling.clone(),
            answer: None,
        };
        let denial = Denial {
            firewall: &firewall,
            flow: &flow,
            direction,
            ruling,
        };
        let_through(&denial, ruling.rule.as_ref()?)
    }

    #[test]
    fn each_program_is_told_in_its_own_words() {
        let legacy = ruling(RuleProgram::IptablesLegacy, "ip", "OUTPUT");
        assert_eq!(
            command(&legacy, "192.0.2.1:443", Direction::Out).unwrap(),
            "sudo iptables-legacy -t filter -I OUTPUT -d 192.0.2.1 -p tcp --dport 443 -j ACCEPT"
        );
        let by_nft = ruling(RuleProgram::Iptables, "ip6", "INPUT");
        assert_eq!(
            command(&by_nft, "2001:db8::1", Direction::In).unwrap(),
            "sudo ip6tables -t filter -I INPUT -s 2001:db8::1 -p ipv6-icmp --icmpv6-type echo-reply -m conntrack --ctstate ESTABLISHED -j ACCEPT"
        );
        let nft = ruling(RuleProgram::Nft, "inet", "out");
        assert_eq!(
            command(&nft, "2001:db8::1", Direction::Out).unwrap(),
            "sudo nft insert rule inet filter out ip6 daddr 2001:db8::1 icmpv6 type echo-request accept"
        );
    }

    #[test]
    fn a_name_that_a_shell_would_take_for_more_is_put_into_no_command() {
        for name in [
            "a;reboot",
            "$(reboot)",
            "-f",
            "a b",
            "a\nb",
            "",
            "\u{202e}x",
            "a'",
        ] {
            let odd = ruling(RuleProgram::Nft, "inet", name);
            assert_eq!(command(&odd, "192.0.2.1:443", Direction::Out), None);
            assert_eq!(look(&Firewall::default(), &odd), "sudo nft -a list ruleset");
        }
    }
}
