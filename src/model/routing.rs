//! Policy routing: which rule leads to which table, and which entry there decides (Linux `net/core/fib_rules.c`,
//! `net/ipv4/fib_semantics.c`; ip-rule(8)).
//!
//! The kernel's own look-up says *how* a flow leaves; when it ends with an error it does not say *which* entry made it so.
//! This finds that entry among what the kernel lists.

use std::net::IpAddr;

use ipnet::IpNet;

use super::local::RouteKind;

/// What a rule does when it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Look in a table.
    Table(u32),
    /// Go on with the rule of this priority.
    Goto(u32),
    /// Nothing.
    Nop,
    /// End the look-up with an error of this kind.
    Refuse(RouteKind),
}

/// A policy rule. A selector that is `None` matches all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Order of evaluation, lowest first.
    pub priority: u32,
    /// What it does.
    pub action: Action,
    /// Source addresses.
    pub source: Option<IpNet>,
    /// Destination addresses.
    pub destination: Option<IpNet>,
    /// Interface that the packet came in by; `lo` is what this machine sends.
    pub input_interface: Option<String>,
    /// Interface that the socket is bound to.
    pub output_interface: Option<String>,
    /// Mark and the bits of it that count.
    pub mark: Option<(u32, u32)>,
    /// Users, first and last.
    pub users: Option<(u32, u32)>,
    /// IP protocol.
    pub protocol: Option<u8>,
    /// Source ports, first and last.
    pub source_ports: Option<(u16, u16)>,
    /// Destination ports, first and last.
    pub destination_ports: Option<(u16, u16)>,
    /// The selectors match what they do not describe.
    pub inverted: bool,
    /// A route found with a prefix of so many bits or fewer does not count.
    pub suppress_prefix_length: Option<u32>,
    /// Whether it has a selector that is not understood here.
    pub obscure: bool,
}

/// An entry of a routing table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its table.
    pub table: u32,
    /// The prefix it is for.
    pub prefix: IpNet,
    /// What it does.
    pub kind: RouteKind,
    /// Its metric, lowest first.
    pub metric: u32,
    /// The interfaces it leads out by, and whether each can be used.
    pub ways: Vec<(String, bool)>,
    /// As `ip route` writes it.
    pub text: String,
}

/// The flow whose way is sought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// To where.
    pub destination: IpAddr,
    /// From which address, where one was asked for.
    pub source: Option<IpAddr>,
    /// The interface that the socket is bound to.
    pub interface: Option<String>,
    /// The user.
    pub user: u32,
    /// IP protocol.
    pub protocol: u8,
    /// Destination port.
    pub port: Option<u16>,
}

/// What decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What the kernel does.
    pub kind: RouteKind,
    /// The rule that led there; none when no rule did.
    pub rule: Option<Rule>,
    /// The entry that decided; none when it was the rule itself, or no entry matched.
    pub entry: Option<Entry>,
}

/// Walks the rules as the kernel does. `None`: a rule that can't be understood stands in the way.
pub fn decide(rules: &[Rule], entries: &[Entry], flow: &Flow) -> Option<Decision> {
    let mut ordered: Vec<&Rule> = rules.iter().collect();
    ordered.sort_by_key(|rule| rule.priority);
    let mut from = 0;
    for rule in ordered {
        if rule.priority < from {
            continue;
        }
        if rule.obscure {
            return None;
        }
        if !matches(rule, flow) {
            continue;
        }
        match rule.action {
            Action::Nop => {}
            Action::Goto(priority) => from = priority,
            Action::Refuse(kind) => {
                return Some(Decision {
                    kind,
                    rule: Some(rule.clone()),
                    entry: None,
                });
            }
            Action::Table(table) => {
                let Some(entry) = longest(entries, table, flow) else {
                    continue;
                };
                let suppressed = rule
                    .suppress_prefix_length
                    .is_some_and(|bits| u32::from(entry.prefix.prefix_len()) <= bits);
                if entry.kind == RouteKind::Throw || suppressed {
                    continue;
                }
                return Some(Decision {
                    kind: entry.kind,
                    rule: Some(rule.clone()),
                    entry: Some(entry.clone()),
                });
            }
        }
    }
    Some(Decision {
        kind: RouteKind::None,
        rule: None,
        entry: None,
    })
}

fn longest<'e>(entries: &'e [Entry], table: u32, flow: &Flow) -> Option<&'e Entry> {
    entries
        .iter()
        .filter(|entry| entry.table == table && entry.prefix.contains(&flow.destination))
        .filter(|entry| {
            let forwards = matches!(entry.kind, RouteKind::Unicast);
            let usable = |way: &(String, bool)| {
                way.1
                    && flow
                        .interface
                        .as_ref()
                        .is_none_or(|wanted| *wanted == way.0)
            };
            !forwards || entry.ways.iter().any(usable)
        })
        .min_by_key(|entry| (std::cmp::Reverse(entry.prefix.prefix_len()), entry.metric))
}

fn matches(rule: &Rule, flow: &Flow) -> bool {
    let within = |prefix: &Option<IpNet>, ip: Option<IpAddr>| match (prefix, ip) {
        (None, _) => true,
        (Some(prefix), Some(ip)) => prefix.contains(&ip),
        // Without an address asked for the kernel looks up with none, which only a prefix of no length matches.
        (Some(prefix), None) => prefix.prefix_len() == 0,
    };
    let port = |range: Option<(u16, u16)>, port: Option<u16>| {
        range.is_none_or(|(first, last)| port.is_some_and(|port| (first..=last).contains(&port)))
    };
    let all = within(&rule.source, flow.source)
        && within(&rule.destination, Some(flow.destination))
        && rule
            .input_interface
            .as_deref()
            .is_none_or(|name| name == "lo")
        && rule
            .output_interface
            .is_none_or_same(flow.interface.as_ref())
        && rule.mark.is_none_or(|(mark, mask)| mark & mask == 0)
        && rule
            .users
            .is_none_or(|(first, last)| (first..=last).contains(&flow.user))
        && rule
            .protocol
            .is_none_or(|protocol| protocol == flow.protocol)
        && port(rule.source_ports, None)
        && port(rule.destination_ports, flow.port);
    all != rule.inverted
}

/// A selector that, where it is set, must be the same.
trait Selector {
    fn is_none_or_same(&self, other: Option<&String>) -> bool;
}

impl Selector for Option<String> {
    fn is_none_or_same(&self, other: Option<&String>) -> bool {
        self.is_none() || self.as_ref() == other
    }
}

/// As `ip rule` writes it.
impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.priority)?;
        if self.inverted {
            f.write_str("not ")?;
        }
        match &self.source {
            Some(source) => write!(f, "from {source}")?,
            None => f.write_str("from all")?,
        }
        if let Some(destination) = &self.destination {
            write!(f, " to {destination}")?;
        }
        if let Some((mark, mask)) = self.mark {
            write!(f, " fwmark {mark:#x}/{mask:#x}")?;
        }
        if let Some(name) = &self.input_interface {
            write!(f, " iif {name}")?;
        }
        if let Some(name) = &self.output_interface {
            write!(f, " oif {name}")?;
        }
        if let Some((first, last)) = self.users {
            write!(f, " uidrange {first}-{last}")?;
        }
        match self.protocol {
            Some(6) => f.write_str(" ipproto tcp")?,
            Some(17) => f.write_str(" ipproto udp")?,
            Some(number) => write!(f, " ipproto {number}")?,
            None => {}
        }
        for (name, ports) in [
            ("sport", self.source_ports),
            ("dport", self.destination_ports),
        ] {
            match ports {
                Some((first, last)) if first == last => write!(f, " {name} {first}")?,
                Some((first, last)) => write!(f, " {name} {first}-{last}")?,
                None => {}
            }
        }
        match self.action {
            Action::Table(254) => f.write_str(" lookup main"),
            Action::Table(255) => f.write_str(" lookup local"),
            Action::Table(253) => f.write_str(" lookup default"),
            Action::Table(table) => write!(f, " lookup {table}"),
            Action::Goto(priority) => write!(f, " goto {priority}"),
            Action::Nop => f.write_str(" nop"),
            Action::Refuse(RouteKind::Prohibit) => f.write_str(" prohibit"),
            Action::Refuse(RouteKind::Blackhole) => f.write_str(" blackhole"),
            Action::Refuse(_) => f.write_str(" unreachable"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::local::RouteKind;
    use super::{Action, Entry, Flow, Rule, decide};

    fn rule(priority: u32, action: Action) -> Rule {
        Rule {
            priority,
            action,
            source: None,
            destination: None,
            input_interface: None,
            output_interface: None,
            mark: None,
            users: None,
            protocol: None,
            source_ports: None,
            destination_ports: None,
            inverted: false,
            suppress_prefix_length: None,
            obscure: false,
        }
    }

    fn entry(table: u32, prefix: &str, kind: RouteKind) -> Entry {
        Entry {
            table,
            prefix: prefix.parse().unwrap(),
            kind,
            metric: 0,
            ways: vec![("eth0".to_owned(), true)],
            text: prefix.to_owned(),
        }
    }

    fn flow() -> Flow {
        Flow {
            destination: "10.9.1.1".parse().unwrap(),
            source: None,
            interface: None,
            user: 1000,
            protocol: 6,
            port: Some(443),
        }
    }

    fn usual() -> Vec<Rule> {
        vec![
            rule(0, Action::Table(255)),
            rule(32766, Action::Table(254)),
            rule(32767, Action::Table(253)),
        ]
    }

    #[test]
    fn the_longest_prefix_decides() {
        let entries = [
            entry(254, "0.0.0.0/0", RouteKind::Unicast),
            entry(254, "10.9.0.0/16", RouteKind::Prohibit),
        ];
        assert_eq!(
            decide(&usual(), &entries, &flow()).unwrap().kind,
            RouteKind::Prohibit
        );
    }

    #[test]
    fn a_throw_route_goes_on_with_the_next_rule() {
        let mut rules = usual();
        rules.push(rule(100, Action::Table(7)));
        let entries = [
            entry(7, "10.9.0.0/16", RouteKind::Throw),
            entry(254, "0.0.0.0/0", RouteKind::Unicast),
        ];
        assert_eq!(
            decide(&rules, &entries, &flow()).unwrap().kind,
            RouteKind::Unicast
        );
        let only = [entry(7, "10.9.0.0/16", RouteKind::Throw)];
        assert_eq!(
            decide(&rules, &only, &flow()).unwrap().kind,
            RouteKind::None
        );
    }

    #[test]
    fn a_rule_of_its_own_refuses_before_any_table() {
        let mut rules = usual();
        rules.push(Rule {
            destination: Some("10.9.0.0/16".parse().unwrap()),
            ..rule(50, Action::Refuse(RouteKind::Unreachable))
        });
        let entries = [entry(254, "0.0.0.0/0", RouteKind::Unicast)];
        let decision = decide(&rules, &entries, &flow()).unwrap();
        assert_eq!(decision.kind, RouteKind::Unreachable);
        assert_eq!(
            decision.rule.unwrap().to_string(),
            "50: from all to 10.9.0.0/16 unreachable"
        );
    }

    #[test]
    fn a_rule_that_is_not_understood_makes_it_untold() {
        let mut rules = usual();
        rules.push(Rule {
            obscure: true,
            ..rule(10, Action::Nop)
        });
        assert_eq!(decide(&rules, &[], &flow()), None);
    }
}
