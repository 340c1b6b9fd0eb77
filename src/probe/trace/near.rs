//! The near hops, learnt once in a process: a router limits its answers per asker, and all traces of a process are one asker to it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::model::{Endpoint, Evidence};
use crate::proto::trace::Trunk;

/// So long a trace waits for what another one is about to learn.
const PATIENCE: Duration = Duration::from_millis(200);

/// By which way packets leave: near hops are shared by what leaves the same way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Way {
    source: Option<IpAddr>,
    gateway: IpAddr,
    interface: Option<String>,
}

impl Way {
    /// The way to an endpoint; none for what is on the link, where nothing is shared.
    pub fn to(evidence: &Evidence, endpoint: &Endpoint) -> Option<Self> {
        let route = evidence.local.route_to(&endpoint.address)?;
        Some(Self {
            source: route.source.as_ref().map(crate::model::Address::ip),
            gateway: route.gateway.as_ref()?.ip(),
            interface: route.interface.clone(),
        })
    }
}

/// What all traces of a process know of near hops.
#[derive(Clone, Default)]
pub struct NearHops {
    known: Rc<RefCell<HashMap<Way, Known>>>,
    changed: Rc<Notify>,
}

enum Known {
    /// A trace is about to learn them.
    Awaited,
    /// They are these.
    Learnt(Trunk),
}

impl NearHops {
    /// What is known of a way. The first who asks is to learn it and [`Self::tell`]; others wait for that, for a moment.
    pub async fn ask(&self, way: &Way) -> Trunk {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.known.borrow().get(way) {
                None => break,
                Some(Known::Learnt(trunk)) => return trunk.clone(),
                Some(Known::Awaited) => {}
            }
            let changed = self.changed.notified();
            if tokio::time::timeout_at(end.into(), changed).await.is_err() {
                return Trunk::default();
            }
        }
        self.known.borrow_mut().insert(way.clone(), Known::Awaited);
        Trunk::default()
    }

    /// Whether somebody should still tell what this way's near hops are.
    pub fn is_awaited(&self, way: &Way) -> bool {
        matches!(self.known.borrow().get(way), Some(Known::Awaited))
    }

    /// What a trace has learnt: more hops take the place of fewer.
    pub fn tell(&self, way: &Way, trunk: Trunk) {
        let mut known = self.known.borrow_mut();
        let fewer = match known.get(way) {
            Some(Known::Learnt(old)) => old.hops.len() < trunk.hops.len(),
            _ => true,
        };
        if fewer {
            known.insert(way.clone(), Known::Learnt(trunk));
        }
        drop(known);
        self.changed.notify_waiters();
    }
}
