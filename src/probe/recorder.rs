//! Where probes put what they observe: the one evidence, the one clock, and the bell that wakes the loop.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use tokio::sync::Notify;

use crate::model::evidence::NotMeasured;
use crate::model::{Evidence, Ms, Observation, ObservationId};

/// Is told of each observation when it is recorded. It must not touch the recorder.
pub type Observer = Rc<dyn Fn(&Observation)>;

/// A handle on the evidence of one check. Clones share it; everything runs on one thread.
#[derive(Clone)]
pub struct Recorder {
    evidence: Rc<RefCell<Evidence>>,
    changed: Rc<Notify>,
    began: Instant,
    deadline: Instant,
    observer: Option<Observer>,
}

impl Recorder {
    /// Starts the clock of a check.
    pub fn new(evidence: Evidence) -> Self {
        Self::since(evidence, Instant::now())
    }

    /// The same for a check that began earlier.
    pub fn since(evidence: Evidence, began: Instant) -> Self {
        let deadline = began + evidence.options.deadline_ms.to_duration();
        Self {
            evidence: Rc::new(RefCell::new(evidence)),
            changed: Rc::new(Notify::new()),
            began,
            deadline,
            observer: None,
        }
    }

    /// The same recorder, which tells somebody of each observation.
    #[must_use]
    pub fn telling(mut self, observer: Option<Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// When probes have to be at their end, so that the check can be judged before its deadline.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The time since the check began.
    pub fn now(&self) -> Ms {
        self.began.elapsed().into()
    }

    /// An instant as an offset from the start of the check.
    pub fn at(&self, instant: Instant) -> Ms {
        instant.saturating_duration_since(self.began).into()
    }

    /// An offset from the start of the check as an instant.
    pub fn instant(&self, at: Ms) -> Instant {
        self.began + at.to_duration()
    }

    /// Records an observation, and says under which number.
    pub fn record(&self, observation: Observation) -> ObservationId {
        let id = self.evidence.borrow_mut().record(observation);
        if let Some(tell) = &self.observer
            && let Some(recorded) = self.evidence.borrow().observations.last()
        {
            tell(recorded);
        }
        self.changed.notify_one();
        id
    }

    /// Notes that something could not be measured.
    pub fn note(&self, what: impl Into<String>, why: impl Into<String>, command: Option<String>) {
        self.update(|evidence| {
            evidence.note(NotMeasured {
                what: what.into(),
                why: why.into(),
                command,
            });
        });
    }

    /// Reads the evidence. Must not be called from within [`Self::update`].
    pub fn read<R>(&self, look: impl FnOnce(&Evidence) -> R) -> R {
        look(&self.evidence.borrow())
    }

    /// Changes the evidence and wakes the loop. Must not be called from within [`Self::read`].
    pub fn update<R>(&self, change: impl FnOnce(&mut Evidence) -> R) -> R {
        let result = change(&mut self.evidence.borrow_mut());
        self.changed.notify_one();
        result
    }

    /// Waits until something was recorded since the last wait.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The evidence as it is now.
    pub fn snapshot(&self) -> Evidence {
        self.evidence.borrow().clone()
    }
}
