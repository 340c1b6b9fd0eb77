//! What the sources of a name say, side by side: in one sentence how they differ and which of them an application gets, and what is to be
//! remarked of the answers.
//!
//! Nothing here is a judgement: the findings of the name family are. Sources: nsswitch.conf(5) and glibc `resolv/res_send.c` for who is
//! asked first, RFC 6890 and the IANA special-purpose registries for addresses that are no host of the public network.

mod special;

use super::options::{Family, Options};
use super::resolution::{Resolution, SourceKind, Transport};
use super::source::ResolverConfig;
use super::standing::Standing;
use super::text::{escape, list};
use super::{Address, Endpoint, Outcome};

/// So many addresses of one source are named.
const NAMED: usize = 3;

impl Resolution {
    /// One sentence: what an application gets, from which source, what it waits for, and what the other sources say. None where nothing was
    /// asked, not all has been heard, or all say the same.
    pub fn account(&self, resolver: Option<&ResolverConfig>, options: &Options) -> Option<String> {
        let asked = |kind| self.source(kind);
        if !self.complete
            || asked(SourceKind::Literal)
                .or(asked(SourceKind::Option))
                .is_some()
        {
            return None;
        }
        let family = resolver.map_or(options.family, |resolver| resolver.family(options));
        let servers: Vec<Said> = self
            .asked()
            .into_iter()
            .filter_map(|server| {
                let standing = self.standing(&server, family)?;
                let addresses = self.addresses_from(&server, family);
                Some(Said {
                    server,
                    standing,
                    addresses,
                })
            })
            .collect();
        let hosts = asked(SourceKind::Hosts).filter(|source| source.outcome == Outcome::Ok);
        let taken = self.taken(&servers, options.servers.is_empty());

        let mut parts = vec![self.head(&servers, &taken, resolver, options)];
        if let Some(hosts) = hosts.filter(|_| !matches!(taken, Taken::Hosts)) {
            parts.push(format!("the hosts file has {}", some(&hosts.addresses)));
        }
        parts.extend(others(&servers, &taken));
        let plain = parts.len() == 1 && matches!(taken, Taken::Server(_) | Taken::Nothing(_));
        (!plain || self.application_delay_ms.is_some()).then(|| parts.join("; "))
    }

    /// The servers that were asked, each once, in the order in which they are asked.
    fn asked(&self) -> Vec<Endpoint> {
        let mut servers: Vec<Endpoint> = Vec::new();
        for answer in &self.servers {
            if !servers.contains(&answer.address) {
                servers.push(answer.address.clone());
            }
        }
        servers
    }

    /// Where the addresses come from that an application gets.
    fn taken(&self, servers: &[Said], system_asked: bool) -> Taken {
        let first = servers.iter().position(|said| said.standing.is_answer());
        let Some(got) = self.addresses.first() else {
            return Taken::Nothing(first);
        };
        if !system_asked {
            return first.map_or(Taken::Elsewhere, Taken::Server);
        }
        let hosts = self.source(SourceKind::Hosts);
        if hosts.is_some_and(|hosts| hosts.addresses.contains(got)) {
            return Taken::Hosts;
        }
        let gives = |said: &Said| said.addresses.contains(got);
        first
            .filter(|index| servers.get(*index).is_some_and(gives))
            .or_else(|| servers.iter().position(gives))
            .map_or(Taken::Elsewhere, Taken::Server)
    }

    fn head(
        &self,
        servers: &[Said],
        taken: &Taken,
        resolver: Option<&ResolverConfig>,
        options: &Options,
    ) -> String {
        let got = some(&self.addresses);
        let has = |kind| self.source(kind).is_some();
        let who = if !options.servers.is_empty() {
            "an application with these servers gets"
        } else if has(SourceKind::Hosts) && !has(SourceKind::System) {
            // The system's resolver could not be asked.
            "by the hosts file and the name servers, an application would get"
        } else {
            "an application gets"
        };
        let silent: Vec<String> = servers
            .iter()
            .filter(|said| said.standing == Standing::Silent)
            .map(|said| label(&said.server))
            .collect();
        let wait = match self.application_delay_ms {
            Some(delay) if silent.is_empty() => format!(", {delay} later than it could"),
            Some(delay) => format!(", after {delay} of waiting for {}", list(&silent)),
            None => String::new(),
        };
        match taken {
            Taken::Hosts => format!("{who} {got}, from the hosts file{wait}"),
            Taken::Server(index) => {
                let server = servers
                    .get(*index)
                    .map_or_else(String::new, |s| label(&s.server));
                let first = if *index == 0 && servers.len() > 1 {
                    ", which is asked first"
                } else {
                    ""
                };
                format!("{who} {got}, as {server} answers{first}{wait}")
            }
            Taken::Elsewhere => {
                let words = resolver.map_or(&[][..], |resolver| resolver.nsswitch.as_slice());
                let order = if words.is_empty() {
                    String::new()
                } else {
                    format!(" (`hosts: {}` in nsswitch.conf)", words.join(" "))
                };
                format!(
                    "{who} {got}, which no server that was asked gives: it comes from another source of the system's resolver or a cache{order}{wait}"
                )
            }
            Taken::Nothing(Some(index)) => match servers.get(*index) {
                Some(said) => format!("{who} no address{wait}: {}", said.words(false)),
                None => format!("{who} no address{wait}"),
            },
            Taken::Nothing(None) => format!("{who} no address{wait}"),
        }
    }

    /// What is to be remarked of the answers, a sentence each: addresses that no host of the public network has, servers that do not
    /// answer over TCP, a zone that answers every name.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = self.special_addresses(|_| true);
        for made_up in self
            .random_names
            .iter()
            .filter(|a| a.outcome == Outcome::Ok)
        {
            let got: Vec<Address> = made_up.addresses().collect();
            if !got.is_empty() {
                remarks.push(format!(
                    "{} answers a random name beside it, {}, too, with {}: a wildcard of the zone, or a resolver that makes up answers, so that an \
                     answer does not prove that the name is meant",
                    label(&made_up.address),
                    escape(&made_up.name),
                    some(&got)
                ));
            }
        }
        let behind = self.behind();
        for source in [self, &behind] {
            for server in source.asked() {
                remarks.extend(source.without_tcp(&server));
            }
        }
        let said: Vec<String> = behind
            .asked()
            .into_iter()
            .filter_map(|server| {
                let standing = behind.standing(&server, Family::Any)?;
                let addresses = behind.addresses_from(&server, Family::Any);
                Some(
                    Said {
                        server,
                        standing,
                        addresses,
                    }
                    .words(false),
                )
            })
            .collect();
        if !said.is_empty() {
            remarks.push(format!(
                "behind the stub of systemd-resolved, which sends each name to the servers of the links that it belongs to: {}",
                said.join("; ")
            ));
        }
        remarks
    }

    /// That a server answers over UDP and not over TCP, where both were tried.
    fn without_tcp(&self, server: &Endpoint) -> Option<String> {
        let of = |transport| {
            self.servers.iter().filter(move |answer| {
                answer.address == *server
                    && answer.transport == transport
                    && !answer.checking_disabled
            })
        };
        of(Transport::Udp).find(|answer| answer.is_heard())?;
        let tcp = of(Transport::Tcp).next()?;
        if of(Transport::Tcp)
            .any(|answer| answer.is_heard() || answer.outcome == Outcome::Cancelled)
        {
            return None;
        }
        Some(format!(
            "{} answers over UDP and not over TCP ({}): an answer that is too large for a datagram can't be fetched from it",
            label(server),
            tcp.outcome.phrase()
        ))
    }
}

/// Whether a name never leaves the machine (RFC 6761 section 6.3).
fn local(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// What one server says.
struct Said {
    server: Endpoint,
    standing: Standing,
    addresses: Vec<Address>,
}

/// Where it comes from what an application gets.
enum Taken {
    Hosts,
    /// The server of this number gives the same.
    Server(usize),
    /// None of the servers asked gives it.
    Elsewhere,
    /// No address; by the server of this number, where one answers.
    Nothing(Option<usize>),
}

impl Said {
    /// The server with what it says; of several servers when `many`.
    fn words(&self, many: bool) -> String {
        format!("{} {}", label(&self.server), self.verb(many))
    }

    fn verb(&self, many: bool) -> String {
        let verb = |one: &'static str, more: &'static str| if many { more } else { one }.to_owned();
        match self.standing {
            Standing::Addresses => {
                format!("{} {}", verb("answers", "answer"), some(&self.addresses))
            }
            Standing::Nxdomain => verb(
                "says that there is no such name",
                "say that there is no such name",
            ),
            Standing::NoData => verb("has no address for it", "have no address for it"),
            Standing::AliasLoop => verb(
                "answers with a loop of aliases",
                "answer with a loop of aliases",
            ),
            Standing::Servfail | Standing::Bogus => verb("fails (SERVFAIL)", "fail (SERVFAIL)"),
            Standing::Refused => verb("refuses", "refuse"),
            Standing::Broken | Standing::Partial => {
                verb("gives no usable answer", "give no usable answer")
            }
            Standing::Silent => verb("does not answer", "do not answer"),
            Standing::Unfinished => verb(
                "was not given the time to answer",
                "were not given the time to answer",
            ),
            Standing::Unreachable(_) => verb("is not reached", "are not reached"),
        }
    }
}

/// What the servers say that say something else than what was taken, those that say the same together.
fn others(servers: &[Said], taken: &Taken) -> Vec<String> {
    let (Taken::Server(told) | Taken::Nothing(Some(told))) = taken else {
        return grouped(servers.iter().collect());
    };
    let same = |said: &Said| {
        servers.get(*told).is_some_and(|told| {
            let sorted = |said: &Said| {
                let mut all: Vec<String> = said.addresses.iter().map(ToString::to_string).collect();
                all.sort();
                all
            };
            told.standing == said.standing && sorted(told) == sorted(said)
        })
    };
    grouped(servers.iter().filter(|said| !same(said)).collect())
}

fn grouped(servers: Vec<&Said>) -> Vec<String> {
    let mut groups: Vec<(&Said, Vec<String>)> = Vec::new();
    for said in servers {
        match groups
            .iter_mut()
            .find(|(first, _)| first.verb(false) == said.verb(false))
        {
            Some((_, labels)) => labels.push(label(&said.server)),
            None => groups.push((said, vec![label(&said.server)])),
        }
    }
    groups
        .into_iter()
        .map(|(first, labels)| format!("{} {}", list(&labels), first.verb(labels.len() > 1)))
        .collect()
}

/// A server without the port that all of them have.
fn label(server: &Endpoint) -> String {
    match server.port {
        None | Some(53) => server.address.to_string(),
        Some(_) => server.to_string(),
    }
}

fn some(addresses: &[Address]) -> String {
    let mut words: Vec<String> = addresses
        .iter()
        .take(NAMED)
        .map(|a| escape(&a.to_string()))
        .collect();
    if addresses.len() > NAMED {
        words.push(format!("{} more", addresses.len() - NAMED));
    }
    list(&words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Ms;
    use crate::model::resolution::{ServerAnswer, SourceAnswer};

    const FIRST: &str = "10.0.0.1:53";
    const SECOND: &str = "10.0.0.2:53";

    fn answer(
        server: &str,
        name: &str,
        transport: Transport,
        outcome: Outcome,
        address: &str,
    ) -> ServerAnswer {
        ServerAnswer {
            address: server.parse().unwrap(),
            transport,
            name: name.to_owned(),
            record: "A".to_owned(),
            outcome,
            ms: None,
            answers: if address.is_empty() {
                Vec::new()
            } else {
                vec![format!("A {address}")]
            },
            extended_errors: Vec::new(),
            truncated: false,
            checking_disabled: false,
            observation: None,
        }
    }

    /// What the system gives, and what each server says: an address, or nothing with an outcome.
    fn resolution(system: &str, servers: &[(&str, Outcome, &str)]) -> Resolution {
        let addresses: Vec<Address> = system.parse().into_iter().collect();
        Resolution {
            names: vec!["db.corp.example".to_owned()],
            sources: vec![SourceAnswer {
                source: SourceKind::System,
                outcome: if addresses.is_empty() {
                    Outcome::Nxdomain
                } else {
                    Outcome::Ok
                },
                error: None,
                ms: None,
                addresses: addresses.clone(),
                observation: None,
            }],
            servers: servers
                .iter()
                .map(|(server, outcome, address)| {
                    answer(server, "db.corp.example", Transport::Udp, *outcome, address)
                })
                .collect(),
            addresses,
            complete: true,
            ..Resolution::default()
        }
    }

    fn account(resolution: &Resolution) -> Option<String> {
        resolution.account(None, &Options::default())
    }

    #[test]
    fn what_no_system_said_is_what_an_application_would_get() {
        let mut read = resolution("10.9.9.9", &[]);
        read.sources[0].source = SourceKind::Hosts;
        assert_eq!(
            account(&read).unwrap(),
            "by the hosts file and the name servers, an application would get 10.9.9.9, from the hosts file"
        );
    }

    #[test]
    fn sources_that_say_the_same_need_no_sentence() {
        let same = resolution(
            "10.9.9.9",
            &[
                (FIRST, Outcome::Ok, "10.9.9.9"),
                (SECOND, Outcome::Ok, "10.9.9.9"),
            ],
        );
        assert_eq!(account(&same), None);
        assert_eq!(
            account(&resolution("", &[(FIRST, Outcome::Nxdomain, "")])),
            None
        );
        let open = Resolution {
            complete: false,
            ..resolution("10.9.9.9", &[])
        };
        assert_eq!(account(&open), None);
    }

    #[test]
    fn two_views_of_a_zone_are_one_sentence() {
        let split = resolution(
            "10.9.9.9",
            &[
                (FIRST, Outcome::Ok, "10.9.9.9"),
                (SECOND, Outcome::Ok, "198.51.100.7"),
            ],
        );
        assert_eq!(
            account(&split).unwrap(),
            "an application gets 10.9.9.9, as 10.0.0.1 answers, which is asked first; 10.0.0.2 answers 198.51.100.7"
        );
    }

    #[test]
    fn a_dead_first_server_is_one_sentence_with_its_price() {
        let mut dead = resolution(
            "10.9.9.9",
            &[
                (FIRST, Outcome::Timeout, ""),
                (SECOND, Outcome::Ok, "10.9.9.9"),
            ],
        );
        dead.application_delay_ms = Some(Ms::from_millis(5000));
        assert_eq!(
            account(&dead).unwrap(),
            "an application gets 10.9.9.9, as 10.0.0.2 answers, after 5.00 s of waiting for 10.0.0.1; 10.0.0.1 does not answer"
        );
    }

    #[test]
    fn a_first_server_that_says_no_keeps_the_address_of_the_second_away() {
        let no = resolution(
            "",
            &[
                (FIRST, Outcome::Nxdomain, ""),
                (SECOND, Outcome::Ok, "10.9.9.9"),
            ],
        );
        assert_eq!(
            account(&no).unwrap(),
            "an application gets no address: 10.0.0.1 says that there is no such name; 10.0.0.2 answers 10.9.9.9"
        );
    }

    #[test]
    fn what_no_server_gives_comes_from_elsewhere() {
        let other = resolution("10.9.9.9", &[(FIRST, Outcome::Nxdomain, "")]);
        let said = account(&other).unwrap();
        assert!(
            said.contains("another source")
                && said.ends_with("10.0.0.1 says that there is no such name"),
            "{said}"
        );
    }

    #[test]
    fn a_wildcard_is_remarked_and_a_zone_that_denies_the_random_name_is_not() {
        let mut zone = resolution("8.8.4.4", &[(FIRST, Outcome::Ok, "8.8.4.4")]);
        zone.random_names = vec![answer(
            FIRST,
            "nwcheck-1.corp.example",
            Transport::Udp,
            Outcome::Nxdomain,
            "",
        )];
        assert!(zone.remarks().is_empty());
        zone.random_names = vec![answer(
            FIRST,
            "nwcheck-1.corp.example",
            Transport::Udp,
            Outcome::Ok,
            "8.8.4.4",
        )];
        assert!(zone.remarks()[0].contains("wildcard"));
    }

    #[test]
    fn a_server_without_tcp_is_remarked_only_when_tcp_was_tried() {
        let mut zone = resolution("8.8.4.4", &[(FIRST, Outcome::Ok, "8.8.4.4")]);
        let tcp = |outcome| answer(FIRST, "db.corp.example", Transport::Tcp, outcome, "");
        zone.servers.push(tcp(Outcome::Ok));
        assert!(zone.remarks().is_empty());
        zone.servers.pop();
        zone.servers.push(tcp(Outcome::Cancelled));
        assert!(zone.remarks().is_empty());
        zone.servers.pop();
        zone.servers.push(tcp(Outcome::Timeout));
        assert!(zone.remarks()[0].contains("not over TCP"));
    }
}
