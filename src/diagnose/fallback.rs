//! What a client loses to addresses that fail, before it reaches one that works: computed from how each of them failed.
//!
//! Pure. Two kinds of client are told apart. One tries the next address while the first is still trying, 250 ms later or as soon as the
//! first has failed (RFC 8305 section 5), the families in turn (section 4), so that one delay is all that a dead family costs. The other
//! tries one address after the other, in the order of `getaddrinfo`, and waits for the failure of each: as long as was measured where an
//! answer said no, until its kernel gives up where nothing came back.

use crate::model::evidence::Evidence;
use crate::model::finding::Fact;
use crate::model::{Address, Endpoint, Ms, Operation, Outcome};

/// The recommended Connection Attempt Delay (RFC 8305 section 5).
const ATTEMPT_DELAY: Ms = Ms::from_millis(250);
/// How long Linux tries to connect by its defaults: `tcp_syn_retries` is 6, SYNs go out after 0, 1, 3, 7, 15, 31 and 63 s, and the last one
/// is waited for 64 s (Documentation/networking/ip-sysctl.rst).
const CONNECT_TIMEOUT_SECONDS: u64 = 127;

/// How an address fails, for who connects to it.
enum Failure {
    /// Nothing comes back.
    Silent,
    /// An answer says no, after so long.
    Told(Ms),
}

/// What clients lose to the first family of a name, where none of its addresses works and those of the other family do: a sentence or
/// two for the explanation, and what they rest on. None where that was not measured with connections, or nothing can be said.
pub(super) fn cost(evidence: &Evidence, failing: &[&Endpoint]) -> Option<(String, Fact)> {
    if evidence.probe() != Operation::Connect {
        return None;
    }
    let order = &evidence.resolution.as_ref()?.addresses;
    let is_failing = |address: &Address| failing.iter().find(|failing| failing.address == *address);
    let before: Vec<&&Endpoint> = order.iter().map_while(is_failing).collect();
    let (Some(first), false) = (before.first(), before.len() == order.len()) else {
        let text = "This machine's order of addresses (RFC 6724, /etc/gai.conf) begins with one that works, so that its applications \
                    lose nothing to it as long as that one answers; machines with another order do.";
        let facts = Fact {
            text: format!(
                "The order of the addresses, as an application tries them: {}.",
                crate::model::text::list(order)
            ),
            observations: Vec::new(),
        };
        return (!order.is_empty() && before.is_empty()).then(|| (text.to_owned(), facts));
    };
    let fails: Vec<Failure> = before
        .iter()
        .map(|endpoint| failure(evidence, endpoint))
        .collect::<Option<_>>()?;
    let quick = match *fails.first()? {
        Failure::Told(took) => took.min(ATTEMPT_DELAY),
        Failure::Silent => ATTEMPT_DELAY,
    };
    let silent = fails
        .iter()
        .filter(|f| matches!(f, Failure::Silent))
        .count();
    let told = fails
        .iter()
        .filter_map(|failure| match failure {
            Failure::Told(took) => Some(took.micros()),
            Failure::Silent => None,
        })
        .sum();
    let told = Ms::from_micros(told);
    let one_by_one = match (silent, u64::try_from(silent)) {
        (0, _) => format!("waits {told} for the failure, as measured here"),
        (_, Ok(count)) => format!(
            "waits for its own time-out, or for the kernel's, which is {} s by Linux's defaults{}",
            CONNECT_TIMEOUT_SECONDS.saturating_mul(count),
            if silent == 1 {
                String::new()
            } else {
                format!(" ({CONNECT_TIMEOUT_SECONDS} s for each of {silent} addresses)")
            }
        ),
        (_, Err(_)) => return None,
    };
    let text = format!(
        "At each new connection, a client that tries the next address 250 ms later or at the first failure (happy eyeballs, RFC 8305) \
         loses {quick} to it; one that tries one address after the other {one_by_one}."
    );
    let how = match fails.first()? {
        Failure::Silent => "nothing came back".to_owned(),
        Failure::Told(took) => format!("it failed after {took}"),
    };
    let fact = Fact {
        text: format!("{first} is tried first by this machine's order of addresses, and {how}."),
        observations: evidence.burst(first).map(|o| o.id).collect(),
    };
    Some((text, fact))
}

/// How most probes of an address failed; the median of their times where an answer said so.
fn failure(evidence: &Evidence, endpoint: &Endpoint) -> Option<Failure> {
    let failed = || {
        evidence
            .burst(endpoint)
            .filter(|o| o.outcome != Outcome::Ok && o.outcome != Outcome::Cancelled)
    };
    let silent = failed().filter(|o| o.outcome == Outcome::Timeout).count();
    let mut times: Vec<Ms> = failed()
        .filter(|o| o.outcome != Outcome::Timeout)
        .filter_map(|o| o.elapsed_ms.or(o.rtt_ms))
        .collect();
    if silent > 0 && silent >= times.len() {
        return Some(Failure::Silent);
    }
    times.sort_unstable();
    times.get(times.len() / 2).copied().map(Failure::Told)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::resolution::Resolution;
    use crate::model::target::{Kind, Protocol, Target};
    use crate::model::{Observation, Options};

    const SIX: &str = "[2001:db8::7]:443";
    const OTHER_SIX: &str = "[2001:db8::8]:443";
    const FOUR: &str = "192.0.2.7:443";

    /// What is said where these addresses are tried in this order, and each probe of those of IPv6 ended so.
    fn said(order: &[&str], outcome: Outcome, millis: u64) -> Option<String> {
        let target = Target {
            input: "db.example:443".to_owned(),
            kind: Kind::Fqdn,
            protocol: Protocol::Tcp,
            host: "db.example".to_owned(),
            port: Some(443),
            uri: None,
        };
        let endpoints: Vec<Endpoint> = order.iter().map(|text| text.parse().unwrap()).collect();
        let mut evidence = Evidence::new(
            Timestamp::UNIX_EPOCH,
            Options::default(),
            target,
            crate::model::source::Source::default(),
        );
        evidence.resolution = Some(Resolution {
            addresses: endpoints.iter().map(|e| e.address.clone()).collect(),
            complete: true,
            ..Resolution::default()
        });
        let failing: Vec<&Endpoint> = endpoints.iter().filter(|e| e.address.is_ipv6()).collect();
        for endpoint in &failing {
            for _ in 0..3 {
                let mut seen = Observation::new(Operation::Connect, Ms::ZERO, outcome);
                seen.endpoint = Some((*endpoint).clone());
                seen.elapsed_ms = Some(Ms::from_millis(millis));
                evidence.record(seen);
            }
        }
        cost(&evidence, &failing).map(|(text, _)| text)
    }

    #[test]
    fn silence_costs_a_quarter_of_a_second_or_the_kernels_time_out() {
        let text = said(&[SIX, FOUR], Outcome::Timeout, 3500).unwrap();
        assert!(
            text.contains("loses 250 ms") && text.contains("127 s"),
            "{text}"
        );
        let two = said(&[SIX, OTHER_SIX, FOUR], Outcome::Timeout, 3500).unwrap();
        assert!(
            two.contains("loses 250 ms") && two.contains("254 s"),
            "{two}"
        );
    }

    #[test]
    fn a_refusal_costs_its_own_time_and_to_both_kinds_of_client() {
        let text = said(&[SIX, FOUR], Outcome::Refused, 12).unwrap();
        assert!(
            text.contains("loses 12") && text.contains("waits 12"),
            "{text}"
        );
        assert!(!text.contains("127 s"));
        // A router that can't find the host says so after three seconds: happy eyeballs has long gone on.
        let text = said(&[SIX, FOUR], Outcome::HostUnreachable, 3060).unwrap();
        assert!(
            text.contains("loses 250 ms") && text.contains("waits 3.06 s"),
            "{text}"
        );
    }

    #[test]
    fn what_is_tried_after_an_address_that_works_costs_nothing() {
        let text = said(&[FOUR, SIX], Outcome::Timeout, 3500).unwrap();
        assert!(text.contains("lose nothing"), "{text}");
    }

    #[test]
    fn where_nothing_was_measured_nothing_is_computed() {
        assert_eq!(said(&[SIX, FOUR], Outcome::Cancelled, 1), None);
    }
}
