//! What an application waits for a name because of servers that do not answer, computed from what each did.
//!
//! Pure. Source: glibc `resolv/res_send.c` (`__res_context_send`, `send_dg`). In each of `attempts` rounds the servers are asked in their
//! order; server number i of n (from 0) is waited for `timeout << i` seconds, divided by n where i > 0, at least one second. SERVFAIL,
//! REFUSED and an ICMP error make it go on at once, silence after that time. A and AAAA are asked for at the same time; when only one of
//! them is answered, they are asked for again one after the other, then from another source port, and the time-out passes three times in all
//! (measured with glibc 2.36, whatever `attempts` is); `single-request` begins with the second of these and `single-request-reopen` with
//! the third. With `no-aaaa` (glibc 2.36) nobody asks for AAAA. A name that ends without any
//! answer ends the search list, but the name as it was typed is tried before or after it (`__res_context_search` in `resolv/res_query.c`).

use crate::model::options::Family;
use crate::model::resolution::{Resolution, Transport};
use crate::model::source::ResolverConfig;
use crate::model::standing::Standing;
use crate::model::{Endpoint, Ms, Outcome};

/// How long an application waits; none where no server keeps it waiting.
pub(super) fn application(
    resolution: &Resolution,
    servers: &[Endpoint],
    config: &ResolverConfig,
    family: Family,
) -> Option<Ms> {
    let mut total = 0;
    let mut dead_names = 0;
    for name in &resolution.names {
        let (micros, answered) = of_name(resolution, servers, config, family, name);
        total += micros;
        match answered {
            Some(Standing::Addresses) => break,
            Some(_) => {}
            None => {
                dead_names += 1;
                if dead_names == 2 {
                    break;
                }
            }
        }
    }
    (total > 0).then(|| Ms::from_micros(total))
}

/// The time that silent servers cost for one name, and what ended it.
fn of_name(
    resolution: &Resolution,
    servers: &[Endpoint],
    config: &ResolverConfig,
    family: Family,
    name: &str,
) -> (u64, Option<Standing>) {
    let mut micros = 0;
    for _ in 0..config.attempts.max(1) {
        for (index, server) in servers.iter().enumerate() {
            let wait = patience(config, index, servers.len());
            let standing = resolution
                .standing_of_name(server, name, family)
                // Not asked for this name: it was silent for an earlier one.
                .or_else(|| resolution.standing(server, family));
            match standing {
                Some(Standing::Silent) => micros += wait,
                Some(standing) if standing.is_answer() || standing == Standing::Partial => {
                    if half_silent(resolution, server, name) {
                        return (micros + rounds(config) * wait, Some(standing));
                    }
                    if standing.is_answer() {
                        return (micros, Some(standing));
                    }
                }
                _ => {}
            }
        }
    }
    let heard = servers.iter().any(|server| {
        resolution
            .standing_of_name(server, name, family)
            .is_some_and(|standing| standing == Standing::Servfail || standing == Standing::Bogus)
    });
    (micros, heard.then_some(Standing::Servfail))
}

/// How long server number `index` of `count` is waited for, in microseconds.
fn patience(config: &ResolverConfig, index: usize, count: usize) -> u64 {
    let seconds = config.timeout_ms.micros() / 1_000_000;
    let shift = u32::try_from(index).unwrap_or(u32::MAX).min(16);
    let mut wait = seconds << shift;
    if index > 0 {
        wait /= u64::try_from(count).unwrap_or(1).max(1);
    }
    wait.max(1) * 1_000_000
}

/// How often the time-out passes when one of two types stays unanswered.
fn rounds(config: &ResolverConfig) -> u64 {
    let has = |word: &str| config.options.iter().any(|option| option == word);
    if has("no-aaaa") {
        0
    } else if has("single-request-reopen") {
        1
    } else if has("single-request") {
        2
    } else {
        3
    }
}

/// Whether one record type of a name is answered by the server and another one never.
fn half_silent(resolution: &Resolution, server: &Endpoint, name: &str) -> bool {
    let mut of_name = resolution.servers.iter().filter(|answer| {
        answer.address == *server
            && answer.name == name
            && answer.transport == Transport::Udp
            && !answer.checking_disabled
    });
    let silent = of_name
        .clone()
        .any(|answer| answer.outcome == Outcome::Timeout);
    silent && of_name.any(|answer| answer.outcome != Outcome::Timeout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resolution::ServerAnswer;

    /// Three servers of which each says the same of every name, and a configuration.
    fn waited(names: &[&str], said: &[Outcome], seconds: u64, attempts: u8) -> Option<Ms> {
        let servers: Vec<Endpoint> = (1..=said.len())
            .map(|last| format!("10.0.0.{last}:53").parse().unwrap())
            .collect();
        let mut resolution = Resolution {
            names: names.iter().map(ToString::to_string).collect(),
            ..Resolution::default()
        };
        for (server, outcome) in servers.iter().zip(said) {
            for name in &resolution.names {
                for record in ["A", "AAAA"] {
                    resolution.servers.push(ServerAnswer {
                        address: server.clone(),
                        transport: Transport::Udp,
                        name: name.clone(),
                        record: record.to_owned(),
                        outcome: *outcome,
                        ms: None,
                        answers: Vec::new(),
                        extended_errors: Vec::new(),
                        truncated: false,
                        checking_disabled: false,
                        observation: None,
                    });
                }
                if *outcome == Outcome::Timeout {
                    // What is silent is not asked for further names.
                    break;
                }
            }
        }
        let config = ResolverConfig {
            timeout_ms: Ms::from_millis(seconds * 1000),
            attempts,
            ..ResolverConfig::default()
        };
        application(&resolution, &servers, &config, Family::Any)
    }

    const fn seconds(seconds: u64) -> Ms {
        Ms::from_millis(seconds * 1000)
    }

    #[test]
    fn what_was_measured_with_glibc_is_what_is_computed() {
        use Outcome::{Nxdomain, Ok, Timeout};
        // Each of these was timed with getaddrinfo of glibc 2.36 against servers that did so.
        assert_eq!(waited(&["a"], &[Timeout, Ok], 5, 2), Some(seconds(5)));
        assert_eq!(
            waited(&["a"], &[Timeout, Timeout, Timeout], 3, 1),
            Some(seconds(9))
        );
        assert_eq!(
            waited(&["a", "a.b", "a.c"], &[Timeout], 1, 2),
            Some(seconds(4))
        );
        assert_eq!(waited(&["a"], &[Timeout, Nxdomain], 5, 2), Some(seconds(5)));
    }

    #[test]
    fn a_server_that_fails_or_is_behind_one_that_answers_costs_nothing() {
        use Outcome::{DnsRefused, Ok, PortUnreachable, Servfail, Timeout};
        for first in [Ok, DnsRefused, PortUnreachable, Servfail] {
            assert_eq!(waited(&["a"], &[first, Ok], 5, 2), None);
        }
        assert_eq!(waited(&["a"], &[Ok, Timeout], 5, 2), None);
    }

    #[test]
    fn an_option_that_asks_one_after_the_other_shortens_what_a_dropped_type_costs() {
        let server: Endpoint = "10.0.0.1:53".parse().unwrap();
        let answer = |record: &str, outcome| ServerAnswer {
            address: server.clone(),
            transport: Transport::Udp,
            name: "a".to_owned(),
            record: record.to_owned(),
            outcome,
            ms: None,
            answers: vec!["A 192.0.2.7".to_owned()],
            extended_errors: Vec::new(),
            truncated: false,
            checking_disabled: false,
            observation: None,
        };
        let resolution = Resolution {
            names: vec!["a".to_owned()],
            servers: vec![answer("A", Outcome::Ok), answer("AAAA", Outcome::Timeout)],
            ..Resolution::default()
        };
        // The second was timed with getaddrinfo of glibc 2.36: 2.01 s.
        for (options, waited) in [
            ("", Some(seconds(3))),
            ("single-request", Some(seconds(2))),
            ("single-request-reopen", Some(seconds(1))),
            ("no-aaaa", None),
        ] {
            let config = ResolverConfig {
                timeout_ms: seconds(1),
                options: vec![options.to_owned()],
                ..ResolverConfig::default()
            };
            let servers = std::slice::from_ref(&server);
            let got = application(&resolution, servers, &config, Family::Any);
            assert_eq!(got, waited, "{options}");
        }
    }
}
