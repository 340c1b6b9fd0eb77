//! Finding a routing loop in the answers of one flow.

use std::net::IpAddr;

/// How often the cycle must be seen, the first time included, before it is called a loop.
const ROUNDS: usize = 3;

/// Two or more nodes that repeat in the same order with growing TTL on one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// The TTL at which the first node of the cycle answered first.
    pub first_ttl: u8,
    /// The nodes of one round, in order.
    pub nodes: Vec<IpAddr>,
    /// The TTL at which the repetition was beyond doubt.
    pub last_ttl: u8,
}

/// The first cycle in the routers that answered from `first_ttl` on; `None` in `routers` is a hop that has not
/// answered. One address that repeats by itself is no loop.
pub(super) fn find(first_ttl: u8, routers: &[Option<IpAddr>]) -> Option<Cycle> {
    for end in (ROUNDS * 2)..=routers.len() {
        for period in 2..=end / ROUNDS {
            let window = routers.get(end - period * ROUNDS..end)?;
            if !repeats(window, period) {
                continue;
            }
            let start = end - period * ROUNDS;
            let nodes: Vec<IpAddr> = window.iter().take(period).copied().flatten().collect();
            return Some(Cycle {
                first_ttl: ttl_at(first_ttl, start),
                nodes,
                last_ttl: ttl_at(first_ttl, end - 1),
            });
        }
    }
    None
}

fn repeats(window: &[Option<IpAddr>], period: usize) -> bool {
    let first = window.first().copied().flatten();
    window.iter().all(Option::is_some)
        && window
            .iter()
            .zip(window.iter().skip(period))
            .all(|(a, b)| a == b)
        && window.iter().take(period).any(|node| *node != first)
}

fn ttl_at(first_ttl: u8, index: usize) -> u8 {
    first_ttl.saturating_add(u8::try_from(index).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<Option<IpAddr>> {
        text.bytes()
            .map(|byte| (byte != b'*').then(|| IpAddr::from([10, 0, 0, byte])))
            .collect()
    }

    #[test]
    fn two_routers_that_pass_it_to_each_other_three_times_are_a_loop() {
        let cycle = find(1, &path("abcdcdcd")).unwrap();
        assert_eq!(
            (cycle.first_ttl, cycle.nodes.len(), cycle.last_ttl),
            (3, 2, 8)
        );
    }

    #[test]
    fn two_rounds_are_not_enough() {
        assert_eq!(find(1, &path("abcdcd")), None);
    }

    #[test]
    fn one_address_that_repeats_is_no_loop() {
        assert_eq!(find(1, &path("aaaaaaaaaaaa")), None);
    }

    #[test]
    fn a_silent_hop_breaks_the_proof() {
        assert_eq!(find(1, &path("abab*babab")), None);
    }
}
