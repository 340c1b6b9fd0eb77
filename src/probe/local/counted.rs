//! What the kernel counts of this machine: read before the first probe and after the last, and compared. It judges nothing.

use std::time::{Duration, Instant};

use crate::model::local::{Conntrack, InterfaceErrors, Load};
use crate::model::{Evidence, Ms};
use crate::net::route::{self, Link};
use crate::net::system::{self, CpuTimes, Group, Resource, Schedule};

/// What is read at the start and compared at the end.
#[derive(Debug, Clone)]
pub struct Baseline {
    at: Instant,
    cpu: Option<CpuTimes>,
    schedule: Option<Schedule>,
    group: Group,
    memory_stalled: Option<Duration>,
    conntrack: Option<system::Conntrack>,
    links: Vec<Link>,
}

impl Baseline {
    /// Reads it.
    pub fn read() -> Self {
        Self {
            at: Instant::now(),
            cpu: system::cpu_times(),
            schedule: system::schedule(),
            group: system::group(),
            memory_stalled: memory_stalled(),
            conntrack: system::conntrack(),
            links: route::links().map(|dump| dump.items).unwrap_or_default(),
        }
    }
}

/// Compares what was read at the start with what is so at the end: load, and the errors of the interfaces.
pub fn finish(evidence: &mut Evidence, before: &Baseline) {
    let cpu = system::cpu_times();
    evidence.local.cpu_percent = cpu
        .zip(before.cpu)
        .and_then(|(now, then)| now.percent_since(&then))
        .map(tenth);
    evidence.local.memory_percent =
        system::memory().map(|memory| tenth(100.0 - memory.available_percent()));
    evidence.local.load = Some(load(before, cpu));
    evidence.local.conntrack = system::conntrack().map(|conntrack| Conntrack {
        count: conntrack.count,
        max: conntrack.max,
        dropped: before
            .conntrack
            .and_then(|before| Some(conntrack.dropped?.saturating_sub(before.dropped?))),
    });
    let now = route::links().map(|dump| dump.items).unwrap_or_default();
    for interface in &mut evidence.local.interfaces {
        let find = |links: &[Link]| {
            links
                .iter()
                .find(|link| link.name == interface.name)
                .cloned()
        };
        let (Some(earlier), Some(later)) = (find(&before.links), find(&now)) else {
            continue;
        };
        if let (Some(a), Some(b)) = (earlier.statistics, later.statistics) {
            interface.errors = Some(InterfaceErrors {
                rx_errors: b.rx_errors.saturating_sub(a.rx_errors),
                tx_errors: b.tx_errors.saturating_sub(a.tx_errors),
                tx_dropped: b.tx_dropped.saturating_sub(a.tx_dropped),
                carrier_changes: u64::from(
                    later
                        .carrier_changes
                        .unwrap_or(0)
                        .saturating_sub(earlier.carrier_changes.unwrap_or(0)),
                ),
            });
        }
    }
}

/// How long tasks waited for memory since the machine was started.
fn memory_stalled() -> Option<Duration> {
    system::pressure(Resource::Memory).map(|pressure| pressure.some.total)
}

/// What else this machine was busy with since then.
fn load(before: &Baseline, cpu: Option<CpuTimes>) -> Load {
    let rise = |now: Option<Duration>, then: Option<Duration>| {
        now.zip(then)
            .map(|(now, then)| Ms::from(now.saturating_sub(then)))
    };
    let (schedule, group) = (system::schedule(), system::group());
    let ran = schedule
        .zip(before.schedule)
        .map(|(now, then)| now.ran.saturating_sub(then.ran));
    let all = cpu
        .zip(before.cpu)
        .and_then(|(now, then)| now.time_since(&then));
    Load {
        during_ms: before.at.elapsed().into(),
        own_cpu_percent: ran.zip(all).map(|(ran, all)| {
            let share = ran.as_secs_f64() / all.as_secs_f64();
            tenth((share * 100.0).min(100.0))
        }),
        waited_ms: rise(
            schedule.map(|now| now.waited),
            before.schedule.map(|then| then.waited),
        ),
        throttled_ms: rise(group.throttled, before.group.throttled),
        memory_stalled_ms: rise(group.memory_stalled, before.group.memory_stalled)
            .or_else(|| rise(memory_stalled(), before.memory_stalled)),
        memory_limit_percent: group
            .memory
            .map(|memory| tenth(100.0 - memory.available_percent())),
    }
}

fn tenth(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}
