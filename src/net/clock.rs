//! The clock: one monotonic start, and kernel timestamps on the same axis.
//!
//! What it is for: offsets for observations, and turning the wall-clock time at which the kernel saw a
//! packet (`SO_TIMESTAMPNS`, `CLOCK_REALTIME`) into an [`Instant`], so that the scheduling delay of this
//! process is no part of a round trip. What it may use: the two clocks of the standard library. What it
//! must not do: sleep.

use std::time::{Duration, Instant, SystemTime};

/// Timestamps older than this can't be of a packet that we wait for: the wall clock was set.
const OLDEST: Duration = Duration::from_secs(600);
/// Timestamps may look this far ahead of us, by the error of two clock readings.
const SKEW: Duration = Duration::from_millis(2);

/// The start of a run on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    wall: SystemTime,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        let (start, wall) = now();
        Self { start, wall }
    }

    /// The start on the monotonic clock.
    pub fn started(&self) -> Instant {
        self.start
    }

    /// The start on the wall clock, for the report's `started_at`.
    pub fn started_at(&self) -> SystemTime {
        self.wall
    }

    /// How long after the start `instant` is; zero if before.
    pub fn since_start(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.start)
    }

    /// How much time has passed since the start.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// How far the wall clock has moved away from the monotonic one since the start: it was set, or the
    /// machine slept. Positive when the wall clock is ahead.
    pub fn wall_drift_ms(&self) -> f64 {
        let (instant, wall) = now();
        let monotonic = instant.saturating_duration_since(self.start).as_secs_f64();
        let real = match wall.duration_since(self.wall) {
            Ok(ahead) => ahead.as_secs_f64(),
            Err(behind) => -behind.duration().as_secs_f64(),
        };
        (real - monotonic) * 1000.0
    }
}

/// The same moment on both clocks, to within a microsecond or so.
///
/// The wall clock is read between two readings of the monotonic one; of three tries the narrowest wins,
/// so that being scheduled away in between does not shift the pair.
pub fn now() -> (Instant, SystemTime) {
    let mut best: Option<(Duration, Instant, SystemTime)> = None;
    for _ in 0..3 {
        let before = Instant::now();
        let wall = SystemTime::now();
        let gap = before.elapsed();
        if best.is_none_or(|(narrowest, ..)| gap < narrowest) {
            best = Some((gap, before + gap / 2, wall));
        }
    }
    match best {
        Some((_, instant, wall)) => (instant, wall),
        None => (Instant::now(), SystemTime::now()),
    }
}

/// The moment of a kernel timestamp taken on `CLOCK_REALTIME`, on the monotonic clock.
///
/// The clocks are compared at the time of the call, so call it soon after the packet was read. `None` if
/// the stamp lies in the future or more than ten minutes back: then the wall clock was set meanwhile and
/// the stamp is worth nothing.
pub fn instant_of(stamp: SystemTime) -> Option<Instant> {
    let (instant, wall) = now();
    correlate(stamp, instant, wall)
}

fn correlate(stamp: SystemTime, instant: Instant, wall: SystemTime) -> Option<Instant> {
    match wall.duration_since(stamp) {
        Ok(age) if age <= OLDEST => instant.checked_sub(age),
        Err(ahead) if ahead.duration() <= SKEW => Some(instant),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_of_a_moment_ago_lies_a_moment_back() {
        let (instant, wall) = now();
        let back = Duration::from_millis(30);
        assert_eq!(
            correlate(wall - back, instant, wall),
            instant.checked_sub(back)
        );
    }

    #[test]
    fn a_stamp_from_the_future_or_from_long_ago_is_refused() {
        let (instant, wall) = now();
        assert_eq!(
            correlate(wall + Duration::from_secs(1), instant, wall),
            None
        );
        assert_eq!(
            correlate(wall - Duration::from_secs(3600), instant, wall),
            None
        );
        assert_eq!(
            correlate(wall + Duration::from_millis(1), instant, wall),
            Some(instant)
        );
    }

    #[test]
    fn before_the_start_is_zero() {
        let early = Instant::now();
        let clock = Clock::start();
        assert_eq!(clock.since_start(early), Duration::ZERO);
        assert!(clock.wall_drift_ms().abs() < 1000.0);
    }
}
