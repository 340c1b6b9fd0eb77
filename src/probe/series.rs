//! A series of probes, of whatever kind: how many, how far apart, how long each is waited for; and those that are under way.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Recorder;
use crate::model::{Endpoint, Icmp, Ms, Observation, Outcome};

/// A remote router reports a host that it can't resolve after three seconds and a little (Linux `neigh` defaults: three requests a
/// second apart): so long the first probes are waited for when nothing explains the silence.
pub(super) const LATE_REPORT: Duration = Duration::from_millis(3300);
/// When several probes were answered with an error and none as asked, the silent ones are waited for only so long.
pub(super) const ERRORS_EXPLAIN: Duration = Duration::from_millis(1300);
/// So many of the first probes are waited for that long: a cause that rests on ICMP needs two answers.
pub(super) const PATIENT: u32 = 2;
/// After a probe was sent its answer is waited for at least so long, and three round trips: late is not lost.
const GRACE: Duration = Duration::from_secs(1);

/// A series of probes.
#[derive(Debug, Clone)]
pub struct Series {
    /// To where.
    pub endpoint: Endpoint,
    /// How many.
    pub count: u32,
    /// Time from one to the next.
    pub interval: Duration,
    /// How long each may take.
    pub timeout: Duration,
    /// Whether they are controls.
    pub control: bool,
}

/// The probes of a series that were sent and not answered yet. Whatever is under way when this is dropped is recorded as cut short.
pub(super) struct Waiting {
    recorder: Recorder,
    series: Series,
    sent: BTreeMap<u32, (Instant, Observation)>,
    answered: u32,
    errors: u32,
    longest: Duration,
}

impl Waiting {
    /// Nothing was sent yet.
    pub(super) fn new(recorder: Recorder, series: Series) -> Self {
        Self {
            recorder,
            series,
            sent: BTreeMap::new(),
            answered: 0,
            errors: 0,
            longest: Duration::ZERO,
        }
    }

    /// A probe left.
    pub(super) fn sent(&mut self, number: u32, at: Instant, mut observation: Observation) {
        observation.at_ms = self.recorder.at(at);
        self.sent.insert(number, (at, observation));
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Until when a probe is waited for: for its time, and so that a late answer is not taken for a loss. None when it has ended.
    pub(super) fn end_of(&self, number: u32) -> Option<Instant> {
        let (began, _) = self.sent.get(&number)?;
        let mut end = *began + self.series.timeout;
        if self.answered > 0 {
            end = end.max(*began + GRACE.max(self.longest * 3));
        } else if self.errors >= 2 {
            end = end.min(*began + ERRORS_EXPLAIN);
        } else if number < PATIENT && !self.series.control {
            end = end.max(*began + LATE_REPORT);
        }
        Some(end.min(self.recorder.deadline()))
    }

    /// Until when anything is waited for: now, when nothing is under way.
    pub(super) fn end(&self) -> Instant {
        // The first are waited for longer than the rest; of the rest the last ends last.
        let first = self.sent.keys().take(PATIENT as usize);
        let ends = first.chain(self.sent.keys().next_back());
        ends.filter_map(|number| self.end_of(*number))
            .max()
            .unwrap_or_else(Instant::now)
    }

    /// An answer came. A second one to the same probe is a duplicate, and counts for nothing.
    pub(super) fn answered(
        &mut self,
        number: u32,
        at: Instant,
        reply_ttl: Option<u8>,
        error: Option<(Outcome, Icmp)>,
    ) {
        let Some((began, mut observation)) = self.sent.remove(&number) else {
            return;
        };
        let rtt = at.saturating_duration_since(began);
        observation.rtt_ms = Some(rtt.into());
        observation.elapsed_ms = Some(rtt.into());
        observation.reply_ttl = reply_ttl;
        if let Some((outcome, icmp)) = error {
            self.errors += 1;
            observation.outcome = outcome;
            observation.icmp = Some(icmp);
        } else {
            self.answered += 1;
            self.longest = self.longest.max(rtt);
            observation.outcome = Outcome::Ok;
        }
        self.recorder.record(observation);
    }

    /// A probe ended with an error of this machine.
    pub(super) fn failed(&mut self, number: u32, errno: String, outcome: Outcome) {
        let Some((began, mut observation)) = self.sent.remove(&number) else {
            return;
        };
        self.errors += 1;
        observation.elapsed_ms = Some(began.elapsed().into());
        observation.errno = Some(errno);
        observation.outcome = outcome;
        self.recorder.record(observation);
    }

    /// A probe got no answer.
    pub(super) fn lost(&mut self, number: u32) {
        if let Some((began, mut observation)) = self.sent.remove(&number) {
            observation.elapsed_ms = Some(began.elapsed().into());
            self.recorder.record(observation);
        }
    }

    /// All that is under way got no answer.
    pub(super) fn silent(mut self) {
        let all: Vec<u32> = self.sent.keys().copied().collect();
        for number in all {
            self.lost(number);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        for (began, mut observation) in std::mem::take(&mut self.sent).into_values() {
            observation.outcome = Outcome::Cancelled;
            observation.elapsed_ms = Some(Ms::from(began.elapsed()));
            self.recorder.record(observation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::source::Source;
    use crate::model::target::Protocol;
    use crate::model::{Evidence, Operation, Options, Target};

    fn waiting(control: bool) -> (Recorder, Waiting) {
        let target = Target::parse("192.0.2.7", Some(Protocol::Icmp)).unwrap();
        let endpoint = Endpoint::portless("192.0.2.7".parse::<crate::model::Address>().unwrap());
        let now = jiff::Timestamp::UNIX_EPOCH;
        let evidence = Evidence::new(now, Options::default(), target, Source::default());
        let recorder = Recorder::new(evidence);
        let series = Series {
            endpoint,
            count: 4,
            interval: Duration::from_millis(20),
            timeout: Duration::from_millis(100),
            control,
        };
        (recorder.clone(), Waiting::new(recorder, series))
    }

    fn blank() -> Observation {
        Observation::new(Operation::Echo, Ms::ZERO, Outcome::Timeout)
    }

    fn outcomes(recorder: &Recorder) -> Vec<Outcome> {
        recorder.read(|e| e.observations.iter().map(|o| o.outcome).collect())
    }

    #[test]
    fn a_duplicate_counts_once_and_what_was_never_sent_not_at_all() {
        let (recorder, mut waiting) = waiting(false);
        let at = Instant::now();
        waiting.sent(0, at, blank());
        let rtt = Duration::from_millis(7);
        for number in [0, 0, 9] {
            waiting.answered(number, at + rtt, Some(61), None);
        }
        waiting.silent();
        assert_eq!(outcomes(&recorder), [Outcome::Ok]);
        let first = recorder.read(|e| e.observations[0].clone());
        assert_eq!(
            (first.rtt_ms, first.reply_ttl),
            (Some(rtt.into()), Some(61))
        );
    }

    #[test]
    fn what_is_under_way_at_the_end_was_cut_short_and_not_lost() {
        let (recorder, mut waiting) = waiting(false);
        waiting.sent(0, Instant::now(), blank());
        waiting.sent(1, Instant::now(), blank());
        waiting.lost(0);
        drop(waiting);
        assert_eq!(outcomes(&recorder), [Outcome::Timeout, Outcome::Cancelled]);
    }

    #[test]
    fn late_is_not_lost_where_others_were_answered_and_silence_is_waited_for_until_a_router_may_explain_it()
     {
        let (_, mut waiting) = waiting(false);
        let at = Instant::now();
        for number in 0..4 {
            waiting.sent(number, at, blank());
        }
        assert_eq!(waiting.end_of(0), Some(at + LATE_REPORT));
        assert_eq!(waiting.end_of(3), Some(at + Duration::from_millis(100)));
        assert_eq!(waiting.end(), at + LATE_REPORT);
        waiting.answered(0, at + Duration::from_millis(600), None, None);
        assert_eq!(waiting.end_of(3), Some(at + Duration::from_millis(1800)));
        assert_eq!(waiting.end_of(0), None);
    }

    #[test]
    fn a_control_is_waited_for_no_longer_than_its_time_until_one_is_answered() {
        let (_, mut waiting) = waiting(true);
        let at = Instant::now();
        waiting.sent(0, at, blank());
        assert_eq!(waiting.end(), at + Duration::from_millis(100));
    }
}
