//! In which order attempts to one address succeed and fail: what changed while they were made, or counts them.

use crate::diagnose::scene::Scene;
use crate::model::{Ms, Observation, Outcome};

/// A claim needs to be so unlikely by chance.
const CHANCE_MAX: f64 = 0.05;
/// A pause so long, milliseconds, parts one burst from the next.
const PAUSE: u64 = 1000;

/// What the order shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Nothing.
    Mixed,
    /// The first succeeded, and none after them.
    Ended(Split),
    /// The first failed, and none after them.
    Began(Split),
    /// In each burst the first succeeded, and none after them.
    Spent(Split),
}

/// So many attempts of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Split {
    /// That were answered as asked, at once.
    pub well: usize,
    /// That were not.
    pub troubled: usize,
    /// From the first of them to the last.
    pub lasted: Ms,
}

/// What the order of the attempts shows: those of the bursts, and those with which source ports were tried again.
pub(crate) fn order(scene: &Scene<'_>) -> Order {
    let mut attempts: Vec<&Observation> = scene
        .burst
        .iter()
        .chain(&scene.same_port)
        .copied()
        .filter(|o| !o.outcome.is_local() && o.outcome != Outcome::Cancelled)
        .collect();
    attempts.sort_by_key(|o| o.at_ms);
    let (Some(first), Some(last)) = (attempts.first(), attempts.last()) else {
        return Order::Mixed;
    };
    let well = |o: &&Observation| o.outcome == Outcome::Ok && !o.first_syn_lost();
    let bursts: Vec<Vec<bool>> = attempts
        .chunk_by(|a, b| b.at_ms.saturating_sub(a.at_ms) < Ms::from_millis(PAUSE))
        .map(|burst| burst.iter().map(well).collect())
        .collect();
    let all = bursts.concat();
    let split = Split {
        well: all.iter().filter(|well| **well).count(),
        troubled: all.iter().filter(|well| !**well).count(),
        lasted: last.at_ms.saturating_sub(first.at_ms),
    };
    // Two orders would have been remarked upon.
    let once = 2.0 * by_chance(split.well, split.troubled);
    if all.is_sorted_by(|a, b| a >= b) && once < CHANCE_MAX {
        Order::Ended(split)
    } else if all.is_sorted() && once < CHANCE_MAX {
        Order::Began(split)
    } else if spent(&bursts) {
        Order::Spent(split)
    } else {
        Order::Mixed
    }
}

/// Whether in each of several bursts the first succeed, and none after them, and chance hardly orders them so.
fn spent(bursts: &[Vec<bool>]) -> bool {
    let count = |burst: &[bool]| {
        let well = burst.iter().filter(|well| **well).count();
        (well, burst.len() - well)
    };
    let both = bursts
        .iter()
        .map(|burst| count(burst))
        .filter(|(well, troubled)| *well > 0 && *troubled > 0);
    let chance: f64 = both.clone().map(|(w, t)| by_chance(w, t)).product();
    bursts.iter().all(|burst| burst.is_sorted_by(|a, b| a >= b))
        && both.count() >= 2
        && 2.0 * chance < CHANCE_MAX
}

/// How likely chance puts all of some before all of some others: one of the ways to choose their places.
fn by_chance(some: usize, others: usize) -> f64 {
    (0..some.min(others))
        .map(|i| (i + 1) as f64 / (some + others - i) as f64)
        .product()
}

#[cfg(test)]
mod tests {
    use super::{by_chance, spent};

    #[test]
    fn chance_is_one_of_the_ways_to_choose_the_places() {
        assert!((by_chance(2, 18) - 1.0 / 190.0).abs() < 1e-12);
        assert!((by_chance(18, 2) - 1.0 / 190.0).abs() < 1e-12);
        assert!((by_chance(0, 20) - 1.0).abs() < 1e-12);
    }

    fn burst(well: usize, troubled: usize) -> Vec<bool> {
        [vec![true; well], vec![false; troubled]].concat()
    }

    #[test]
    fn what_is_let_in_first_in_every_burst_is_counted() {
        assert!(spent(&[burst(4, 6), burst(1, 9)]));
        // A burst without failures, or without successes, takes nothing from it.
        assert!(spent(&[burst(4, 6), burst(1, 9), burst(0, 6)]));
    }

    #[test]
    fn one_burst_or_one_out_of_order_shows_no_limit() {
        assert!(!spent(&[burst(4, 6)]));
        assert!(!spent(&[burst(4, 6), vec![false, true, false, false]]));
        // Chance puts one first of few.
        assert!(!spent(&[burst(1, 2), burst(1, 2)]));
    }
}
