//! `local-cpu-high`: other work keeps this machine's processors from the check.
//!
//! A busy machine is nobody's fault as long as the check goes well, and a build machine is busy all day: so it is told only beside
//! something that it may explain: a probe lost among answered ones, or a time limit that was exceeded. It is a warning only where the
//! limit is kept by the kernel's round trip and broken by what this machine added to it: there the figure is its own doing.

use crate::diagnose::scene::{Scene, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::local::Load;
use crate::model::text::{count, list};
use crate::model::{Evidence, Finding, Id, Ms, Observation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalCpuHigh,
    explain: Explain {
        meaning: "Other programs use this machine's processors up, or its control group (a container) has used up its quota: programs \
                  wait for their turn before they see an answer that is long there.",
        proof: "Of the time that nwcheck left them, the processors were busy for 95 % or more during the check (`/proc/stat`), or the \
                control group stood still for a tenth of it (`cpu.stat`). That alone is an info, given only beside probes lost among \
                answered ones, or beside a time limit that was exceeded. It is a warning when connections broke --max-connect of which \
                the kernel's own round trip kept it (their answer was there before the program could take it), and the kernel counted that \
                this program waited as long for a processor (`/proc/self/schedstat`, `cpu.stat`).",
        remedy: "See what runs: `top`. In a container raise its processor quota. Then check again: times taken on a busy machine are partly \
                 its own. Round trips of TCP come from the kernel, and are not affected.",
        lookalikes: "A slow path shows in the kernel's own round trips: `path-latency`. A process that is bound to one busy processor of \
                     many waits, too, though the machine as a whole is not busy: that is not told.",
    },
    judge: Judge::Check(judge),
};

/// From here on the processors are busy, percent.
const BUSY: f64 = 95.0;
/// Above this share of all processors it may be nwcheck itself that keeps them busy, percent.
const OWN: f64 = 50.0;
/// Of less time than this the clock's ticks (10 ms) tell little.
const SHORTEST: Ms = Ms::from_millis(250);

fn judge(evidence: &Evidence) -> Judgement {
    let scenes: Vec<Scene<'_>> = evidence
        .endpoints
        .iter()
        .map(|subject| Scene::new(evidence, subject))
        .collect();
    let untried = scenes.iter().filter(|scene| scene.burst.is_empty());
    let untried: Vec<Need> = untried
        .map(|scene| Need::Burst(scene.endpoint().clone()))
        .collect();
    if untried.len() == scenes.len() {
        return Judgement::Unknown(untried);
    }
    let troubled: Vec<&Observation> = scenes.iter().flat_map(explicable).collect();
    if troubled.is_empty() {
        return Judgement::Clear;
    }
    let ours: Vec<(Ms, &Observation)> = scenes.iter().flat_map(own_delays).collect();
    let Some(load) = evidence.local.load else {
        return Judgement::Unknown(Vec::new());
    };
    let cause = match busy(evidence, &load) {
        Busy::NotCounted => return Judgement::Unknown(Vec::new()),
        Busy::No => return Judgement::Clear,
        Busy::Yes(how) => how,
    };
    let shortest = ours.iter().map(|(by, _)| *by).min();
    let longest = ours.iter().map(|(by, _)| *by).max().unwrap_or_default();
    let waited = load.waited_ms.or(load.throttled_ms);
    let proven = shortest.is_some_and(|shortest| waited >= Some(shortest));
    let (severity, title) = if proven {
        (
            Severity::Warning,
            format!(
                "This machine itself added up to {longest} to {}: {cause}",
                count(ours.len() as u64, "connection")
            ),
        )
    } else {
        (
            Severity::Info,
            format!("This machine was busy during the check: {cause}"),
        )
    };
    let mut finding = Finding::new(Id::LocalCpuHigh, severity, title).explained(if proven {
        "The answers were there in time, and the program could not take them: its applications wait as long. The kernel's own round trips \
         are not affected."
    } else {
        "It may have to do with what was seen, and is not proven to: probes are lost on busy machines, and elsewhere."
    });
    finding = finding.fact(used(evidence, &load), []);
    if let Some(waited) = load.waited_ms {
        finding = finding.fact(
            format!(
                "This check itself could have run and waited for a processor for {waited} in all."
            ),
            [],
        );
    }
    if !ours.is_empty() {
        let seen: Vec<&Observation> = ours.iter().map(|(_, o)| *o).collect();
        finding = finding.fact(
            format!(
                "{} kept the limit by the kernel's round trip, and broke it because the answer was taken so much later, by up to {longest}.",
                count(ours.len() as u64, "connection")
            ),
            ids(&seen),
        );
    }
    finding = finding.fact(
        format!("Probes that were lost or too slow: {}.", troubled.len()),
        ids(&troubled),
    );
    Judgement::fires(
        finding
            .command("See what uses the processors:", "top -b -n 1 | head -n 20")
            .action("Check again when the machine is idle, or from another one."),
    )
}

/// Whether others kept the processors from this check.
enum Busy {
    /// So it was.
    Yes(String),
    /// They did not.
    No,
    /// The kernel does not say.
    NotCounted,
}

fn busy(evidence: &Evidence, load: &Load) -> Busy {
    let used = evidence.local.cpu_percent;
    let throttled = load
        .throttled_ms
        .filter(|stood| *stood > Ms::ZERO && stood.as_f64() * 10.0 >= load.during_ms.as_f64());
    if let Some(stood) = throttled {
        return Busy::Yes(format!(
            "its control group had used up its processor quota for {stood}"
        ));
    }
    let Some(used) = used else {
        return Busy::NotCounted;
    };
    let own = load.own_cpu_percent.unwrap_or_default();
    let others = (used - own).max(0.0) / (100.0 - own).max(1.0) * 100.0;
    if load.during_ms >= SHORTEST && own <= OWN && others >= BUSY {
        Busy::Yes(format!("its processors were {used:.0} % in use"))
    } else {
        Busy::No
    }
}

/// What was counted, in a sentence.
fn used(evidence: &Evidence, load: &Load) -> String {
    let used = evidence.local.cpu_percent.map(|used| {
        let own = load.own_cpu_percent.map_or_else(String::new, |own| {
            format!(", {own:.0} % by this check itself")
        });
        format!("{used:.0} % of the processors' time was used{own}")
    });
    let stood = load
        .throttled_ms
        .filter(|stood| *stood > Ms::ZERO)
        .map(|stood| format!("the control group stood still for {stood} for want of quota"));
    let parts: Vec<String> = used.into_iter().chain(stood).collect();
    format!("In {}, {}.", load.during_ms, list(&parts))
}

/// The connections that broke the limit of the time to an open socket though the kernel's round trip kept it, and by how much later than
/// it came their answer was taken.
fn own_delays<'a>(scene: &Scene<'a>) -> Vec<(Ms, &'a Observation)> {
    let Some(limit) = scene.evidence.options.max_connect_ms else {
        return Vec::new();
    };
    let burst = scene.burst.iter().copied();
    let ours = burst.filter_map(
        |o| match (o.outcome, o.retransmits, o.elapsed_ms, o.rtt_ms) {
            (Outcome::Ok, Some(0), Some(elapsed), Some(rtt)) if rtt <= limit && elapsed > limit => {
                Some((elapsed.saturating_sub(rtt), o))
            }
            _ => None,
        },
    );
    ours.collect()
}

/// The probes that a busy machine may explain: lost among answered ones, or longer than a limit that was asked for.
fn explicable<'a>(scene: &Scene<'a>) -> Vec<&'a Observation> {
    let options = &scene.evidence.options;
    let limits = [
        options.max_avg_ms,
        options.max_p95_ms,
        options.max_connect_ms,
    ];
    let limit = limits.into_iter().flatten().min();
    let answered = scene.burst.iter().any(|o| o.outcome == Outcome::Ok);
    let lost = |o: &Observation| answered && (o.outcome == Outcome::Timeout || o.first_syn_lost());
    let slow = |o: &Observation| {
        o.outcome == Outcome::Ok && limit.is_some_and(|limit| o.elapsed_ms > Some(limit))
    };
    let burst = scene.burst.iter().copied();
    burst.filter(|o| lost(o) || slow(o)).collect()
}
