//! What systemd-resolved knows of each link, by its own program.
//!
//! `resolvectl dns`, `resolvectl domain` and `resolvectl default-route` (resolvectl(1)) each write a line for the machine and for each
//! link: `Global: …`, `Link 3 (wg0): …`, which goes on with white space at the start of the next where it is long
//! (`resolvectl.c`, `status_print_strv_ifindex`). No privilege is needed. Untrusted: bounded, and what can't be read is passed over.

use std::time::{Duration, Instant};

use super::config::PORT;
use crate::model::split::{LinkDomain, ResolverLink};
use crate::model::{Address, Endpoint};
use crate::net::command;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// At most so many links are kept, and so many words of each.
const MOST: usize = 64;

/// The links as the program has them now.
///
/// # Errors
/// Why they can't be told, in words.
pub(super) async fn read() -> Result<Vec<ResolverLink>, String> {
    let until = Instant::now() + PATIENCE;
    let ask = async |what: &'static str| {
        let output = command::run("resolvectl", &["--no-pager", what], until).await;
        let output = output.map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.text).into_owned())
        } else {
            Err(format!("resolvectl {what} ended with {}", output.ending()))
        }
    };
    let (servers, domains, defaults) =
        tokio::join!(ask("dns"), ask("domain"), ask("default-route"));
    // Versions before 240 know of no default route.
    Ok(links(&servers?, &domains?, &defaults.unwrap_or_default()))
}

/// The links in what the three commands write.
pub(super) fn links(servers: &str, domains: &str, defaults: &str) -> Vec<ResolverLink> {
    let mut links: Vec<ResolverLink> = Vec::new();
    for (interface, words) in lines(servers) {
        let servers = words.iter().filter_map(|word| server(word));
        let servers: Vec<Endpoint> = servers.collect();
        if links.len() < MOST && links.iter().all(|link| link.interface != interface) {
            links.push(ResolverLink {
                interface,
                servers,
                domains: Vec::new(),
                default_route: None,
            });
        }
    }
    let mut set = |text: &str, with: fn(&mut ResolverLink, &[String])| {
        for (interface, words) in lines(text) {
            let mut known = links.iter_mut();
            if let Some(link) = known.find(|link| link.interface == interface) {
                with(link, &words);
            }
        }
    };
    set(domains, |link, words| {
        link.domains = words.iter().map(|word| domain(word)).collect();
    });
    set(defaults, |link, words| {
        link.default_route = match words.first().map(String::as_str) {
            Some("yes") => Some(true),
            Some("no") => Some(false),
            _ => None,
        };
    });
    // What has neither is no part of the matter.
    links.retain(|link| !link.servers.is_empty() || !link.domains.is_empty());
    links
}

/// Each line with its link, those that go on drawn together.
fn lines(text: &str) -> Vec<(Option<String>, Vec<String>)> {
    let mut lines: Vec<(Option<String>, Vec<String>)> = Vec::new();
    for line in text.lines() {
        let goes_on = line.starts_with(|c: char| c.is_ascii_whitespace());
        let words = if goes_on {
            line
        } else if let Some(words) = line.strip_prefix("Global:") {
            lines.push((None, Vec::new()));
            words
        } else if let Some((interface, words)) = line
            .strip_prefix("Link ")
            .and_then(|rest| rest.split_once(" ("))
            .and_then(|(_, rest)| rest.split_once("):"))
        {
            lines.push((Some(interface.to_owned()), Vec::new()));
            words
        } else {
            continue;
        };
        if let Some((_, all)) = lines.last_mut() {
            let room = MOST.saturating_sub(all.len());
            all.extend(words.split_whitespace().take(room).map(str::to_owned));
        }
    }
    lines
}

/// `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:5353`, `fe80::1%2`, each perhaps with `%interface` and `#name`.
fn server(word: &str) -> Option<Endpoint> {
    let place = word.split('#').next()?;
    if let Ok(address) = place.parse::<Address>() {
        return Some(Endpoint::new(address, PORT));
    }
    // An interface stands behind the port, too, and behind an IPv4 address: `192.0.2.53:5353%eth0`.
    let place = place.split('%').next()?;
    if let Ok(address) = place.parse::<Address>() {
        return Some(Endpoint::new(address, PORT));
    }
    let endpoint: Endpoint = place.parse().ok()?;
    endpoint.port.is_some().then_some(endpoint)
}

fn domain(word: &str) -> LinkDomain {
    let bare = word.strip_prefix('~').unwrap_or(word);
    let name = bare.trim_end_matches('.');
    LinkDomain {
        name: if name.is_empty() { "." } else { name }.to_owned(),
        route_only: bare.len() < word.len(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DNS: &str = "Global: 192.0.2.53#dns.example\nLink 2 (eth0): 192.168.1.1 fe80::1%2\nLink 3 (wg0): 10.8.0.1 10.8.0.2:5353\n              [fd00::53]:5353\nLink 4 (docker0):\n";
    const DOMAINS: &str = "Global:\nLink 2 (eth0): lan\nLink 3 (wg0): ~corp.example corp.example.\n              ~8.10.in-addr.arpa\nLink 4 (docker0): ~.\n";
    const DEFAULTS: &str = "Link 2 (eth0): yes\nLink 3 (wg0): no\nLink 4 (docker0): no\n";

    #[test]
    fn each_link_has_what_the_program_says_of_it() {
        let links = links(DNS, DOMAINS, DEFAULTS);
        let told: Vec<_> = links
            .iter()
            .map(|link| {
                let servers: Vec<String> = link.servers.iter().map(ToString::to_string).collect();
                let domains: Vec<String> = link
                    .domains
                    .iter()
                    .map(|d| format!("{}{}", if d.route_only { "~" } else { "" }, d.name))
                    .collect();
                (
                    link.interface.as_deref(),
                    servers.join(" "),
                    domains.join(" "),
                    link.default_route,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (None, "192.0.2.53:53".to_owned(), String::new(), None),
                (
                    Some("eth0"),
                    "192.168.1.1:53 [fe80::1%2]:53".to_owned(),
                    "lan".to_owned(),
                    Some(true)
                ),
                (
                    Some("wg0"),
                    "10.8.0.1:53 10.8.0.2:5353 [fd00::53]:5353".to_owned(),
                    "~corp.example corp.example ~8.10.in-addr.arpa".to_owned(),
                    Some(false)
                ),
                (Some("docker0"), String::new(), "~.".to_owned(), Some(false)),
            ]
        );
    }

    #[test]
    fn without_a_default_route_nothing_is_known_of_it() {
        let links = links(DNS, DOMAINS, "");
        assert!(links.iter().all(|link| link.default_route.is_none()));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_or_grow(a in ".{0,300}", b in "(Link 1 \\(x\\):|Global:|  )( [a-z0-9.:%#~\\[\\]]{0,20}){0,100}", c in ".{0,100}") {
            let all = links(&b, &b, &c);
            prop_assert!(all.iter().all(|link| link.servers.len() <= MOST && link.domains.len() <= MOST));
            links(&a, &b, &c);
        }
    }
}
