//! What one name server says of the name, all its answers taken together as an application's resolver takes them.
//!
//! The rules are those of glibc (`resolv/res_send.c`, `resolv/res_query.c`): an answer, also "no such name", ends the asking; SERVFAIL,
//! REFUSED, a broken message, an error or silence makes it go on to the next server.

use super::options::Family;
use super::resolution::{Resolution, ServerAnswer, Transport};
use super::{Address, Endpoint, Outcome};

/// What one name server says of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It has addresses.
    Addresses,
    /// The name does not exist.
    Nxdomain,
    /// The name exists, without an address of the families asked for.
    NoData,
    /// The name is an alias that leads back to itself.
    AliasLoop,
    /// It fails, also with checking disabled.
    Servfail,
    /// It fails, and answers with checking disabled.
    Bogus,
    /// It refuses.
    Refused,
    /// What it sends is another response code, or no DNS.
    Broken,
    /// It answers some of what it is asked and not the rest, and nothing of it is an address.
    Partial,
    /// The check ended before it could answer.
    Unfinished,
    /// Nothing comes back.
    Silent,
    /// An ICMP error or an error of this machine came back, and which.
    Unreachable(Outcome),
}

impl Standing {
    /// Whether an application's resolver takes it for an answer, and asks no other server.
    pub const fn is_answer(self) -> bool {
        matches!(
            self,
            Self::Addresses | Self::Nxdomain | Self::NoData | Self::AliasLoop
        )
    }

    /// Whether the server sent anything.
    pub const fn is_heard(self) -> bool {
        !matches!(self, Self::Silent | Self::Unreachable(_) | Self::Unfinished)
    }
}

impl Resolution {
    /// What a server says of the name; none if it was not asked.
    pub fn standing(&self, server: &Endpoint, family: Family) -> Option<Standing> {
        let mut of_names = self
            .names
            .iter()
            .filter_map(|name| Some((name, self.standing_of_name(server, name, family)?)));
        let (first_name, first) = of_names.next()?;
        let all: Vec<Standing> = std::iter::once(first)
            .chain(of_names.map(|(_, standing)| standing))
            .collect();
        let has = |standing| all.contains(&standing);
        if has(Standing::Addresses) {
            return Some(Standing::Addresses);
        }
        // The verdict on the name as it was typed holds where it was tried first, whatever the search list made of it after that.
        if self.is_prefix_of_all(first_name) && first.is_heard() {
            return Some(first);
        }
        let last = all.last().copied().unwrap_or(first);
        Some(if has(Standing::NoData) {
            Standing::NoData
        } else if has(Standing::Bogus) {
            Standing::Bogus
        } else if has(Standing::Servfail) {
            Standing::Servfail
        } else if !last.is_heard() && all.iter().any(|standing| standing.is_heard()) {
            Standing::Partial
        } else {
            last
        })
    }

    /// Whether the search list only adds to this name: it was tried as it was typed, before the others.
    fn is_prefix_of_all(&self, first: &str) -> bool {
        self.names.len() > 1
            && self.names.iter().all(|name| {
                name.strip_prefix(first)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
    }

    /// What a server says of one of the names that are tried; none if it was not asked for it.
    pub fn standing_of_name(
        &self,
        server: &Endpoint,
        name: &str,
        family: Family,
    ) -> Option<Standing> {
        let answers: Vec<&ServerAnswer> = self
            .servers
            .iter()
            .filter(|answer| answer.address == *server && answer.name == name)
            .collect();
        let mut outcomes = Vec::new();
        let mut bogus = false;
        for record in ["A", "AAAA"] {
            let wanted = match family {
                Family::Any => true,
                Family::Ipv4 => record == "A",
                Family::Ipv6 => record == "AAAA",
            };
            if !wanted {
                continue;
            }
            let of = |transport, checking_disabled| {
                answers.iter().find(|answer| {
                    answer.record == record
                        && answer.transport == transport
                        && answer.checking_disabled == checking_disabled
                })
            };
            let effective = match (of(Transport::Udp, false), of(Transport::Tcp, false)) {
                (Some(udp), tcp) if udp.truncated => {
                    tcp.map_or(Outcome::Malformed, |tcp| match tcp.outcome {
                        // It did answer, though what it has does not get through.
                        outcome if !answered(outcome) => Outcome::Malformed,
                        outcome => outcome,
                    })
                }
                (Some(udp), _) => udp.outcome,
                (None, Some(tcp)) => tcp.outcome,
                (None, None) => continue,
            };
            bogus |= effective == Outcome::Servfail
                && [Transport::Udp, Transport::Tcp]
                    .into_iter()
                    .any(|transport| {
                        of(transport, true).is_some_and(|unchecked| {
                            unchecked.truncated
                                || matches!(
                                    unchecked.outcome,
                                    Outcome::Ok | Outcome::NoData | Outcome::Nxdomain
                                )
                        })
                    });
            outcomes.push(effective);
        }
        combine(&outcomes, bogus)
    }

    /// The addresses that a server gives, for the first of the names for which it has any, in the order of its answer.
    pub fn addresses_from(&self, server: &Endpoint, family: Family) -> Vec<Address> {
        for name in &self.names {
            let mut found: Vec<Address> = Vec::new();
            for answer in self.servers.iter().filter(|answer| {
                answer.address == *server && answer.name == *name && !answer.checking_disabled
            }) {
                // Truncated answers are asked for again; what TCP alone brings, an application does not get.
                let again = answer.transport == Transport::Udp && answer.truncated;
                let unasked = answer.transport == Transport::Tcp
                    && self.servers.iter().any(|udp| {
                        udp.address == *server
                            && udp.name == *name
                            && udp.record == answer.record
                            && udp.transport == Transport::Udp
                            && !udp.checking_disabled
                            && !udp.truncated
                    });
                if again || unasked || answer.outcome != Outcome::Ok {
                    continue;
                }
                for address in answer.addresses() {
                    if family.admits(&address) && !found.contains(&address) {
                        found.push(address);
                    }
                }
            }
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }
}

impl ServerAnswer {
    /// The addresses in it.
    pub fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        self.answers.iter().filter_map(|text| {
            let (kind, address) = text.split_once(' ')?;
            matches!(kind, "A" | "AAAA")
                .then(|| address.parse().ok())
                .flatten()
        })
    }

    /// Whether a message came back, whatever it says.
    pub const fn is_heard(&self) -> bool {
        answered(self.outcome)
    }
}

/// Whether an outcome is one that a message from the server makes.
const fn answered(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Ok
            | Outcome::Nxdomain
            | Outcome::NoData
            | Outcome::Servfail
            | Outcome::DnsRefused
            | Outcome::DnsOther
            | Outcome::AliasLoop
            | Outcome::Malformed
    )
}

/// What the outcomes for the record types of one name come to.
fn combine(outcomes: &[Outcome], bogus: bool) -> Option<Standing> {
    let has = |outcome| outcomes.contains(&outcome);
    let first = outcomes.first()?;
    Some(if has(Outcome::Ok) {
        Standing::Addresses
    } else if has(Outcome::Nxdomain) {
        Standing::Nxdomain
    } else if has(Outcome::AliasLoop) {
        Standing::AliasLoop
    } else if outcomes.iter().all(|o| *o == Outcome::NoData) {
        Standing::NoData
    } else if has(Outcome::NoData) {
        Standing::Partial
    } else if has(Outcome::Servfail) && bogus {
        Standing::Bogus
    } else if has(Outcome::Servfail) {
        Standing::Servfail
    } else if has(Outcome::DnsRefused) {
        Standing::Refused
    } else if outcomes.iter().any(|o| answered(*o)) {
        Standing::Broken
    } else {
        let unreachable = outcomes
            .iter()
            .find(|o| !matches!(o, Outcome::Timeout | Outcome::Cancelled));
        match unreachable {
            Some(outcome) => Standing::Unreachable(*outcome),
            None if *first == Outcome::Cancelled => Standing::Unfinished,
            None => Standing::Silent,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "10.0.0.53:53";

    fn resolution(names: &[&str], answers: &[(&str, &str, Outcome)]) -> Resolution {
        Resolution {
            names: names.iter().map(ToString::to_string).collect(),
            servers: answers
                .iter()
                .map(|(name, record, outcome)| ServerAnswer {
                    address: SERVER.parse().unwrap(),
                    transport: Transport::Udp,
                    name: (*name).to_owned(),
                    record: (*record).to_owned(),
                    outcome: *outcome,
                    ms: None,
                    answers: match *outcome {
                        Outcome::Ok => vec!["CNAME x.".to_owned(), "A 192.0.2.7".to_owned()],
                        _ => Vec::new(),
                    },
                    extended_errors: Vec::new(),
                    truncated: false,
                    checking_disabled: false,
                    observation: None,
                })
                .collect(),
            ..Resolution::default()
        }
    }

    fn standing(names: &[&str], answers: &[(&str, &str, Outcome)]) -> Option<Standing> {
        resolution(names, answers).standing(&SERVER.parse().unwrap(), Family::Any)
    }

    #[test]
    fn one_type_with_addresses_is_enough() {
        let said = [("a", "A", Outcome::Ok), ("a", "AAAA", Outcome::Timeout)];
        assert_eq!(standing(&["a"], &said), Some(Standing::Addresses));
    }

    #[test]
    fn silence_on_one_type_and_nothing_on_the_other_is_partial() {
        let said = [("a", "A", Outcome::Timeout), ("a", "AAAA", Outcome::NoData)];
        assert_eq!(standing(&["a"], &said), Some(Standing::Partial));
    }

    #[test]
    fn the_name_as_it_was_typed_decides_where_it_was_tried_first() {
        let names = ["a.b", "a.b.example"];
        let said = [
            ("a.b", "A", Outcome::Nxdomain),
            ("a.b.example", "A", Outcome::Servfail),
        ];
        assert_eq!(standing(&names, &said), Some(Standing::Nxdomain));
    }

    #[test]
    fn a_failure_in_the_search_list_outweighs_a_no_after_it() {
        let names = ["a.example", "a"];
        let said = [
            ("a.example", "A", Outcome::Servfail),
            ("a", "A", Outcome::Nxdomain),
        ];
        assert_eq!(standing(&names, &said), Some(Standing::Servfail));
    }

    #[test]
    fn an_answer_cut_short_counts_by_what_tcp_brings() {
        let mut resolution = resolution(&["a"], &[("a", "A", Outcome::Ok)]);
        let server = SERVER.parse().unwrap();
        resolution.servers[0].truncated = true;
        assert_eq!(
            resolution.standing(&server, Family::Any),
            Some(Standing::Broken)
        );
        assert!(resolution.addresses_from(&server, Family::Any).is_empty());
        let mut tcp = resolution.servers[0].clone();
        tcp.transport = Transport::Tcp;
        tcp.truncated = false;
        resolution.servers.push(tcp);
        assert_eq!(
            resolution.standing(&server, Family::Any),
            Some(Standing::Addresses)
        );
        assert_eq!(resolution.addresses_from(&server, Family::Any).len(), 1);
    }

    #[test]
    fn what_tcp_alone_brings_is_not_what_an_application_gets() {
        let mut resolution = resolution(&["a"], &[("a", "A", Outcome::Timeout)]);
        let server = SERVER.parse().unwrap();
        let mut tcp = resolution.servers[0].clone();
        tcp.transport = Transport::Tcp;
        tcp.outcome = Outcome::Ok;
        tcp.answers = vec!["A 192.0.2.7".to_owned()];
        resolution.servers.push(tcp);
        assert_eq!(
            resolution.standing(&server, Family::Any),
            Some(Standing::Silent)
        );
        assert!(resolution.addresses_from(&server, Family::Any).is_empty());
    }
}
