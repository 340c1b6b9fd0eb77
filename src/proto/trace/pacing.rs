//! How fast probes go: the token bucket of the whole trace, and the pace of each hop.
//!
//! Linux answers six expired probes in a burst and then about one a second to each asker
//! (`net/ipv4/icmp.c`, `icmpv4_xrlim_allow`; `net.ipv4.icmp_ratelimit`). The limit is never assumed: a hop
//! that answered and then misses several in a row is asked one at a time, as fast as it answers.

use super::probe::Micros;

/// Misses in a row after which a hop that has answered is taken to limit its answers.
const RUN: u32 = 3;
/// Answers before that, without which it may as well be an unlucky hop.
const ANSWERS: u32 = 3;
/// Paced probes of flows that had not been answered before, all in vain, after which pacing is given up.
const PATIENCE: u32 = 4;
const FIRST_INTERVAL: Micros = Micros::from_millis(500);
const LEAST_INTERVAL: Micros = Micros::from_millis(50);
const GREATEST_INTERVAL: Micros = Micros::from_millis(1500);

/// A token bucket in units of one probe.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Time for one token.
    cost: u64,
    /// Tokens, as the time that made them.
    credit: u64,
    full: u64,
    at: Micros,
}

impl Bucket {
    pub(super) fn new(rate: u32, burst: u32, now: Micros) -> Self {
        let cost = (1_000_000 / u64::from(rate.max(1))).max(1);
        let full = cost.saturating_mul(u64::from(burst.max(1)));
        Self {
            cost,
            credit: full,
            full,
            at: now,
        }
    }

    /// Takes a token, or says when there will be one.
    pub(super) fn take(&mut self, now: Micros) -> Result<(), Micros> {
        self.credit = self
            .credit
            .saturating_add(now.minus(self.at).0)
            .min(self.full);
        self.at = self.at.max(now);
        match self.credit.checked_sub(self.cost) {
            Some(rest) => {
                self.credit = rest;
                Ok(())
            }
            None => Err(self.at.plus(Micros(self.cost - self.credit))),
        }
    }

    /// Gives a token back that was not used.
    pub(super) fn put_back(&mut self) {
        self.credit = self.credit.saturating_add(self.cost).min(self.full);
    }
}

/// What one TTL has been asked and has answered, and how fast it may be asked.
#[derive(Clone, Debug, Default)]
pub(super) struct HopPace {
    pub(super) asked: u32,
    pub(super) answered: u32,
    pub(super) last_asked: Micros,
    run: u32,
    limited: Option<Limited>,
    /// It was asked slowly and did not answer either: its silence is no limit.
    unhelped: bool,
}

#[derive(Clone, Copy, Debug)]
struct Limited {
    since: Micros,
    interval: Micros,
    next: Micros,
    /// Questions that were answered at this pace and had not been before it, and those that were not either since the last of them.
    recovered: u32,
    misses: u32,
}

impl HopPace {
    pub(super) fn is_limited(&self) -> bool {
        self.limited.is_some()
    }

    /// It is paced, and at this pace answers what it had not before: what is missed now may be answered later.
    pub(super) fn is_helped(&self) -> bool {
        self.limited.is_some_and(|limited| limited.recovered > 0)
    }

    /// When the next probe to this hop may go.
    pub(super) fn next(&self) -> Micros {
        self.limited.map_or(Micros(0), |limited| limited.next)
    }

    pub(super) fn on_asked(&mut self, now: Micros) {
        self.asked = self.asked.saturating_add(1);
        self.last_asked = now;
        if let Some(limited) = &mut self.limited {
            limited.next = now.plus(limited.interval);
        }
    }

    /// A probe was answered; `recovers` where the same flow had asked in vain before.
    pub(super) fn on_answer(&mut self, sent: Micros, recovers: bool) {
        self.answered = self.answered.saturating_add(1);
        self.run = 0;
        if let Some(limited) = &mut self.limited
            && sent >= limited.since
        {
            limited.interval = Micros(limited.interval.0 / 10 * 7).max(LEAST_INTERVAL);
            if recovers {
                limited.recovered = limited.recovered.saturating_add(1);
                limited.misses = 0;
            }
        }
    }

    /// A probe was not answered; `again` where the same flow had asked in vain before.
    pub(super) fn on_miss(&mut self, sent: Micros, now: Micros, again: bool) {
        self.run = self.run.saturating_add(1);
        match &mut self.limited {
            Some(limited) if sent >= limited.since => {
                limited.interval = Micros(limited.interval.0 / 2 * 3).min(GREATEST_INTERVAL);
                limited.misses = limited.misses.saturating_add(u32::from(again));
                if limited.misses >= PATIENCE {
                    self.limited = None;
                    self.unhelped = true;
                }
            }
            None if self.run >= RUN && self.answered >= ANSWERS && !self.unhelped => {
                self.limited = Some(Limited {
                    since: now,
                    interval: FIRST_INTERVAL,
                    next: now.plus(FIRST_INTERVAL),
                    recovered: 0,
                    misses: 0,
                });
            }
            Some(_) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_lets_its_burst_pass_and_then_its_rate() {
        let mut bucket = Bucket::new(250, 2, Micros(0));
        assert_eq!(bucket.take(Micros(0)), Ok(()));
        assert_eq!(bucket.take(Micros(0)), Ok(()));
        assert_eq!(bucket.take(Micros(0)), Err(Micros(4000)));
        assert_eq!(bucket.take(Micros(4000)), Ok(()));
    }

    #[test]
    fn a_hop_that_never_answered_is_silent_and_not_limited() {
        let mut hop = HopPace::default();
        for at in 0..20 {
            hop.on_asked(Micros(at));
            hop.on_miss(Micros(at), Micros(at + 1), true);
        }
        assert!(!hop.is_limited());
    }

    #[test]
    fn a_hop_that_answers_a_burst_and_then_misses_is_paced() {
        let mut hop = HopPace::default();
        for at in 0..6 {
            hop.on_asked(Micros(at));
            hop.on_answer(Micros(at), false);
        }
        for at in 6..9 {
            hop.on_asked(Micros(at));
            hop.on_miss(Micros(at), Micros(300_000), false);
        }
        assert!(hop.is_limited());
        assert_eq!(hop.next(), Micros(800_000));
    }
}
