//! The resolver's configuration: resolv.conf(5) and the `hosts` line of nsswitch.conf(5), read as glibc reads them.
//!
//! Pure. What glibc would not understand is passed over, as glibc does (glibc `resolv/res_init.c`).

use crate::model::source::ResolverConfig;
use crate::model::{Address, Endpoint, Ms};

/// The port of name servers.
pub(super) const PORT: u16 = 53;
/// More servers than these are not used (MAXNS in `resolv.h`).
const MOST_SERVERS: usize = 3;
/// More search domains than these are not tried here, to bound the questions; glibc itself has had no limit since 2.26.
const MOST_SEARCH: usize = 6;
/// The largest values of the options (`RES_MAXNDOTS`, `RES_MAXRETRANS`, `RES_MAXRETRY` in `resolv.h`).
const MOST_NDOTS: u8 = 15;
const LONGEST_TIMEOUT: u8 = 30;
const MOST_ATTEMPTS: u8 = 5;
/// More lines of a gai.conf are not read.
const MOST_PRECEDENCES: usize = 64;

/// Reads the text of a resolv.conf. `file` is where it was read from.
pub(super) fn resolv_conf(text: &str, file: &str) -> ResolverConfig {
    let mut config = ResolverConfig {
        file: Some(file.to_owned()),
        ..ResolverConfig::default()
    };
    for line in text.lines() {
        // A comment is a line that begins with one of these: the rest of a line is never one.
        if line.starts_with([';', '#']) {
            continue;
        }
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            // glibc wants the keyword at the start of the line.
            _ if line.starts_with(|c: char| c.is_ascii_whitespace()) => {}
            Some("nameserver") if config.servers.len() < MOST_SERVERS => {
                let server = words.next().and_then(|word| word.parse::<Address>().ok());
                if let Some(server) = server {
                    config.servers.push(Endpoint::new(server, PORT));
                }
            }
            Some("domain") => {
                if let Some(domain) = words.next() {
                    set_search(&mut config, [domain]);
                }
            }
            Some("search") => set_search(&mut config, words),
            Some("options") => options(&mut config, words),
            _ => {}
        }
    }
    config
}

/// Replaces the search list, as a later `search` or `domain` line does, or the environment's `LOCALDOMAIN`.
pub(super) fn set_search<'a>(
    config: &mut ResolverConfig,
    domains: impl IntoIterator<Item = &'a str>,
) {
    config.search = domains.into_iter().take(MOST_SEARCH).map(domain).collect();
}

/// A search domain without its final dot; the root stays `.`.
fn domain(text: &str) -> String {
    match text.strip_suffix('.') {
        None => text.to_ascii_lowercase(),
        Some("") => ".".to_owned(),
        Some(bare) => bare.to_ascii_lowercase(),
    }
}

/// Applies option words, from the file or from the environment's `RES_OPTIONS`.
pub(super) fn options<'a>(config: &mut ResolverConfig, words: impl IntoIterator<Item = &'a str>) {
    for word in words.into_iter().take(32) {
        if let Some(value) = word.strip_prefix("ndots:") {
            config.ndots = number(value).min(MOST_NDOTS);
        } else if let Some(value) = word.strip_prefix("timeout:") {
            let seconds = number(value).min(LONGEST_TIMEOUT);
            config.timeout_ms = Ms::from_millis(u64::from(seconds) * 1000);
        } else if let Some(value) = word.strip_prefix("attempts:") {
            config.attempts = number(value).min(MOST_ATTEMPTS);
        } else if word == "rotate" {
            config.rotate = true;
        }
        config.options.push(crate::model::text::escape(word));
    }
}

/// A number as `atoi` reads it: the digits at its start, or zero; what is too large is the largest.
fn number(text: &str) -> u8 {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .map_or(text, |end| text.split_at(end).0);
    if digits.is_empty() {
        0
    } else {
        digits.parse().unwrap_or(u8::MAX)
    }
}

/// The servers in the text of the file in which systemd-resolved lists those of all links; it has more of them than glibc uses.
pub(super) fn upstream(text: &str, most: usize) -> Vec<Endpoint> {
    let mut servers = Vec::new();
    for line in text.lines() {
        let address = line
            .strip_prefix("nameserver")
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_whitespace()))
            .and_then(|rest| rest.split_ascii_whitespace().next())
            .and_then(|word| word.parse::<Address>().ok());
        let Some(server) = address.map(|address| Endpoint::new(address, PORT)) else {
            continue;
        };
        if servers.len() < most && !servers.contains(&server) {
            servers.push(server);
        }
    }
    servers
}

/// The `precedence` lines of the text of a gai.conf(5): a prefix and a number each. What glibc would not understand is passed over.
pub(super) fn precedences(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let ("precedence", prefix, value) = (words.next()?, words.next()?, words.next()?)
            else {
                return None;
            };
            let line = format!("{prefix} {value}");
            super::order::precedence_of(&line).map(|_| line)
        })
        .take(MOST_PRECEDENCES)
        .collect()
}

/// The words of the `hosts` line of an nsswitch.conf; the last such line holds. None: there is none.
pub(super) fn nsswitch_hosts(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            let line = line.split('#').next().unwrap_or_default().trim_start();
            let rest = line.strip_prefix("hosts")?.trim_start().strip_prefix(':')?;
            Some(
                rest.split_ascii_whitespace()
                    .take(32)
                    .map(crate::model::text::escape)
                    .collect(),
            )
        })
        .next_back()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_usual_file_is_read_as_glibc_reads_it() {
        let config = resolv_conf(
            "# made by hand\r\n; old\r\nnameserver 10.0.0.53\r\nnameserver fe80::1%eth0\nnameserver\t2001:db8::53 # second\n\
             nameserver 10.9.9.9\ndomain example.org\nsearch corp.example. Lab.example\noptions ndots:2 timeout:1 attempts:9 rotate use-vc edns0\n",
            "/etc/resolv.conf",
        );
        let servers: Vec<String> = config.servers.iter().map(ToString::to_string).collect();
        assert_eq!(
            servers,
            ["10.0.0.53:53", "[fe80::1%eth0]:53", "[2001:db8::53]:53"]
        );
        assert_eq!(config.search, ["corp.example", "lab.example"]);
        assert_eq!((config.ndots, config.attempts, config.rotate), (2, 5, true));
        assert_eq!(config.timeout_ms, Ms::from_millis(1000));
        assert_eq!(config.options.len(), 6);
    }

    #[test]
    fn the_last_of_search_and_domain_holds() {
        let config = resolv_conf("search a.example b.example\ndomain c.example\n", "f");
        assert_eq!(config.search, ["c.example"]);
    }

    #[test]
    fn junk_is_passed_over() {
        let config = resolv_conf(
            "nameserver\nnameserver 10.0.0\n nameserver 10.0.0.1\nnameservers 10.0.0.2\noptions ndots:x timeout:999999\n\0\u{feff}\n",
            "f",
        );
        assert!(config.servers.is_empty());
        assert_eq!(config.ndots, 0);
        assert_eq!(config.timeout_ms, Ms::from_millis(30_000));
    }

    #[test]
    fn the_hosts_line_is_found_among_the_others() {
        let text = "passwd: files\nhosts:\tfiles mdns4_minimal [NOTFOUND=return] dns # comment\nhostsx: no\n";
        assert_eq!(
            nsswitch_hosts(text),
            ["files", "mdns4_minimal", "[NOTFOUND=return]", "dns"]
        );
        assert!(nsswitch_hosts("networks: files\n").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read_within_bounds(text in "(?s)((nameserver|search|domain|options|hosts:)[ \t]?.{0,60}\n|.{0,40}\r?\n){0,12}") {
            let config = resolv_conf(&text, "f");
            prop_assert!(config.servers.len() <= MOST_SERVERS);
            prop_assert!(config.search.len() <= MOST_SEARCH);
            prop_assert!(config.ndots <= MOST_NDOTS && config.attempts <= MOST_ATTEMPTS);
            let _ = nsswitch_hosts(&text);
        }

        #[test]
        fn each_address_written_is_read_back(addresses in prop::collection::vec(any::<std::net::IpAddr>(), 0..4)) {
            let lines: Vec<String> = addresses.iter().map(|ip| format!("nameserver {ip}")).collect();
            let text = lines.join("\n");
            let read: Vec<_> = resolv_conf(&text, "f").servers.into_iter().map(|s| s.address).collect();
            let written: Vec<Address> = addresses.into_iter().take(3).map(Address::new).collect();
            prop_assert_eq!(read, written);
        }
    }
}
