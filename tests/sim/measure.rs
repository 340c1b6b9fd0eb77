//! Many seeded runs over one shape, and what can be said of them without luck.
//!
//! A share is asserted so that a machine that keeps its promise fails the test less than once in a million times, whatever the number of
//! runs: more runs see finer. `NWCHECK_SIM_RUNS` multiplies them, `NWCHECK_SIM_SEED` moves all seeds.

use nwcheck::proto::trace::{Config, Micros};

use crate::drive::{Mischief, Run, run_with};
use crate::network::{Network, mix};

/// How rarely a test may fail by chance.
const CHANCE: f64 = 1e-6;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// So many runs, or as many times more as is asked for.
pub(crate) fn runs(few: u64) -> u64 {
    few * number("NWCHECK_SIM_RUNS").unwrap_or(1)
}

/// The seeds of one test: its own, whatever the others do.
pub(crate) fn seeds(name: &str, few: u64) -> impl Iterator<Item = u64> {
    let own = name.bytes().fold(
        number("NWCHECK_SIM_SEED").unwrap_or(20_261_121),
        |seed, byte| mix(seed ^ u64::from(byte)),
    );
    (0..runs(few)).map(move |run| mix(own ^ run))
}

/// Fails if what happens with this probability, at least, was seen in so few of the runs that chance does not explain it.
#[track_caller]
pub(crate) fn assert_share(what: &str, seen: usize, runs: usize, promised: f64) {
    let tail = at_most(seen, runs, promised);
    println!("{what}: {seen} of {runs}, promised {promised}");
    assert!(
        tail > CHANCE,
        "{what}: {seen} of {runs} where {promised} was promised happens once in {:.0} times",
        1.0 / tail
    );
}

/// The probability of `seen` or fewer of `runs` where each succeeds with `share`.
fn at_most(seen: usize, runs: usize, share: f64) -> f64 {
    if share >= 1.0 {
        return if seen < runs { 0.0 } else { 1.0 };
    }
    let mut term = (1.0 - share).ln() * as_f64(runs);
    let mut sum = term.exp();
    for hits in 1..=seen {
        term += (as_f64(runs - hits + 1) / as_f64(hits)).ln() + (share / (1.0 - share)).ln();
        sum += term.exp();
    }
    sum.min(1.0)
}

fn as_f64(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

/// What a number of runs over one shape came to.
pub(crate) struct Measured {
    name: String,
    pub(crate) runs: Vec<Outcome>,
}

pub(crate) struct Outcome {
    pub(crate) whole: bool,
    pub(crate) run: Run,
}

pub(crate) fn measure(
    name: &str,
    few: u64,
    config: &Config,
    shape: impl Fn() -> Network,
) -> Measured {
    let mut all = Vec::new();
    for seed in seeds(name, few) {
        let mut network = shape().salted(seed);
        let run = run_with(&mut network, config.clone(), seed, Mischief::default());
        run.assert_true_to(&network);
        assert!(run.graph.arrivals <= config.arrivals_max);
        all.push(Outcome {
            whole: run.is_whole(&network),
            run,
        });
    }
    let measured = Measured {
        name: name.to_owned(),
        runs: all,
    };
    measured.print();
    measured
}

impl Measured {
    fn print(&self) {
        let mut probes: Vec<u32> = self.runs.iter().map(|one| one.run.probes).collect();
        let mut took: Vec<u64> = self.runs.iter().map(|one| one.run.took.0 / 1000).collect();
        probes.sort_unstable();
        took.sort_unstable();
        let last = self.runs.len() - 1;
        println!(
            "{}: whole {} of {}; probes median {} p95 {} most {}; ms median {} p95 {} most {}",
            self.name,
            self.runs.iter().filter(|one| one.whole).count(),
            self.runs.len(),
            probes[last / 2],
            probes[last * 95 / 100],
            probes[last],
            took[last / 2],
            took[last * 95 / 100],
            took[last],
        );
    }

    /// At least this share of the runs found every node and link.
    #[track_caller]
    pub(crate) fn assert_whole(&self, promised: f64) {
        let whole = self.runs.iter().filter(|one| one.whole).count();
        assert_share(
            &format!("{}: whole", self.name),
            whole,
            self.runs.len(),
            promised,
        );
    }

    /// At least 19 of 20 runs need no more probes.
    #[track_caller]
    pub(crate) fn assert_probes(&self, most: u32) {
        let within = self
            .runs
            .iter()
            .filter(|one| one.run.probes <= most)
            .count();
        let what = format!("{}: within {most} probes", self.name);
        assert_share(&what, within, self.runs.len(), 0.95);
    }

    /// No run takes longer, in virtual time.
    #[track_caller]
    pub(crate) fn assert_took(&self, millis: u64) {
        for one in &self.runs {
            let took = one.run.took;
            assert!(
                took < Micros::from_millis(millis),
                "{}: {took:?}",
                self.name
            );
        }
    }
}

#[test]
fn the_binomial_tail_is_right_where_it_can_be_counted() {
    assert!((at_most(0, 3, 0.5) - 0.125).abs() < 1e-12);
    assert!((at_most(2, 3, 0.5) - 0.875).abs() < 1e-12);
    assert!(at_most(900, 1000, 0.95) < 1e-6);
    assert!(at_most(930, 1000, 0.95) > 1e-3);
}
