//! How many flows must pass a node before it is believed that it has no further next hop.
//!
//! From Veitch, Augustin, Teixeira, Friedman 2009, section III: having seen `k` next hops, the hypothesis of
//! `k + 1` equally likely ones is rejected after `n` flows. It assumes that the balancing is even and
//! independent of other balancers, that every probe is answered, and that routes stay.

use super::config::Confidence;

/// The published table for 2, 3, … 17 next hops.
const AT_95: [u32; 16] = [
    6, 11, 16, 21, 27, 33, 38, 44, 51, 57, 63, 70, 76, 83, 90, 96,
];
const AT_99: [u32; 16] = [
    8, 15, 21, 28, 36, 43, 51, 58, 66, 74, 82, 90, 98, 106, 115, 123,
];

/// How many flows through a node, all of them seen at one of `hypothesis - 1` next hops, reject that it has
/// `hypothesis` of them. A hypothesis below 2 is read as 2.
#[must_use]
pub fn stopping_point(confidence: Confidence, hypothesis: u32) -> u32 {
    let table = match confidence {
        Confidence::P95 => &AT_95,
        Confidence::P99 => &AT_99,
    };
    let index = hypothesis.saturating_sub(2) as usize;
    match table.get(index) {
        Some(&flows) => flows,
        None => closed_form(confidence.epsilon(), hypothesis),
    }
}

/// The union bound `ceil(ln(eps / n) / ln((n - 1) / n))`, for any accepted miss.
pub(super) fn closed_form(epsilon: f64, hypothesis: u32) -> u32 {
    let n = f64::from(hypothesis.max(2));
    let flows = ((epsilon / n).ln() / ((n - 1.0) / n).ln()).ceil();
    // A float becomes an integer by saturation: never negative, never more than u32::MAX.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let flows = flows as u32;
    flows
}

/// The greatest probability, 0 to 1, that a node with `found` next hops has one more that `flows` flows
/// through it did not show: `n ((n - 1) / n)^flows` with `n = found + 1`.
#[must_use]
pub fn miss_bound(found: u32, flows: u32) -> f64 {
    let n = f64::from(found.max(1)) + 1.0;
    let flows = i32::try_from(flows).unwrap_or(i32::MAX);
    (n * ((n - 1.0) / n).powi(flows)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_published_one_and_the_closed_form_goes_on_beyond() {
        assert_eq!(stopping_point(Confidence::P95, 2), 6);
        assert_eq!(stopping_point(Confidence::P95, 17), 96);
        assert_eq!(stopping_point(Confidence::P99, 17), 123);
        assert!(stopping_point(Confidence::P95, 18) > 96);
        assert_eq!(stopping_point(Confidence::P95, 0), 6);
    }

    #[test]
    fn the_closed_form_differs_from_the_table_by_one_at_most() {
        for hypothesis in 2..=17 {
            for confidence in [Confidence::P95, Confidence::P99] {
                let table = stopping_point(confidence, hypothesis);
                let formula = closed_form(confidence.epsilon(), hypothesis);
                assert!(
                    formula == table || formula == table + 1,
                    "{hypothesis}: {formula} {table}"
                );
            }
        }
    }

    #[test]
    fn six_flows_through_a_node_with_one_next_hop_bound_the_miss_by_about_three_percent() {
        assert!((miss_bound(1, 6) - 0.031_25).abs() < 1e-9);
        assert!((miss_bound(1, 0) - 1.0).abs() < 1e-9);
    }
}
