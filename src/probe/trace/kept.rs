//! The traces of one check: of one that runs, or has run, more can be asked.
//!
//! Which flows die is told by the flows that were followed already, from the same ports: a second trace would have to learn everything
//! again, and would wait for the same silence.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use tokio::sync::Notify;

use super::Trace;
use crate::model::Endpoint;

/// How many flows of a trace are asked for at the destination. Clones are the same wish.
#[derive(Clone, Default)]
pub(super) struct Wish {
    flows: Rc<Cell<u16>>,
    changed: Rc<Notify>,
}

impl Wish {
    /// So many.
    pub(super) fn flows(&self) -> u16 {
        self.flows.get()
    }

    /// More are asked for.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn raise(&self, flows: u16) {
        if flows > self.flows.get() {
            self.flows.set(flows);
            self.changed.notify_one();
        }
    }
}

/// The traces of a check, by what they lead to. Clones share them.
#[derive(Clone, Default)]
pub struct Kept(Rc<RefCell<HashMap<Endpoint, Entry>>>);

#[derive(Default)]
struct Entry {
    wish: Wish,
    state: State,
    /// Rings when the trace has ended.
    ended: Rc<Notify>,
}

#[derive(Default)]
enum State {
    /// It runs.
    #[default]
    Running,
    /// It has ended, and could go on.
    Ended(Box<Trace>),
    /// There is none.
    Gone,
}

impl Kept {
    /// A trace begins; what is wished of it meanwhile.
    pub(super) fn begins(&self, endpoint: &Endpoint, flows: u16) -> Wish {
        let entry = Entry::default();
        let wish = entry.wish.clone();
        wish.flows.set(flows);
        self.0.borrow_mut().insert(endpoint.clone(), entry);
        wish
    }

    /// It has ended, and stands ready.
    pub(super) fn keep(&self, endpoint: &Endpoint, trace: Trace) {
        self.end(endpoint, State::Ended(Box::new(trace)));
    }

    /// There is no trace, or nothing can be asked of it any more.
    pub(super) fn forget(&self, endpoint: &Endpoint) {
        self.end(endpoint, State::Gone);
    }

    fn end(&self, endpoint: &Endpoint, state: State) {
        if let Some(entry) = self.0.borrow_mut().get_mut(endpoint) {
            entry.state = state;
            entry.ended.notify_one();
        }
    }

    /// Wishes for the outcomes of so many flows. Where the trace runs its end is awaited; where it has ended it is handed out, to go on.
    pub(super) async fn wants(&self, endpoint: &Endpoint, flows: u16) -> Option<Trace> {
        let ended = {
            let mut kept = self.0.borrow_mut();
            let entry = kept.get_mut(endpoint)?;
            entry.wish.raise(flows);
            match std::mem::take(&mut entry.state) {
                State::Ended(trace) => return Some(*trace),
                State::Gone => {
                    entry.state = State::Gone;
                    return None;
                }
                State::Running => entry.ended.clone(),
            }
        };
        ended.notified().await;
        None
    }
}
