//! Processor, memory, and the pressure on them.

#![deny(clippy::indexing_slicing)]

use std::time::Duration;

use super::{Resource, read};

/// Ticks of `/proc/stat` in a second (`USER_HZ`): 100 on all that nwcheck is built for, whatever the kernel's own clock (time(7)).
const TICKS_A_SECOND: f64 = 100.0;

/// What the processors did since boot, in ticks, all of them added up. In a container it is the whole
/// machine's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// Neither idle nor waiting for a disk.
    pub busy: u64,
    /// All.
    pub total: u64,
    /// Of the busy, what the hypervisor gave to others.
    pub stolen: u64,
}

impl CpuTimes {
    /// Percent busy between an earlier snapshot and this one, 0 to 100; `None` if no tick has passed.
    pub fn percent_since(&self, earlier: &Self) -> Option<f64> {
        share(earlier.busy, self.busy, earlier.total, self.total)
    }

    /// The time of all processors together between an earlier snapshot and this one; `None` if no tick has passed.
    pub fn time_since(&self, earlier: &Self) -> Option<Duration> {
        let ticks = self
            .total
            .checked_sub(earlier.total)
            .filter(|&ticks| ticks > 0)?;
        Some(Duration::from_secs_f64(ticks as f64 / TICKS_A_SECOND))
    }

    /// Percent stolen by the hypervisor between an earlier snapshot and this one.
    pub fn stolen_percent_since(&self, earlier: &Self) -> Option<f64> {
        share(earlier.stolen, self.stolen, earlier.total, self.total)
    }
}

fn share(part_then: u64, part_now: u64, then: u64, now: u64) -> Option<f64> {
    let total = now.checked_sub(then).filter(|&ticks| ticks > 0)?;
    // A counter may run back a little (`iowait` does): no more than all, no less than none.
    let part = part_now.saturating_sub(part_then).min(total);
    Some(part as f64 / total as f64 * 100.0)
}

/// A snapshot of `/proc/stat`.
pub fn cpu_times() -> Option<CpuTimes> {
    parse_cpu(&read("/proc/stat")?)
}

fn parse_cpu(text: &str) -> Option<CpuTimes> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .map_while(|word| word.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal; guest times are within user and nice.
    let (&idle, &waiting) = (ticks.get(3)?, ticks.get(4)?);
    let total = ticks.iter().take(8).copied().fold(0, u64::saturating_add);
    Some(CpuTimes {
        busy: total.saturating_sub(idle).saturating_sub(waiting),
        total,
        stolen: ticks.get(7).copied().unwrap_or(0),
    })
}

/// Memory of the machine, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// All.
    pub total: u64,
    /// What programs could get without swapping (`MemAvailable`).
    pub available: u64,
}

impl Memory {
    /// Percent available, 0 to 100.
    pub fn available_percent(&self) -> f64 {
        if self.total == 0 {
            return 100.0;
        }
        self.available.min(self.total) as f64 * 100.0 / self.total as f64
    }
}

/// A snapshot of `/proc/meminfo`.
pub fn memory() -> Option<Memory> {
    parse_memory(&read("/proc/meminfo")?)
}

fn parse_memory(text: &str) -> Option<Memory> {
    let field = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        kib.checked_mul(1024)
    };
    Some(Memory {
        total: field("MemTotal:")?,
        available: field("MemAvailable:")?,
    })
}

/// One line of a pressure file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PressureLine {
    /// Percent of the last ten seconds stalled.
    pub avg10: f64,
    /// Percent of the last minute stalled.
    pub avg60: f64,
    /// Time stalled since boot; the difference of two is what a check suffered.
    pub total: Duration,
}

/// How much work was stalled for want of a resource (PSI, Linux 4.20; `Documentation/accounting/psi.rst`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pressure {
    /// At least one task was stalled.
    pub some: PressureLine,
    /// All tasks were.
    pub full: Option<PressureLine>,
}

/// A snapshot of a pressure file; `None` where the kernel has none.
pub fn pressure(resource: Resource) -> Option<Pressure> {
    parse_pressure(&read(match resource {
        Resource::Cpu => "/proc/pressure/cpu",
        Resource::Memory => "/proc/pressure/memory",
        Resource::Io => "/proc/pressure/io",
    })?)
}

pub(super) fn parse_pressure(text: &str) -> Option<Pressure> {
    let line = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let field = |name: &str| {
            line.split_whitespace()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        Some(PressureLine {
            avg10: field("avg10")?.parse().ok()?,
            avg60: field("avg60")?.parse().ok()?,
            total: Duration::from_micros(field("total")?.parse().ok()?),
        })
    };
    Some(Pressure {
        some: line("some ")?,
        full: line("full "),
    })
}

/// What the scheduler did with the first thread of this process since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// It ran.
    pub ran: Duration,
    /// It could have run, and waited for a processor; also while its control group had used up its quota.
    pub waited: Duration,
}

/// A snapshot of `/proc/self/schedstat`, which is about the first thread alone (`Documentation/scheduler/sched-stats.rst`); `None`
/// where the kernel does not count it.
pub fn schedule() -> Option<Schedule> {
    parse_schedule(&read("/proc/self/schedstat")?)
}

fn parse_schedule(text: &str) -> Option<Schedule> {
    let mut words = text.split_whitespace();
    let mut time = || words.next()?.parse().ok().map(Duration::from_nanos);
    Some(Schedule {
        ran: time()?,
        waited: time()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn busy_is_what_is_neither_idle_nor_waiting() {
        let then = parse_cpu("cpu  10 0 10 70 10 0 0 0 5 0\ncpu0 1 1 1 1 1\n").unwrap();
        let now = parse_cpu("cpu  60 0 10 120 10 0 0 0 5 0\n").unwrap();
        assert_eq!((then.busy, then.total), (20, 100));
        assert_eq!(now.percent_since(&then), Some(50.0));
        assert_eq!(now.percent_since(&now), None);
    }

    #[test]
    fn available_memory_is_a_share_of_all() {
        let memory =
            parse_memory("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 50 kB\n").unwrap();
        assert_eq!(memory.total, 1_024_000);
        assert!((memory.available_percent() - 5.0).abs() < 1e-9);
    }

    #[test]
    fn the_schedule_has_running_and_waiting_apart() {
        let schedule = parse_schedule("1500000 2000 7\n").unwrap();
        assert_eq!(schedule.ran, Duration::from_micros(1500));
        assert_eq!(schedule.waited, Duration::from_micros(2));
        assert_eq!(parse_schedule("1500000\n"), None);
    }

    #[test]
    fn pressure_has_an_average_and_a_total() {
        let text = "some avg10=0.18 avg60=0.06 avg300=0.48 total=30519017\n";
        let pressure = parse_pressure(text).unwrap();
        assert!((pressure.some.avg10 - 0.18).abs() < 1e-9);
        assert_eq!(pressure.some.total, Duration::from_micros(30_519_017));
        assert_eq!(pressure.full, None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-zA-Z0-9 :=.\\n-]{0,120}") {
            let _ = parse_cpu(&format!("cpu {text}"));
            let _ = parse_schedule(&text);
            let _ = parse_memory(&format!("MemTotal:{text}\nMemAvailable:{text}"));
            let _ = parse_pressure(&format!("some {text}"));
        }

        #[test]
        fn percent_is_always_between_nought_and_a_hundred(
            busy in any::<(u64, u64)>(), total in any::<(u64, u64)>(),
        ) {
            let then = CpuTimes { busy: busy.0, total: total.0, stolen: 0 };
            let now = CpuTimes { busy: busy.1, total: total.1, stolen: 0 };
            if let Some(percent) = now.percent_since(&then) {
                prop_assert!((0.0..=100.0).contains(&percent));
            }
        }
    }
}
