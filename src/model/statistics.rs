//! What a burst of probes shows, in numbers: counts, loss with its interval, latency.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outcome::SampleOutcome;
use super::{Ms, Observation};

/// One probe of a burst.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// When it was sent, from the start of the check.
    pub at_ms: Ms,
    /// Its source port.
    pub source_port: Option<u16>,
    /// What came of it.
    pub outcome: SampleOutcome,
    /// Its round trip; null without an answer.
    pub rtt_ms: Option<Ms>,
    /// How often the kernel sent it again.
    pub retransmits: Option<u32>,
}

/// The probes to one address, counted. `sent = ok + refused + lost + error`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Probes {
    /// How many were made.
    pub sent: u32,
    /// How many did what was asked.
    pub ok: u32,
    /// How many were answered with a reset.
    pub refused: u32,
    /// How many got no answer at all.
    pub lost: u32,
    /// How many ended with an ICMP error or an error of this machine.
    pub error: u32,
    /// All that are not ok.
    pub failed: u32,
    /// The share of probes whose first packet got no answer: those lost, and those that were answered only after the kernel had sent
    /// the SYN again. Null without probes.
    pub loss_percent: Option<f64>,
    /// The share of probes that are not ok. Null without probes.
    pub failed_percent: Option<f64>,
    /// What loss the probes allow for, at 95 % (Clopper and Pearson, 1934; one-sided at none and all).
    pub loss_interval: Option<(f64, f64)>,
    /// The shortest round trip of those that are ok.
    pub min_ms: Option<Ms>,
    /// Their average.
    pub avg_ms: Option<Ms>,
    /// The longest.
    pub max_ms: Option<Ms>,
    /// Their standard deviation (of the population).
    pub stddev_ms: Option<Ms>,
    /// Their median.
    pub p50_ms: Option<Ms>,
    /// Their 95th percentile (nearest rank).
    pub p95_ms: Option<Ms>,
    /// The mean difference of one round trip from the one before it.
    pub jitter_ms: Option<Ms>,
    /// Each probe, in the order in which they were sent.
    pub samples: Vec<Sample>,
}

impl Probes {
    /// Counts a burst. The observations are those of the burst alone.
    pub fn count<'a>(observations: impl IntoIterator<Item = &'a Observation>) -> Self {
        let mut observations: Vec<&Observation> = observations.into_iter().collect();
        observations.sort_by_key(|observation| (observation.at_ms, observation.id));
        let mut probes = Self::default();
        let mut first_lost = 0;
        for observation in &observations {
            let outcome = observation.outcome.sample();
            probes.sent += 1;
            match outcome {
                SampleOutcome::Ok => probes.ok += 1,
                SampleOutcome::Refused => probes.refused += 1,
                SampleOutcome::Lost => probes.lost += 1,
                SampleOutcome::Error => probes.error += 1,
            }
            if outcome == SampleOutcome::Lost || observation.first_syn_lost() {
                first_lost += 1;
            }
            probes.samples.push(Sample {
                at_ms: observation.at_ms,
                source_port: observation.source_port,
                outcome,
                rtt_ms: observation.rtt_ms,
                retransmits: observation.retransmits,
            });
        }
        probes.failed = probes.sent - probes.ok;
        probes.loss_percent = percent(first_lost, probes.sent);
        probes.failed_percent = percent(probes.failed, probes.sent);
        probes.loss_interval = (probes.sent > 0).then(|| {
            let (low, high) = proportion_interval(first_lost, probes.sent);
            (round(low * 100.0), round(high * 100.0))
        });
        let times: Vec<Ms> = observations
            .iter()
            .filter(|o| o.outcome.sample() == SampleOutcome::Ok)
            .filter_map(|o| o.rtt_ms)
            .collect();
        probes.latency(&times);
        probes
    }

    fn latency(&mut self, times: &[Ms]) {
        if times.is_empty() {
            return;
        }
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let n = sorted.len() as f64;
        let mean = sorted.iter().map(|t| t.as_f64()).sum::<f64>() / n;
        let variance = sorted
            .iter()
            .map(|t| (t.as_f64() - mean).powi(2))
            .sum::<f64>()
            / n;
        self.min_ms = sorted.first().copied();
        self.max_ms = sorted.last().copied();
        self.avg_ms = Some(Ms::from_f64(mean));
        self.stddev_ms = Some(Ms::from_f64(variance.sqrt()));
        self.p50_ms = percentile(&sorted, 50);
        self.p95_ms = percentile(&sorted, 95);
        if times.len() > 1 {
            let steps = times.windows(2).map(|pair| match pair {
                [a, b] => (a.as_f64() - b.as_f64()).abs(),
                _ => 0.0,
            });
            self.jitter_ms = Some(Ms::from_f64(steps.sum::<f64>() / (n - 1.0)));
        }
    }
}

/// The nearest-rank percentile of sorted times.
fn percentile(sorted: &[Ms], percent: usize) -> Option<Ms> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn percent(part: u32, whole: u32) -> Option<f64> {
    (whole > 0).then(|| round(f64::from(part) * 100.0 / f64::from(whole)))
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The interval that holds the true share with 95 % confidence, given `hits` of `trials` (Clopper and Pearson, 1934): two-sided, but
/// one-sided where none or all hit, so that zero of ten allows for 26 %.
pub fn proportion_interval(hits: u32, trials: u32) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    if hits == 0 {
        return (0.0, 1.0 - 0.05_f64.powf(1.0 / f64::from(trials)));
    }
    if hits >= trials {
        return (0.05_f64.powf(1.0 / f64::from(trials)), 1.0);
    }
    // The bounds are where the binomial tail is 2.5 %; the tails are monotone in p, so bisection finds them.
    let bisect = |below: &dyn Fn(f64) -> bool| {
        let (mut low, mut high) = (0.0_f64, 1.0_f64);
        for _ in 0..50 {
            let middle = f64::midpoint(low, high);
            if below(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        f64::midpoint(low, high)
    };
    let low = bisect(&|p| 1.0 - binomial_at_most(hits - 1, trials, p) < 0.025);
    let high = bisect(&|p| binomial_at_most(hits, trials, p) > 0.025);
    (low, high)
}

/// The probability of at most `hits` of `trials`, each with probability `p`.
fn binomial_at_most(hits: u32, trials: u32, p: f64) -> f64 {
    if p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return if hits >= trials { 1.0 } else { 0.0 };
    }
    // In logarithms, so that large counts neither overflow nor vanish.
    let mut log_term = f64::from(trials) * (1.0 - p).ln();
    let mut sum = log_term.exp();
    for k in 1..=hits.min(trials) {
        log_term += (f64::from(trials - k + 1) / f64::from(k)).ln() + p.ln() - (1.0 - p).ln();
        sum += log_term.exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::{Probes, proportion_interval};
    use crate::model::{Ms, Observation, Operation, Outcome};

    fn connect(
        at: u64,
        outcome: Outcome,
        rtt: Option<u64>,
        retransmits: u32,
        elapsed: u64,
    ) -> Observation {
        Observation {
            rtt_ms: rtt.map(Ms::from_millis),
            elapsed_ms: Some(Ms::from_millis(elapsed)),
            retransmits: Some(retransmits),
            ..Observation::new(Operation::Connect, Ms::from_millis(at), outcome)
        }
    }

    #[test]
    fn no_loss_in_ten_still_allows_for_a_quarter() {
        for (trials, bound) in [
            (5, 0.4507),
            (10, 0.2589),
            (30, 0.0950),
            (100, 0.0295),
            (300, 0.0099),
        ] {
            let (low, high) = proportion_interval(0, trials);
            assert!(
                low.abs() < 1e-9 && (high - bound).abs() < 5e-4,
                "{trials}: {high}"
            );
        }
    }

    #[test]
    fn the_interval_is_the_textbook_one() {
        // Clopper-Pearson for 3 of 10: 6.67 % to 65.25 %.
        let (low, high) = proportion_interval(3, 10);
        assert!(
            (low - 0.0667).abs() < 1e-3 && (high - 0.6525).abs() < 1e-3,
            "{low} {high}"
        );
    }

    #[test]
    fn a_lost_syn_is_loss_and_not_latency() {
        let probes = Probes::count(&[
            connect(0, Outcome::Ok, Some(40), 0, 40),
            connect(20, Outcome::Ok, Some(42), 1, 1042),
            connect(40, Outcome::Timeout, None, 3, 3500),
            connect(60, Outcome::Refused, Some(40), 0, 40),
        ]);
        assert_eq!(
            (
                probes.sent,
                probes.ok,
                probes.refused,
                probes.lost,
                probes.error,
                probes.failed
            ),
            (4, 2, 1, 1, 0, 2)
        );
        assert_eq!(probes.max_ms, Some(Ms::from_millis(42)));
        assert_eq!(probes.loss_percent, Some(50.0));
        assert_eq!(probes.failed_percent, Some(50.0));
    }

    #[test]
    fn an_answer_slower_than_the_first_time_out_is_no_loss() {
        let probes = Probes::count(&[connect(0, Outcome::Ok, Some(1400), 1, 1401)]);
        assert_eq!(probes.loss_percent, Some(0.0));
    }

    #[test]
    fn nothing_sent_is_nothing_known() {
        let probes = Probes::count(&[]);
        assert_eq!(
            (probes.loss_percent, probes.loss_interval, probes.avg_ms),
            (None, None, None)
        );
    }
}
