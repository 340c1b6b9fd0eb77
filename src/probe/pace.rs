//! How fast path probes go: one bucket for the whole process, whatever number of targets and addresses it traces.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A token bucket that all tracers share.
#[derive(Clone)]
pub struct Pace(Rc<RefCell<Bucket>>);

struct Bucket {
    tokens: f64,
    filled: Instant,
    rate: f64,
    burst: f64,
}

impl Pace {
    /// So many probes a second, and so many at once.
    pub fn new(rate: u32, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        let bucket = Bucket {
            tokens: burst,
            filled: Instant::now(),
            rate: f64::from(rate.max(1)),
            burst,
        };
        Self(Rc::new(RefCell::new(bucket)))
    }

    /// Takes a token now, or says when there will be one.
    ///
    /// # Errors
    /// There is none now: when there will be.
    pub fn take(&self) -> Result<(), Instant> {
        let mut bucket = self.0.borrow_mut();
        let now = Instant::now();
        let gained = now.duration_since(bucket.filled).as_secs_f64() * bucket.rate;
        bucket.tokens = (bucket.tokens + gained).min(bucket.burst);
        bucket.filled = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(now + Duration::from_secs_f64((1.0 - bucket.tokens) / bucket.rate))
    }

    /// Gives a token back that was not needed.
    pub fn give_back(&self) {
        let mut bucket = self.0.borrow_mut();
        bucket.tokens = (bucket.tokens + 1.0).min(bucket.burst);
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn a_burst_goes_at_once_and_the_next_has_to_wait() {
        let pace = Pace::new(10, 3);
        assert!((0..3).all(|_| pace.take().is_ok()));
        assert!(pace.take().is_err());
    }
}
