//! Split DNS: of which link's name servers systemd-resolved asks a name.
//!
//! Pure. The rule is that of systemd-resolved.service(8), "Protocols and Routing", and of `resolved-dns-scope.c` (`dns_scope_good_domain`,
//! `dns_scope_is_default_route`): the links (and the machine's own settings) of which a domain, for search or for routing, is the longest
//! that the name ends in are asked, all of them; where no domain fits, those that are a default route. `~.` fits every name, and any other
//! domain better. Only those with name servers count.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Endpoint;
use super::resolution::Resolution;
use super::text::{escape, list};

/// A domain that a link has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkDomain {
    /// The domain, without a final dot; `.` for all names.
    pub name: String,
    /// It only says which names belong to the link (`~`), and is not appended to single words.
    pub route_only: bool,
}

/// What systemd-resolved knows of a link, or of the machine as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolverLink {
    /// The link; null for what is set for the machine as a whole.
    pub interface: Option<String>,
    /// Its name servers.
    pub servers: Vec<Endpoint>,
    /// Its domains.
    pub domains: Vec<LinkDomain>,
    /// Whether names that fit no domain are asked of it; null where that was not told.
    pub default_route: Option<bool>,
}

/// Who is asked for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed<'a> {
    /// These, all of them.
    pub links: Vec<&'a ResolverLink>,
    /// The domain that decides; none where no domain fits, and the default routes are asked.
    pub domain: Option<&'a LinkDomain>,
}

/// Who is asked for a name of several labels.
pub fn route<'a>(links: &'a [ResolverLink], name: &str) -> Routed<'a> {
    let able = || links.iter().filter(|link| !link.servers.is_empty());
    let fits = |link: &'a ResolverLink| {
        let domains = link.domains.iter();
        let fitting =
            domains.filter_map(|domain| Some((labels_if_in(name, &domain.name)?, domain)));
        fitting.max_by_key(|(labels, _)| *labels)
    };
    let best = able().filter_map(fits).max_by_key(|(labels, _)| *labels);
    match best {
        Some((most, domain)) => Routed {
            links: able()
                .filter(|link| fits(link).is_some_and(|(labels, _)| labels == most))
                .collect(),
            domain: Some(domain),
        },
        None => Routed {
            links: able().filter(|link| link.is_default_route()).collect(),
            domain: None,
        },
    }
}

/// How many labels a domain has that a name ends in, or is.
fn labels_if_in(name: &str, domain: &str) -> Option<usize> {
    let labels = |text: &str| -> Vec<String> {
        let labels = text.split('.').filter(|label| !label.is_empty());
        labels.map(str::to_ascii_lowercase).collect()
    };
    let domain = labels(domain);
    labels(name).ends_with(&domain).then_some(domain.len())
}

impl ResolverLink {
    /// As it was told; else by the rule: what is set for the whole machine is one, and a link is none that has domains for routing alone,
    /// unless all names are among them.
    fn is_default_route(&self) -> bool {
        let told = self.default_route.filter(|_| self.interface.is_some());
        told.unwrap_or_else(|| {
            self.interface.is_none()
                || self.domains.iter().any(|domain| domain.name == ".")
                || !self.domains.iter().any(|domain| domain.route_only)
        })
    }

    /// `wg0's servers (10.8.0.1)`.
    fn words(&self) -> String {
        let servers: Vec<String> = self
            .servers
            .iter()
            .map(|server| match server.port {
                Some(53) | None => server.address.to_string(),
                Some(_) => server.to_string(),
            })
            .collect();
        let whose = match &self.interface {
            Some(interface) => format!("{}'s servers", escape(interface)),
            None => "the servers set for all links".to_owned(),
        };
        format!("{whose} ({})", list(&servers))
    }
}

impl Resolution {
    /// One sentence: of whose servers systemd-resolved asks the name, and why. None where its links are not known, or the name is a single
    /// label that no search list completes.
    pub fn split(&self, links: &[ResolverLink]) -> Option<String> {
        if links.is_empty() {
            return None;
        }
        let has_addresses = |name: &&String| {
            let mut answers = self.servers.iter();
            answers.any(|answer| answer.name == **name && answer.addresses().next().is_some())
        };
        let mut names = self.names.iter().filter(|name| name.contains('.'));
        let name = names.clone().find(has_addresses).or_else(|| names.next())?;
        let routed = route(links, name);
        let of = |links: &[&ResolverLink]| {
            let words: Vec<String> = links.iter().map(|link| link.words()).collect();
            list(&words)
        };
        let name = escape(name);
        let why = match routed.domain {
            Some(domain) => {
                let mark = if domain.route_only { "~" } else { "" };
                format!("since the domain {mark}{} fits best", escape(&domain.name))
            }
            None => "since no link's domain fits, and they are the default".to_owned(),
        };
        if routed.links.is_empty() {
            return Some(format!(
                "systemd-resolved asks nobody for {name}: no link's domain fits, and no link with servers is the default for other names"
            ));
        }
        let others: Vec<&ResolverLink> = links
            .iter()
            .filter(|link| !link.servers.is_empty() && !routed.links.contains(link))
            .collect();
        let not = if others.is_empty() {
            String::new()
        } else {
            format!("; {} are not asked for it", of(&others))
        };
        Some(format!(
            "systemd-resolved asks {} for {name}, {why}{not}",
            of(&routed.links)
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn link(
        interface: &str,
        server: &str,
        domains: &[&str],
        default: Option<bool>,
    ) -> ResolverLink {
        let domains = domains.iter().map(|text| LinkDomain {
            name: text.trim_start_matches('~').to_owned(),
            route_only: text.starts_with('~'),
        });
        ResolverLink {
            interface: (!interface.is_empty()).then(|| interface.to_owned()),
            servers: server
                .split_whitespace()
                .map(|server| Endpoint::new(server.parse::<super::super::Address>().unwrap(), 53))
                .collect(),
            domains: domains.collect(),
            default_route: default,
        }
    }

    fn asked(links: &[ResolverLink], name: &str) -> Vec<String> {
        let routed = route(links, name);
        let names = routed.links.iter();
        names
            .map(|link| link.interface.clone().unwrap_or_default())
            .collect()
    }

    /// The example of systemd.io/RESOLVED-VPNS: a company's network beside one's own.
    fn office() -> Vec<ResolverLink> {
        vec![
            link("eth0", "192.168.1.1", &["lan"], None),
            link("wg0", "10.8.0.1", &["~corp.example"], None),
            link("docker0", "", &["~."], None),
        ]
    }

    #[test]
    fn the_longest_domain_decides_and_else_the_default_routes() {
        let links = office();
        assert_eq!(asked(&links, "db.corp.example"), ["wg0"]);
        assert_eq!(asked(&links, "CORP.example."), ["wg0"]);
        assert_eq!(asked(&links, "xcorp.example"), ["eth0"]);
        assert_eq!(asked(&links, "web.lan"), ["eth0"]);
        assert_eq!(asked(&links, "www.example"), ["eth0"]);
        let mut longer = links;
        longer.push(link("tun0", "10.9.0.1", &["~db.corp.example"], None));
        assert_eq!(asked(&longer, "db.corp.example"), ["tun0"]);
        assert_eq!(asked(&longer, "web.corp.example"), ["wg0"]);
    }

    #[test]
    fn the_root_takes_all_that_nothing_else_fits() {
        let links = [
            link("eth0", "192.168.1.1", &["lan"], None),
            link("wg0", "10.8.0.1", &["~."], None),
            link("", "192.0.2.53", &[], None),
        ];
        assert_eq!(asked(&links, "www.example"), ["wg0"]);
        assert_eq!(asked(&links, "web.lan"), ["eth0"]);
        // Equally good ones are asked all.
        let twice = [
            link("a", "192.0.2.1", &["corp.example"], None),
            link("b", "192.0.2.2", &["~corp.example"], None),
        ];
        assert_eq!(asked(&twice, "db.corp.example"), ["a", "b"]);
    }

    #[test]
    fn what_is_set_for_the_machine_is_a_default_and_a_link_may_be_told_not_to_be() {
        let links = [
            link("eth0", "192.168.1.1", &[], Some(false)),
            link("", "192.0.2.53", &["~corp.example"], None),
        ];
        assert_eq!(asked(&links, "www.example"), [""]);
        assert!(asked(&links[..1], "www.example").is_empty());
    }

    #[test]
    fn it_is_told_in_a_sentence() {
        let resolution = |name: &str| Resolution {
            names: vec![name.to_owned()],
            ..Resolution::default()
        };
        assert_eq!(
            resolution("db.corp.example").split(&office()).unwrap(),
            "systemd-resolved asks wg0's servers (10.8.0.1) for db.corp.example, since the domain ~corp.example fits best; eth0's servers \
             (192.168.1.1) are not asked for it"
        );
        assert!(
            resolution("www.example")
                .split(&office())
                .unwrap()
                .contains("since no link's domain fits, and they are the default")
        );
        assert!(
            resolution("www.example")
                .split(&office()[1..])
                .unwrap()
                .contains("asks nobody")
        );
        assert_eq!(resolution("www.example").split(&[]), None);
        assert_eq!(resolution("www").split(&office()), None);
    }

    fn any_links() -> impl Strategy<Value = Vec<ResolverLink>> {
        let domain = ("(a|b|c)(\\.(a|b|c)){0,2}|\\.", any::<bool>())
            .prop_map(|(name, route_only)| LinkDomain { name, route_only });
        let one = (
            proptest::option::of("[a-c]"),
            any::<bool>(),
            prop::collection::vec(domain, 0..4),
            proptest::option::of(any::<bool>()),
        );
        let one = one.prop_map(|(interface, server, domains, default_route)| ResolverLink {
            interface,
            servers: server
                .then(|| Endpoint::new("192.0.2.1".parse::<super::super::Address>().unwrap(), 53))
                .into_iter()
                .collect(),
            domains,
            default_route,
        });
        prop::collection::vec(one, 0..5)
    }

    proptest! {
        #[test]
        fn no_link_that_is_not_asked_fits_better(links in any_links(), name in "(a|b|c|d)(\\.(a|b|c|d)){1,3}") {
            let routed = route(&links, &name);
            let depth = |link: &ResolverLink| {
                link.domains.iter().filter_map(|d| labels_if_in(&name, &d.name)).max()
            };
            let able: Vec<&ResolverLink> = links.iter().filter(|link| !link.servers.is_empty()).collect();
            let best = able.iter().filter_map(|link| depth(link)).max();
            prop_assert!(routed.links.iter().all(|link| !link.servers.is_empty()));
            match best {
                Some(best) => {
                    let fitting = able.iter().filter(|link| depth(link) == Some(best)).count();
                    prop_assert_eq!(routed.links.len(), fitting);
                    prop_assert!(routed.links.iter().all(|link| depth(link) == Some(best)));
                    prop_assert!(routed.domain.is_some());
                }
                None => prop_assert!(routed.domain.is_none() && routed.links.iter().all(|link| link.is_default_route())),
            }
        }

        #[test]
        fn a_domain_is_in_itself_and_in_no_other_of_another_end(a in "[a-z]{1,5}(\\.[a-z]{1,5}){0,3}", b in "[a-z]{1,5}") {
            let labels = a.split('.').count();
            let below = format!("{b}.{a}");
            prop_assert_eq!(labels_if_in(&a, &a), Some(labels));
            prop_assert_eq!(labels_if_in(&below, &a), Some(labels));
            prop_assert_eq!(labels_if_in(&below, "."), Some(0));
            let other = format!("{a}.zzzzzz");
            prop_assert_eq!(labels_if_in(&other, &a), None);
        }
    }
}
